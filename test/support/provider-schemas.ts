import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createSpecValidator, type SpecValidator } from '../../src/specs/spec-validator';
import { type Logger, silentLogger } from '../../src/telemetry/log';

export type Json = Record<string, unknown>;

export let directory: string;
export let warnings: string[];
export const log: Logger = {
  ...silentLogger,
  warn: ((message: string) => warnings.push(message)) as unknown as Logger['warn'],
};

beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'spec-validator-'))));
beforeEach(() => (warnings = []));
afterAll(() => rmSync(directory, { recursive: true }));

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
  return createSpecValidator(file(stringify(document)), {}, log);
}

/** What a spec is told by a ClusterSpec of this schema: message by message. */
export async function messages(
  schema: Json,
  spec: unknown,
  openapi?: string,
  others: Json = {},
): Promise<string[]> {
  const specs = await withSchemas({ ClusterSpec: schema, NodePoolSpec: true, ...others }, openapi);
  return specs.validate('Cluster', spec).map(({ message }) => message);
}
