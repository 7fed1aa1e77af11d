/** Where a value sits: the names and positions from the top of the body, or one parameter name. */
export type FieldPath = readonly (string | number)[];

const MAX_FIELD = 256;
const MAX_VALUE = 64;

const SECRET_NAME =
  /pass(word|wd|phrase)|secret|token|credential|authorization|cookie|private|(api|access|auth)[-_]?key/i;
const SECRET_VALUE =
  /^(bearer|basic) |^eyJ[\w-]+\.|-----BEGIN|^AKIA[A-Z0-9]{8}|:\/\/[^/\s:@]*:[^/\s@]+@/i;

/**
 * The dotted path a client reads. It is cut because keys are as long as the sender likes, and spelled out where
 * a character could not be shown: paths appear in logs and terminals.
 */
export function fieldName(path: FieldPath): string {
  const name = path.join('.');
  return printable(name.length <= MAX_FIELD ? name : `${name.slice(0, 200)}…${name.slice(-50)}`);
}

/** Spells out what a terminal would obey, or not show. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** True when a value of this name is not to be shown. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** True when the value may be repeated to the client: a short scalar whose place and form are not a secret's. */
export function isShowable(path: FieldPath, value: unknown): boolean {
  if (path.some((part) => isSecretName(String(part)))) return false;
  if (typeof value === 'string') return value.length <= MAX_VALUE && !SECRET_VALUE.test(value);
  return value === null || typeof value === 'number' || typeof value === 'boolean';
}

/** Neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function hasOwn(value: unknown, name: string): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}

/** Follows names through own properties. @returns undefined: they lead nowhere */
export function valueAt(root: unknown, names: readonly string[]): unknown {
  return names.reduce((at, name) => (hasOwn(at, name) ? at[name] : undefined), root);
}

/** Undoes the escaping of a JSON pointer. */
export function pointerSegments(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
