import { ConfigError, readConfiguredFile } from '../config/config';
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
  const document = path === undefined ? fallback : await readYaml(path, name);
  const version = hasOwn(document, 'openapi') ? document.openapi : undefined;
  if (typeof version === 'string' && /^3\.[012]\.\d+/.test(version)) {
    return { document: document as Document, name };
  }
  const found = version === undefined ? 'has no openapi property' : 'has another openapi version';
  throw new ConfigError([`${name} is not an OpenAPI 3 document: it ${found}`]);
}

async function readYaml(path: string, name: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const parsed = parseDocument(readConfiguredFile(VARIABLE, path), { merge: true });
  const [error] = parsed.errors;
  if (error) throw new ConfigError([`${name} is not YAML: ${firstLine(error)}`]);
  try {
    const document: unknown = parsed.toJS();
    // An alias may stand inside of what it names; nothing that walks the document expects that.
    JSON.stringify(document);
    return document;
  } catch (cause) {
    throw new ConfigError([`${name} is not usable YAML: ${firstLine(cause as Error)}`]);
  }
}

function firstLine({ message }: Error): string {
  return message.split('\n', 1)[0]!;
}
