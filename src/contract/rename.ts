import { capitalized, type Kind } from '../kinds/kind';
import { pluralNoun, withArticle } from '../kinds/words';

type Json = Record<string, unknown>;
export type Rename = (text: string) => string;

/**
 * Puts kinds in the place of others, in identifiers, paths and prose: `getClusters`, `/clusters/{cluster_id}`, `a cluster`.
 * Everything is replaced in one pass, so a new name may contain an old one.
 */
export function renaming(pairs: readonly (readonly [from: Kind, to: Kind])[]): Rename {
  const names = new Map(pairs.map(([from, to]) => [from.name, to.name]));
  const words = new Map(
    pairs.flatMap(([from, to]) => {
      const after = [exampleName(to), ...wordsFor(to)];
      const before = [usualName(from), ...wordsFor(from)];
      return before.map((word, index) => [word, after[index]!] as const);
    }),
  );
  // The longest first: `cluster_id` is not `cluster` and the rest.
  const longest = [...words.keys()].sort((a, b) => b.length - a.length);
  // Names are parts of identifiers; other words are whole.
  const pattern = new RegExp(
    `(?<![A-Za-z])(?:${longest.join('|')})(?![a-z])|${[...names.keys()].join('|')}`,
    'g',
  );
  const known = new Map<string, string>();
  return (text) => {
    let result = known.get(text);
    if (result === undefined) {
      result = text.replace(pattern, (found) => words.get(found) ?? names.get(found)!);
      known.set(text, result);
    }
    return result;
  };
}

/** In the same order for each kind. The name itself is none of them, even where a noun looks like it. */
function wordsFor(kind: Kind): string[] {
  const { plural, idParameter, noun } = kind;
  const one = withArticle(noun);
  const many = pluralNoun(kind);
  return [`/${plural}`, idParameter, one, capitalized(one), noun, many, capitalized(many)];
}

/** The name of a resource in examples. */
const usualName = ({ name }: Kind): string => `my-${name.toLowerCase()}`;

/** The same, as long as it must be. */
function exampleName(kind: Kind): string {
  const { min, max } = kind.nameLength;
  return usualName(kind).slice(0, max).replace(/-$/, '').padEnd(min, 'x');
}

/** A copy of a part of the document, with its keys and all its text renamed. */
export function renamed<T>(node: T, rename: Rename): T;
export function renamed(node: unknown, rename: Rename): unknown {
  if (typeof node === 'string') return rename(node);
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map((item: unknown) => renamed(item, rename));
  const entries = Object.entries(node as Json);
  return Object.fromEntries(entries.map(([key, value]) => [rename(key), renamed(value, rename)]));
}
