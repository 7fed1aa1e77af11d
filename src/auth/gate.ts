import type { Request, RequestHandler } from 'express';
import { type Config, switchedOff } from '../config/config';
import { readIssuers } from '../config/issuers-file';
import type { Logger } from '../telemetry/log';
import { type Authenticator, createAuthenticator } from './authenticator';
import { type Authorizer, createAuthorizer } from './authorizer';

/** Who may call the API. Without an authenticator everyone may, as the system actor. */
export interface Gate {
  authenticator?: Authenticator;
  authorizer?: Authorizer;
}

const SYSTEM_ACTOR = 'system@hyperfleet.local';

/** @param operations every operationId that a rule may name */
export async function createGate(
  config: Config,
  log: Logger,
  operations: readonly string[],
): Promise<Gate> {
  for (const warning of switchedOff(config)) log.warn(warning);
  if (!config.authEnabled) return {};
  const authenticator = await createAuthenticator(await readIssuers(config), log);
  if (!config.authzEnabled) return { authenticator };
  const authorizer = await createAuthorizer(config.authzRulesFile, log, operations);
  return { authenticator, authorizer };
}

/**
 * Identifies the actor and checks that it may call the operation, before the body is read.
 * @throws ProblemError AUT-…, AUZ-001, SVC-001
 */
export function identify({ authenticator, authorizer }: Gate): RequestHandler {
  const authenticate = async (req: Request, by: Authenticator) => {
    const { context } = req;
    const identity = await by.authenticate(req.headers);
    authorizer?.check(context.operation!.id, identity.claims);
    context.actor = identity.actor;
    context.tokenExpiresAt = Number(identity.claims.exp) * 1000;
  };
  return (req, _res, next) => {
    const { context } = req;
    context.actor = SYSTEM_ACTOR;
    if (authenticator === undefined || context.operation!.public) next();
    else return authenticate(req, authenticator).then(() => next());
  };
}
