import express, { type Express } from 'express';
import { identify } from './auth/gate';
import { dispatch } from './contract/dispatch';
import { applyRequestRules, refuseFaults } from './contract/request-rules';
import { handlers } from './handlers';
import { admitLists } from './http/admission';
import { compressLists } from './http/compression';
import { selectFields } from './http/fields';
import { readBody } from './http/json-body';
import { findOperation } from './http/operation';
import { problemResponse } from './http/problem-response';
import { refuseMalformed } from './http/malformed';
import { requestContext } from './http/request-context';
import { serveSwaggerUi } from './http/swagger-ui';
import type { RunningService } from './service';

/** The API: the order in which a request is looked at, top to bottom. */
export function createApp(service: RunningService): Express {
  const { config, contract, gate, log, metrics } = service;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use(metrics.middleware);
  app.use(requestContext(config, log));
  app.use(refuseMalformed);
  serveSwaggerUi(app);
  app.use(findOperation(contract));
  app.use(identify(gate));
  app.use(readBody(config.maxBodyBytes));
  app.use(applyRequestRules);
  app.use(selectFields);
  app.use(contract.validate);
  app.use(refuseFaults);
  app.use(admitLists());
  app.use(compressLists);
  app.use(dispatch(handlers, service));
  app.use(problemResponse(log));
  return app;
}
