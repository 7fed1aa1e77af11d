import { parseTime } from '../conditions/time';
import { SearchError, quote } from './search-error';
import { NUMBER, type Literal } from './tokens';

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/**
 * The number as PostgreSQL and JSON read it. What a double cannot hold is refused; integers keep every
 * digit, and everything else is rounded exactly as the values of a spec were when they were stored.
 */
export function toNumber(literal: Literal, field: string): string {
  if (!NUMBER.test(literal.text) || literal.type === 'boolean') {
    throw new SearchError(
      `Expected a number for ${quote(field)}, found ${quote(literal.text)}`,
      literal.position,
    );
  }
  const value = Number(literal.text);
  if (!Number.isFinite(value)) {
    throw new SearchError(`The number ${quote(literal.text)} is too large`, literal.position);
  }
  return /^[+-]?\d+$/.test(literal.text) ? BigInt(literal.text).toString() : JSON.stringify(value);
}

/** The moment in UTC with milliseconds, the form in which every time is stored and served. */
export function toTime({ type, text, position }: Literal, field: string): string {
  const written = DATE.test(text) ? `${text}T00:00:00Z` : text.replace(/^(\S{10}) (?=\d)/, '$1T');
  const moment = type === 'number' ? undefined : parseTime(written);
  // PostgreSQL has no year 0.
  if (moment !== undefined && !moment.startsWith('0000')) return moment;
  const plus = / \d{2}:\d{2}$/.test(text) ? ' In a URL, write "+" as %2B.' : '';
  throw new SearchError(
    `Expected a date or an RFC 3339 time for ${quote(field)}, found ${quote(text)}`,
    position,
    `Examples: 2026-01-31, '2026-01-31T12:00:00Z'.${plus}`,
  );
}
