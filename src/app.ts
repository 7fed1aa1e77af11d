import express, { type Express } from 'express';
import { identify } from './auth/gate';
import { continueAsItsKind } from './contract/any-kind';
import { dispatch } from './contract/dispatch';
import { missingTargetFirst } from './contract/target';
import { applyRequestRules, refuseFaults } from './contract/request-rules';
import { handlers } from './handlers';
import { admitPages } from './http/page-admission';
import { compressLists } from './http/compression';
import { writeJson } from './http/write-json';
import { jsonBody } from './http/json-body';
import { problemResponse } from './http/problem-response';
import { refuseMalformed } from './http/malformed';
import { requestContext } from './http/request-context';
import { swaggerUiFiles } from './http/swagger-ui';
import type { RunningService } from './service';

/** The API: a request passes these steps from top to bottom. */
export function createApp(service: RunningService): Express {
  const { config, contract, gate, log, metrics } = service;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use(metrics.middleware);
  app.use(requestContext(config, log));
  app.use(refuseMalformed(gate.authenticator?.headers));
  app.use(swaggerUiFiles());
  app.use(contract.findOperation);
  app.use(identify(gate));
  app.use(jsonBody(config.maxBodyBytes));
  app.use(continueAsItsKind(service));
  app.use(applyRequestRules(service));
  app.use(writeJson(service.written));
  app.use(contract.validate);
  app.use(refuseFaults);
  app.use(missingTargetFirst(service));
  app.use(admitPages());
  app.use(compressLists);
  app.use(dispatch(handlers, service));
  app.use(problemResponse(log));
  return app;
}
