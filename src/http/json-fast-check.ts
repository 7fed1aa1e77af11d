import { MAX_DEPTH } from './json-scan';

/**
 * Says quickly whether `scanJson` could object to this text, of which `value` is the parsed form; the text was
 * decoded from valid UTF-8. Never wrong when it answers false; a true may turn out to be nothing.
 */
export function mayLoseMeaning(text: string, value: unknown): boolean {
  if (text.includes('\\u') && /\\u(0000|[dD][89a-fA-F])/.test(text)) return true;
  const found = { members: 0, zeros: false };
  if (hasSuspect(value, 1, found)) return true;
  if (found.zeros && (text.includes(MANY_ZEROS) || hasNegativePower(text))) return true;
  // Every member shows as a quote with a colon after it. Some texts hold that too, so the count may be too high, and
  // it is exact when it equals the parsed members: a duplicate makes it higher, blanks before a colon are excluded.
  return found.members !== countPairs(text) || /"[ \n\r\t]+:/.test(text);
}

/** Plain loops, no closures: this runs over every value of every body. */
function hasSuspect(
  value: unknown,
  depth: number,
  found: { members: number; zeros: boolean },
): boolean {
  if (typeof value === 'string') return false;
  if (typeof value === 'number') {
    if (value === 0) found.zeros = true;
    return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  }
  if (typeof value !== 'object' || value === null) return false;
  if (depth > MAX_DEPTH) return true;
  if (Array.isArray(value)) {
    for (const entry of value) if (hasSuspect(entry, depth + 1, found)) return true;
    return false;
  }
  for (const key in value) {
    found.members += 1;
    if (key === '__proto__') return true;
    if (hasSuspect((value as Record<string, unknown>)[key], depth + 1, found)) return true;
  }
  return false;
}

/** Without a power of ten a literal needs 323 zeros to be read as zero. */
const MANY_ZEROS = '0'.repeat(32);

function hasNegativePower(text: string): boolean {
  for (let at = text.indexOf('-'); at !== -1; at = text.indexOf('-', at + 1)) {
    // The letter E behind a digit.
    if ((text.charCodeAt(at - 1) | 32) === 101 && (text.charCodeAt(at - 2) ^ 48) < 10) return true;
  }
  return false;
}

function countPairs(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    if (text.charCodeAt(at - 1) === 34) count += 1;
  }
  return count;
}

/**
 * True when brackets nest too deeply. Parsing such a text takes fifty times as long as any other of its length,
 * so a large one is looked at first.
 */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 92) at += 1;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (code === 125 || code === 93) depth -= 1;
  }
  return false;
}
