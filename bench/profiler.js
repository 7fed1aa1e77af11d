// @ts-check
/** Loaded into the product before it starts: SIGUSR2 begins a CPU profile, the next one writes it. */
const { writeFileSync } = require('node:fs');
const { Session } = require('node:inspector');

const SAMPLE_US = 500;
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
let running = false;

process.on('SIGUSR2', () => {
  if (!running) {
    running = true;
    session.post('Profiler.start');
    return;
  }
  running = false;
  session.post('Profiler.stop', (error, result) => {
    if (error === null)
      writeFileSync(process.env.PROFILE_FILE ?? '', JSON.stringify(result.profile));
  });
});
