import compression from 'compression';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { handlers } from './handlers';
import { STATUSES_PAGE_SIZE } from './handlers/statuses';
import type { Authenticator } from './http/auth';
import type { Authorizer } from './http/authz';
import { dispatch } from './http/dispatch';
import { writeJson } from './http/fields';
import type { Service } from './http/handler';
import { readJsonBody } from './http/json-body';
import { ProblemError } from './http/problem';
import { reportProblem } from './http/report-problem';
import { requestContext } from './http/request-context';
import { serveSwaggerUi } from './http/swagger-ui';
import { validateRequest } from './http/validate';
import { WideLists } from './http/wide-lists';

/** Who may come in; absent: everybody, as the system actor. */
export interface Gate {
  authenticator?: Authenticator;
  authorizer?: Authorizer;
}

export const SYSTEM_ACTOR = 'system@hyperfleet.local';

/** A search of 4096 characters takes up to 12 KB when encoded. */
const MAX_URL_LENGTH = 16_384;

/** The API: the order in which a request is looked at, top to bottom. */
export function createApp(service: Service, gate: Gate = {}): Express {
  const { config, contract, log, metrics } = service;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use(metrics.middleware);
  app.use(requestContext(config, log));
  app.use((req: Request, _res: Response, next: NextFunction) => {
    if (req.url.length > MAX_URL_LENGTH) {
      const detail = `The URL must not have more than ${MAX_URL_LENGTH} characters.`;
      throw new ProblemError('LRG-001', detail, { status: 414 });
    }
    if (req.headers.host === undefined && req.httpVersion === '1.1') {
      throw new ProblemError('VAL-006', 'The request has no Host header.');
    }
    const repeated = repeatedHeader(req.rawHeaders);
    if (repeated !== undefined) {
      throw new ProblemError('VAL-006', `The request has more than one ${repeated} header.`);
    }
    next();
  });
  serveSwaggerUi(app);

  app.use((req: Request, _res: Response, next: NextFunction) => {
    const { operation, pathParams } = contract.match(req.method, req.path);
    req.context.operation = operation;
    req.context.pathParams = pathParams;
    req.params = pathParams;
    // Express parses the query anew at every look at it.
    Object.defineProperty(req, 'query', { value: req.query, writable: true, configurable: true });
    (req as unknown as { openapi: object }).openapi = { ...operation.metadata, pathParams };
    // HEAD is GET in everything but the body, which Node leaves out by itself.
    if (req.method === 'HEAD') req.method = 'GET';
    next();
  });

  app.use(async (req: Request, _res: Response, next: NextFunction) => {
    const { operation } = req.context;
    if (gate.authenticator && !operation!.public) {
      const identity = await gate.authenticator.authenticate(req.headers.authorization);
      gate.authorizer?.check(operation!.id, identity.claims);
      req.context.actor = identity.actor;
    } else {
      req.context.actor = SYSTEM_ACTOR;
    }
    next();
  });

  app.use(async (req: Request, _res: Response, next: NextFunction) => {
    const { mediaTypes } = req.context.operation!;
    if (mediaTypes.length > 0) {
      req.body = await readJsonBody(req, { maxBytes: config.maxBodyBytes, mediaTypes });
      req.context.mediaType = mediaTypeOf(req.headers['content-type']);
      // The validator compiles and keeps a schema for every distinct value of this header.
      req.headers['content-type'] = req.context.mediaType;
    } else {
      delete req.headers['content-type'];
    }
    next();
  });

  app.use(async (req: Request, res: Response, next: NextFunction) => {
    await validateRequest(contract, req, res);
    next();
  });

  const wideLists = new WideLists();
  app.use(async (req: Request, res: Response, next: NextFunction) => {
    const { id, queryParameters } = req.context.operation!;
    if (queryParameters.has('page')) {
      const { pageSize, size } = req.query as { pageSize?: number; size?: number };
      const usual = id.endsWith('Statuses') ? STATUSES_PAGE_SIZE : config.defaultPageSize;
      await wideLists.admit(pageSize ?? size ?? usual, res);
    }
    next();
  });

  const compress = compression({ level: 1, threshold: 1024 });
  app.use((req: Request, res: Response, next: NextFunction) => {
    // Only lists: an answer with an ETag must stay the exact bytes the tag stands for.
    if (!req.context.operation!.queryParameters.has('page')) {
      next();
    } else if (req.headers['accept-encoding'] === undefined) {
      res.setHeader('Vary', 'Accept-Encoding');
      next();
    } else {
      compress(req, res, next);
    }
  });
  app.use(writeJson);
  app.use(contract.validateResponse);
  app.use(dispatch(handlers, service));
  app.use(reportProblem(log));
  return app;
}

const ONCE = ['Host', 'Content-Type', 'Authorization'];

/** Node takes the first; a proxy in front may have looked at the last. */
function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  return ONCE.find((header) => {
    let count = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]!;
      if (name.length === header.length && name.toLowerCase() === header.toLowerCase()) count++;
    }
    return count > 1;
  });
}

function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]!.trim().toLowerCase();
}
