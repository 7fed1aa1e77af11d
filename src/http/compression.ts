import compression from 'compression';
import type { RequestHandler } from 'express';

const compress = compression({ level: 1, threshold: 1024 });

/** Only lists: a response with an ETag must stay the exact bytes the tag stands for. */
export const compressLists: RequestHandler = (req, res, next) => {
  if (req.context.operation!.defaultPageSize === undefined) {
    next();
  } else if (req.headers['accept-encoding'] === undefined) {
    // The middleware wraps the response before it knows that nobody asks for it.
    res.setHeader('Vary', 'Accept-Encoding');
    next();
  } else {
    void compress(req, res, next);
  }
};
