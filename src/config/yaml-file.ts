import { ConfigError, readConfiguredFile } from './config';

/**
 * Reads a configured YAML or JSON file.
 * @throws ConfigError that names the variable and the file
 */
export async function readYamlFile(variable: string, path: string): Promise<unknown> {
  const name = `${variable}='${path}'`;
  const text = readConfiguredFile(variable, path);
  const { parseDocument } = await import('yaml');
  const parsed = parseDocument(text, { merge: true });
  const [error] = parsed.errors;
  if (error) throw new ConfigError([`${name} is not YAML: ${firstLine(error)}`]);
  try {
    const content: unknown = parsed.toJS();
    // An alias may stand inside of what it names; nothing that walks the content expects that.
    JSON.stringify(content);
    return content;
  } catch (cause) {
    throw new ConfigError([`${name} is not usable YAML: ${firstLine(cause as Error)}`]);
  }
}

function firstLine({ message }: Error): string {
  return message.split('\n', 1)[0]!;
}
