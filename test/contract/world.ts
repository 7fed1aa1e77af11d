import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest, { type Response } from 'supertest';
import type { Method } from '../support/api';
import type { Kind } from '../../src/kinds/kind';
import { startTestApp, type TestApp } from '../support/app';
import { uniqueName } from '../support/factories';
import { signingKey, token } from '../support/key-provider';
import { type RawResponse, sendRaw } from '../support/raw-http';
import { BUILT_IN, type KindContract, serving } from './contracts';

export const MAX_BODY_BYTES = 4096;
const ISSUER = 'https://issuer.example.org';
const AUDIENCE = 'hyperfleet';

const RULES = `
- {claim: email, pattern: '*@example.org', operations: ['*']}
- {claim: sub, pattern: 'system:serviceaccount:*', operations: ['*']}
`;

/** A request as data, which the walk can change before it is sent. */
export interface ContractRequest {
  method?: Method;
  path: string;
  headers?: Record<string, string>;
  body?: string | object;
}

/** Who sends a request. */
export type Caller = 'allowed' | 'robot' | 'stranger' | 'expired' | 'forged' | 'nobody';

/**
 * A service that asks for tokens and, when they are wanted, one whose database is gone, and one on the same database
 * that declares one more kind.
 */
export interface World {
  app: TestApp;
  contract: KindContract;
  send(request: ContractRequest, caller?: Caller): Promise<Response>;
  /** Reads a stream as far as its first `synced`. */
  watch(request: ContractRequest): Promise<Described>;
  sendToBroken(request: ContractRequest): Promise<Response>;
  /** Sends what must succeed, to have something to work on. */
  made(request: ContractRequest): Promise<Response['body']>;
  /** Has a resource of the other service's kind refer to resources. @returns its id */
  referElsewhere(references: object): Promise<string>;
  stop(): Promise<void>;
}

/** The reference of the other service's kind to resources of a kind. */
export const refersTo = ({ name }: Kind): string => name.toLowerCase();

/** As much of a response as the contract describes. */
export type Described = RawResponse;

/** One way to get one documented response. */
export interface Scenario {
  what: string;
  /** Of the problem, without its prefix. */
  code?: string;
  /** That the problem names, at least. */
  fields?: readonly string[];
  run(world: World): Promise<Described>;
}

export async function startWorld(contract: KindContract = BUILT_IN): Promise<World> {
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
  const withKinds = (entities: readonly object[]) => ({ ...env, ...serving(entities) });
  const app = await startTestApp({ env: withKinds(contract.entities) });

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
  const sendAs = async ({ url }: TestApp, request: ContractRequest, caller: Caller) => {
    const { method = 'get', path, headers = {}, body } = request;
    const test = supertest(url)[method](path);
    const token = tokens[caller];
    if (token !== undefined) test.auth(token, { type: 'bearer' });
    if (body !== undefined) test.type('json').send(asText(body));
    return test.set(headers);
  };

  const startBroken = async () => {
    const broken = await startTestApp({ env: withKinds(contract.entities) });
    const before = await sendAs(broken, { path: '/api/hyperfleet/v1/clusters' }, 'allowed');
    expect(before.status).toBe(200);
    await broken.database.drop();
    return broken;
  };
  let broken: Promise<TestApp> | undefined;
  const startOther = () => {
    const references = Array.from(contract.kinds.values(), (kind) => ({
      ref_type: refersTo(kind),
      target_kind: kind.name,
    }));
    const referrer = { kind: 'Referrer', plural: 'referrers', references };
    const entities = [...contract.entities, referrer];
    return startTestApp({ env: withKinds(entities), database: app.database });
  };
  let other: Promise<TestApp> | undefined;
  const made = async (on: TestApp, request: ContractRequest) => {
    const response = await sendAs(on, request, 'allowed');
    if (response.status >= 300) {
      throw new Error(`${request.method ?? 'get'} ${request.path}: ${response.text}`);
    }
    return response.body;
  };

  return {
    app,
    contract,
    send: (request, caller = 'allowed') => sendAs(app, request, caller),
    watch: ({ path }) =>
      sendRaw(app.url, { path, headers: { Authorization: `Bearer ${tokens.allowed}` } }),
    async sendToBroken(request) {
      broken ??= startBroken();
      return sendAs(await broken, request, 'allowed');
    },
    made: (request) => made(app, request),
    async referElsewhere(references) {
      other ??= startOther();
      const body = { name: uniqueName(), spec: {}, references };
      const path = '/api/hyperfleet/v1/referrers';
      return (await made(await other, { method: 'post', path, body })).id as string;
    },
    async stop() {
      await (await other)?.stop();
      await app.stop();
      await (await broken)?.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

function asText(body: string | object): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
