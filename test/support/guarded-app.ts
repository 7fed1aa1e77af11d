import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import type { Authorizer } from '../../src/auth/authorizer';
import { startTestApp, type TestApp } from './app';
import { KeyServer, type SigningKey, signingKey, token } from './key-provider';

const ISSUER = 'https://issuer.example.org';
const AUDIENCE = 'hyperfleet';

/** The key that the provider of a guarded app has. */
export const KNOWN_KEY = signingKey('ES256', 'known');

/** Claims that a guarded app accepts. */
export function goodClaims(claims: object): object {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return { iss: ISSUER, aud: AUDIENCE, exp, ...claims };
}

export function bearer(claims: object, by: SigningKey = KNOWN_KEY): string {
  return `Bearer ${token(goodClaims(claims), by)}`;
}

export const ADA = bearer({ email: 'ada@example.org', groups: ['fleet-admins'] });
export const BOB = bearer({ preferred_username: 'bob', groups: ['staff', 'fleet-admins'] });
export const ADAPTER = bearer({ sub: 'system:serviceaccount:hyperfleet:dns-adapter' });
export const STRANGER = bearer({ email: 'eve@example.org' });

export const RULES = `
- {claim: groups, pattern: fleet-admins, operations: ['*']}
- {claim: sub, pattern: 'system:serviceaccount:hyperfleet:*-adapter', operations: ['get*', '*Statuses']}
`;

/** A service that asks for tokens and has rules about them. */
export interface GuardedApp extends TestApp {
  provider: KeyServer;
  authorizer: Authorizer;
  rulesFile: string;
  /** supertest with this header `Authorization`, or none. */
  as(authorization?: string): ReturnType<typeof supertest.agent>;
  /** Creates something as Ada. @returns its id */
  made(path: string, body: object): Promise<string>;
}

export async function startGuardedApp(): Promise<GuardedApp> {
  const directory = mkdtempSync(join(tmpdir(), 'guarded-'));
  const rulesFile = join(directory, 'rules.yaml');
  writeFileSync(rulesFile, RULES);
  const provider = new KeyServer();
  provider.keys = [KNOWN_KEY.jwk];
  await provider.start();
  const app = await startTestApp({
    env: {
      AUTH_ENABLED: 'true',
      AUTH_JWKS_URL: provider.url,
      AUTH_ISSUER: ISSUER,
      AUTH_AUDIENCE: AUDIENCE,
      AUTHZ_ENABLED: 'true',
      AUTHZ_RULES_FILE: rulesFile,
    },
  });
  const authorizer = app.service.gate.authorizer!;
  const as = (authorization?: string) => {
    const agent = supertest.agent(app.url);
    return authorization === undefined ? agent : agent.set('Authorization', authorization);
  };
  return {
    ...{ ...app, provider, authorizer, rulesFile, as },
    async made(path, body) {
      const response = await as(ADA).post(path).send(body).expect(201);
      return response.body.id as string;
    },
    async stop() {
      await app.stop();
      await provider.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
