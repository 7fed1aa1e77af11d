import { ADAPTER_NAME, adaptersFault } from '../kinds/adapter-names';
import type { BuiltInDeclaration } from '../kinds/built-in';

/** One environment variable. */
export interface Variable<T> {
  name: string;
  /** Parsed when the variable is unset; without a default the value is undefined. */
  default?: string;
  description: string;
  secret?: boolean;
  /** Parse an empty string too, instead of treating it as unset. */
  keepEmpty?: boolean;
  /** @throws Error whose message continues a sentence that begins with the variable */
  parse(value: string): T;
}

export type Optional<T> = T | undefined;

export function string(name: string, fallback: string, description: string): Variable<string> {
  return { name, default: fallback, description, parse: (value) => value };
}

export function optional(
  name: string,
  description: string,
  secret = false,
): Variable<Optional<string>> {
  return { name, description, secret, parse: (value) => value };
}

export function integer(
  name: string,
  fallback: number,
  [min, max]: [number, number],
  description: string,
): Variable<number> {
  return {
    name,
    default: String(fallback),
    description,
    parse(value) {
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < min || number > max) {
        throw new Error(`must be a whole number from ${min} to ${max}`);
      }
      return number;
    },
  };
}

export function oneOf<T extends string>(
  name: string,
  values: readonly T[],
  fallback: T | undefined,
  description: string,
): Variable<T> {
  return {
    name,
    default: fallback,
    description,
    parse(value) {
      const found = values.find((candidate) => candidate === value.toLowerCase());
      if (found === undefined) throw new Error(`must be one of ${values.join(', ')}`);
      return found;
    },
  };
}

function parseFlag(value: string): boolean {
  if (!/^(true|false)$/i.test(value)) throw new Error('must be true or false');
  return value.toLowerCase() === 'true';
}

export function flag(name: string, fallback: boolean, description: string): Variable<boolean> {
  return { name, default: String(fallback), description, parse: parseFlag };
}

export function optionalFlag(name: string, description: string): Variable<Optional<boolean>> {
  return { name, description, parse: parseFlag };
}

export function adapters(
  name: string,
  { kind, required_adapters }: BuiltInDeclaration,
): Variable<Optional<readonly string[]>> {
  return {
    name,
    keepEmpty: true,
    description: `Adapters required for a ${kind} to be Ready, as a JSON array or a comma-separated list; \`[]\` means none. They win over those in \`HYPERFLEET_KINDS_FILE\`; default: \`${required_adapters.join(',')}\``,
    parse(value) {
      const list = value.trim().startsWith('[')
        ? parseJsonList(value)
        : value.split(',').map((entry) => entry.trim());
      const invalid = list.find((adapter) => !ADAPTER_NAME.test(adapter));
      if (invalid !== undefined) {
        throw new Error(`contains '${invalid}', which is not a valid adapter name ([] means none)`);
      }
      const fault = adaptersFault(list);
      if (fault !== undefined) throw new Error(fault);
      return Object.freeze(list);
    },
  };
}

function parseJsonList(value: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(value);
  } catch {
    throw new Error('is not a JSON array');
  }
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) {
    throw new Error('must be a JSON array of strings');
  }
  return list;
}
