import compression from 'compression';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { handlers } from './handlers';
import { STATUSES_PAGE_SIZE } from './handlers/statuses';
import type { Authenticator } from './auth/authenticator';
import type { Authorizer } from './auth/authorizer';
import type { Contract } from './contract/document';
import { dispatch } from './http/dispatch';
import { writeJson } from './http/fields';
import type { Service } from './contract/handler';
import { jsonBody } from './http/json-body';
import { ProblemError } from './problems/problem';
import { reportProblem } from './http/problem-response';
import { requestContext } from './http/request-context';
import { swaggerUiFiles } from './http/swagger-ui';
import { validateRequest } from './contract/request-rules';
import { PageAdmission } from './http/page-admission';

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
    refuseMalformed(req);
    next();
  });
  app.use(swaggerUiFiles());
  const pages = new PageAdmission();
  app.use(async (req: Request, _res: Response, next: NextFunction) => {
    findOperation(contract, req);
    await identify(gate, req);
    next();
  });
  app.use(jsonBody(config.maxBodyBytes));
  app.use(async (req: Request, res: Response, next: NextFunction) => {
    await validateRequest(contract, req, res);
    const rows = pageSizeOf(req, config.defaultPageSize);
    if (rows !== undefined) {
      await pages.admit(rows, res);
      compressList(req, res);
    }
    writeJson(req, res);
    next();
  });
  app.use(contract.validateResponse);
  app.use(dispatch(handlers, service));
  app.use(reportProblem(log));
  return app;
}

function refuseMalformed(req: Request): void {
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
}

function findOperation(contract: Contract, req: Request): void {
  const { operation, pathParams } = contract.match(req.method, req.path);
  req.context.operation = operation;
  req.context.pathParams = pathParams;
  req.params = pathParams;
  // Express parses the query anew at every look at it.
  Object.defineProperty(req, 'query', { value: req.query, writable: true, configurable: true });
  (req as unknown as { openapi: object }).openapi = { ...operation.metadata, pathParams };
  // HEAD is GET in everything but the body, which Node leaves out by itself.
  if (req.method === 'HEAD') req.method = 'GET';
}

async function identify({ authenticator, authorizer }: Gate, req: Request): Promise<void> {
  const operation = req.context.operation!;
  if (authenticator === undefined || operation.public) {
    req.context.actor = SYSTEM_ACTOR;
    return;
  }
  const identity = await authenticator.authenticate(req.headers.authorization);
  authorizer?.check(operation.id, identity.claims);
  req.context.actor = identity.actor;
}

/** The rows a list is asked for at most; undefined: it is no list. */
function pageSizeOf(req: Request, usual: number): number | undefined {
  const { id, queryParameters } = req.context.operation!;
  if (!queryParameters.has('page')) return undefined;
  const { pageSize, size } = req.query as { pageSize?: number; size?: number };
  return pageSize ?? size ?? (id.endsWith('Statuses') ? STATUSES_PAGE_SIZE : usual);
}

const compress = compression({ level: 1, threshold: 1024 });

/** Only lists: an answer with an ETag must stay the exact bytes the tag stands for. */
function compressList(req: Request, res: Response): void {
  // The middleware wraps the response before it knows that nobody asks for it.
  if (req.headers['accept-encoding'] === undefined) res.setHeader('Vary', 'Accept-Encoding');
  else compress(req, res, () => undefined);
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
