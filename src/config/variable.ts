import { ADAPTER_NAME, conditionTypeOf } from '../kinds/adapter-names';
import type { KindDeclaration } from '../kinds/kind';

/** One environment variable: its text becomes a value, or an `Error` whose message says what is expected. */
export interface Variable<T> {
  name: string;
  /** Text used when the variable is unset; undefined: the value is undefined then. */
  default?: string;
  description: string;
  secret?: boolean;
  /** An empty text normally counts as unset; here it is a value, and usually a wrong one. */
  keepEmpty?: boolean;
  parse(text: string): T;
}

export type Optional<T> = T | undefined;

export function text(name: string, fallback: string, description: string): Variable<string> {
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

export function adapters(name: string, kind: KindDeclaration): Variable<readonly string[]> {
  return {
    name,
    default: kind.requiredAdapters.join(','),
    keepEmpty: true,
    description: `Adapters a ${kind.noun} needs to be Ready: a JSON array or a comma list; \`[]\` means none`,
    parse(value) {
      const list = value.trim().startsWith('[')
        ? parseJsonList(value)
        : value.split(',').map((entry) => entry.trim());
      const types = new Map<string, string>();
      for (const adapter of list) {
        if (!ADAPTER_NAME.test(adapter)) {
          throw new Error(`has '${adapter}', which is not an adapter name (only [] means none)`);
        }
        const type = conditionTypeOf(adapter);
        const other = types.get(type);
        if (other !== undefined) {
          throw new Error(
            other === adapter
              ? `names '${adapter}' twice`
              : `has '${other}' and '${adapter}', which share the condition type ${type}`,
          );
        }
        types.set(type, adapter);
      }
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
    throw new Error('must be a JSON array of texts');
  }
  return list;
}
