/** Schemas are written for many engines: a pattern that Unicode mode refuses (`\-`, `\_`) is tried without it. */
export function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

/** Why a pattern cannot be used, if so. */
export function patternFault(pattern: string): string | undefined {
  try {
    toRegExp(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
