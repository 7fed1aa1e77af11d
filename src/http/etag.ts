import { ProblemError } from './problem';

/** The strong entity tag of a resource at a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

function tags(header: string | string[] | undefined): string[] | undefined {
  if (header === undefined) return undefined;
  return String(header)
    .split(',')
    .map((tag) => tag.trim());
}

/** If-None-Match uses the weak comparison (RFC 9110, 13.1.2). */
export function noneMatch(header: string | string[] | undefined, version: number): boolean {
  const given = tags(header);
  if (given === undefined) return true;
  return !given.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etagOf(version));
}

/**
 * A check of If-Match (strong comparison) against the version found.
 * @returns a function that throws ProblemError PRE-001 on a mismatch
 */
export function versionGuard(header: string | string[] | undefined): (version: number) => void {
  const given = tags(header);
  return (version) => {
    if (given === undefined || given.some((tag) => tag === '*' || tag === etagOf(version))) return;
    throw new ProblemError(
      'PRE-001',
      `The resource has the ETag ${etagOf(version)} now, which If-Match does not name.`,
    );
  };
}
