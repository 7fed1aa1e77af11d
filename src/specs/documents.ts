import { ConfigError } from '../config/config';
import { readYamlFile } from '../config/yaml-file';
import { hasOwn } from '../problems/field-path';

const VARIABLE = 'OPENAPI_SCHEMA_PATH';

export type Document = Record<string, unknown> & { openapi: string };

/**
 * The OpenAPI document with the schemas of specs, and what messages call it.
 * @throws ConfigError when there is none that can be used
 */
export async function readDocument(
  path: string | undefined,
  fallback: object,
): Promise<{ document: Document; name: string }> {
  const name = path === undefined ? 'the built-in contract' : `${VARIABLE}='${path}'`;
  const document = path === undefined ? fallback : await readYamlFile(VARIABLE, path);
  const version = hasOwn(document, 'openapi') ? document.openapi : undefined;
  if (typeof version === 'string' && /^3\.[012]\.\d+/.test(version)) {
    return { document: document as Document, name };
  }
  const found = version === undefined ? 'has no openapi property' : 'has another openapi version';
  throw new ConfigError([`${name} is not an OpenAPI 3 document: it ${found}`]);
}
