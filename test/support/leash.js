// @ts-check
/** Loaded into the product before it starts: ends the process when its parent is gone, however that came about. */
process.stdin
  .on('end', () => process.kill(process.pid, 'SIGKILL'))
  .resume()
  .unref();
