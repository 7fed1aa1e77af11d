import { constants } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler } from 'express';

/** A page of 100 is rarely larger once it is compressed: zlib then works once, not once for each 16 KB. */
const CHUNK_BYTES = 64 * 1024;

/** The fastest of gzip and Brotli, where they cost the same. By default, Brotli takes twice as long. */
const QUALITY = 1;

const compress = compression({
  level: QUALITY,
  brotli: { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY }, chunkSize: CHUNK_BYTES },
  threshold: 1024,
  chunkSize: CHUNK_BYTES,
});

/** Compresses lists only: a response with a strong ETag must be exactly the bytes that it stands for. */
export const compressLists: RequestHandler = (req, res, next) => {
  if (
    req.context.operation!.defaultPageSize === undefined ||
    (req.query as { watch?: boolean }).watch === true
  ) {
    next();
  } else if (req.headers['accept-encoding'] === undefined) {
    // The middleware would wrap the response even if the client accepts no compression.
    res.setHeader('Vary', 'Accept-Encoding');
    next();
  } else {
    req.context.mayBeCompressed = true;
    void compress(req, res, next);
  }
};
