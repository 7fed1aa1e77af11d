import { ProblemError } from '../problems/problem';

/** The strong entity tag of a resource at a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

type Header = string | string[] | undefined;

// Taken apart by its quotes, because a tag may hold commas and stars of its own.
const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** The tags a header names, `*` for any; what is not a tag names nothing. */
function tagsOf(header: string | string[]): '*' | string[] {
  const text = String(header).trim();
  return text === '*' ? text : (text.match(ENTITY_TAG) ?? []);
}

/** If-None-Match uses the weak comparison (RFC 9110, 13.1.2). */
export function noneMatch(header: Header, version: number): boolean {
  if (header === undefined) return true;
  const tags = tagsOf(header);
  return tags !== '*' && !tags.some((tag) => tag.replace(/^W\//, '') === etagOf(version));
}

/**
 * A check of If-Match (strong comparison) against the version found.
 * @returns a function that throws ProblemError PRE-001 on a mismatch
 */
export function versionGuard(header: Header): (version: number) => void {
  const tags = header === undefined ? '*' : tagsOf(header);
  return (version) => {
    if (tags === '*' || tags.includes(etagOf(version))) return;
    throw new ProblemError(
      'PRE-001',
      `The resource has the ETag ${etagOf(version)} now, which If-Match does not name.`,
    );
  };
}
