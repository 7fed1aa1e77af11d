import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestApp, type TestApp } from '../support/app';
import { signingKey, token } from '../support/key-provider';
import { type Answer, send, type Sending } from '../support/send';

export const MAX_BODY_BYTES = 4096;
const ISSUER = 'https://issuer.example.org';
const AUDIENCE = 'hyperfleet';

const RULES = `
- {claim: email, pattern: '*@example.org', operations: ['*']}
- {claim: sub, pattern: 'system:serviceaccount:*', operations: ['*']}
`;

/** Who sends a request. */
export type Caller = 'allowed' | 'robot' | 'stranger' | 'expired' | 'forged' | 'nobody';

/** A service that asks for tokens and, when it is wanted, one more whose database is gone. */
export interface World {
  app: TestApp;
  send(sending: Sending, caller?: Caller): Promise<Answer>;
  sendToBroken(sending: Sending): Promise<Answer>;
  /** Sends what must succeed, to have something to work on. */
  made(sending: Sending): Promise<Answer['body']>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'walk-'));
  const key = signingKey('ES256', 'walk');
  const jwksFile = join(directory, 'jwks.json');
  const rulesFile = join(directory, 'rules.yaml');
  writeFileSync(jwksFile, JSON.stringify({ keys: [key.jwk] }));
  writeFileSync(rulesFile, RULES);
  const env = {
    MAX_BODY_BYTES: String(MAX_BODY_BYTES),
    DATABASE_POOL_TIMEOUT_MS: '500',
    AUTH_ENABLED: 'true',
    AUTH_JWKS_FILE: jwksFile,
    AUTH_ISSUER: ISSUER,
    AUTH_AUDIENCE: AUDIENCE,
    AUTHZ_ENABLED: 'true',
    AUTHZ_RULES_FILE: rulesFile,
  };
  const app = await startTestApp({ env });

  const now = Math.floor(Date.now() / 1000);
  const signed = (email: string | undefined, claims = {}, by = key) =>
    token({ iss: ISSUER, aud: AUDIENCE, exp: now + 3600, email, ...claims }, by);
  const tokens: Record<Caller, string | undefined> = {
    allowed: signed('jane@example.org'),
    robot: signed(undefined, { sub: 'system:serviceaccount:hyperfleet:sentinel' }),
    stranger: signed('joe@elsewhere.org'),
    expired: signed('jane@example.org', { exp: now - 3600 }),
    forged: signed('jane@example.org', {}, signingKey('ES256', 'walk')),
    nobody: undefined,
  };
  const sendAs = ({ url }: TestApp, sending: Sending, caller: Caller) =>
    send(url, {
      ...sending,
      headers: {
        ...sending.headers,
        ...(tokens[caller] && { Authorization: `Bearer ${tokens[caller]}` }),
      },
    });

  const startBroken = async () => {
    const broken = await startTestApp({ env });
    const before = await sendAs(broken, { path: '/api/hyperfleet/v1/clusters' }, 'allowed');
    expect(before.status).toBe(200);
    await broken.database.drop();
    return broken;
  };
  let broken: Promise<TestApp> | undefined;

  return {
    app,
    send: (sending, caller = 'allowed') => sendAs(app, sending, caller),
    async sendToBroken(sending) {
      broken ??= startBroken();
      return sendAs(await broken, sending, 'allowed');
    },
    async made(sending) {
      const answer = await sendAs(app, sending, 'allowed');
      if (answer.status >= 300) {
        throw new Error(`${sending.method ?? 'GET'} ${sending.path}: ${answer.text}`);
      }
      return answer.body;
    },
    async stop() {
      await app.stop();
      await (await broken)?.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
