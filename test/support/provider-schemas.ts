import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ProblemField } from '../../src/problems/problem';
import { readDocument } from '../../src/specs/documents';
import { createSpecValidator, type SpecValidator } from '../../src/specs/spec-validator';
import { type Logger, silentLogger } from '../../src/telemetry/log';
import { CLUSTER, KINDS, NODE_POOL } from './kinds';

export type Json = Record<string, unknown>;

export let directory: string;
export let warnings: string[];
export const log: Logger = {
  ...silentLogger,
  warn: (message: string) => warnings.push(message),
};

beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'spec-validator-'))));
beforeEach(() => (warnings = []));
afterAll(() => rmSync(directory, { recursive: true }));

export const cluster = CLUSTER;
export const nodePool = NODE_POOL;

export async function createValidator(
  path: string | undefined,
  fallback = {},
): Promise<SpecValidator> {
  return createSpecValidator(await readDocument(path, fallback), KINDS.values(), log);
}

export function file(text: string, name = 'provider.yaml'): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** A validator for a document with these schemas. */
export function withSchemas(
  schemas: Json,
  openapi = '3.1.0',
  rest: Json = {},
): Promise<SpecValidator> {
  const document = {
    openapi,
    info: { title: 'x', version: '1' },
    paths: {},
    components: { schemas },
    ...rest,
  };
  return createValidator(file(stringify(document)));
}

/** What a ClusterSpec of this schema finds wrong with a spec. */
export async function fields(
  schema: Json,
  spec: unknown,
  openapi?: string,
  others: Json = {},
): Promise<ProblemField[]> {
  const specs = await withSchemas({ ClusterSpec: schema, NodePoolSpec: true, ...others }, openapi);
  return specs.validate(cluster, spec);
}

/** The same, message by message. */
export async function messages(...args: Parameters<typeof fields>): Promise<string[]> {
  return (await fields(...args)).map(({ message }) => message);
}
