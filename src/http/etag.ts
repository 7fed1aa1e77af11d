import { ProblemError } from '../problems/problem';

/** The strong entity tag of a resource at a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

type Header = string | string[] | undefined;

// Tags are found by their quotes, because a tag may contain commas and asterisks.
const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** The tags in a header, or `*` for any; whatever is not a tag is ignored. */
function tagsOf(header: string | string[]): '*' | string[] {
  const value = String(header).trim();
  return value === '*' ? value : (value.match(ENTITY_TAG) ?? []);
}

/** If-None-Match uses the weak comparison (RFC 9110, 13.1.2). */
export function noneMatch(header: Header, version: number): boolean {
  if (header === undefined) return true;
  const tags = tagsOf(header);
  return tags !== '*' && !tags.some((tag) => tag.replace(/^W\//, '') === etagOf(version));
}

/**
 * Checks If-Match (strong comparison) against the version of a resource.
 * @returns a function that throws ProblemError PRE-001 on a mismatch
 */
export function versionGuard(header: Header): (version: number) => void {
  const tags = header === undefined ? '*' : tagsOf(header);
  return (version) => {
    if (tags === '*' || tags.includes(etagOf(version))) return;
    throw new ProblemError(
      'PRE-001',
      `The resource now has the ETag ${etagOf(version)}, which If-Match does not name.`,
    );
  };
}
