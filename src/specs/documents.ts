import { ConfigError } from '../config/config';
import { readYamlFile } from '../config/yaml-file';
import { hasOwn } from '../problems/field-path';

const VARIABLE = 'OPENAPI_SCHEMA_PATH';

export type Document = Record<string, unknown> & { openapi: string };

/** The OpenAPI document with the schemas of specs. */
export interface SpecDocument {
  document: Document;
  /** What messages call it. */
  name: string;
  /** It is the contract of the service. */
  builtIn: boolean;
}

/**
 * Reads the document that a provider has configured.
 * @param path a YAML or JSON file; undefined: the fallback is used
 * @throws ConfigError when there is none that can be used
 */
export async function readDocument(
  path: string | undefined,
  fallback: object,
): Promise<SpecDocument> {
  const builtIn = path === undefined;
  const name = builtIn ? `the built-in contract (${VARIABLE} is not set)` : `${VARIABLE}='${path}'`;
  const document = builtIn ? fallback : await readYamlFile(VARIABLE, path);
  const version = hasOwn(document, 'openapi') ? document.openapi : undefined;
  if (typeof version === 'string' && /^3\.[012]\.\d+/.test(version)) {
    return { document: document as Document, name, builtIn };
  }
  const found = version === undefined ? 'has no openapi property' : 'has another openapi version';
  throw new ConfigError([`${name} is not an OpenAPI 3 document: it ${found}`]);
}
