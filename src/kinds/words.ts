import type { Kind } from './kind';

type Named = Pick<Kind, 'noun' | 'plural'>;

/** What prose calls several of a kind: `node pools`. The plural of its path, with the spaces of its noun. */
export function pluralNoun({ noun, plural }: Named): string {
  const head = noun.slice(0, noun.lastIndexOf(' ') + 1);
  const joined = head.replaceAll(' ', '').toLowerCase();
  const hasHead = plural.startsWith(joined) && plural !== joined;
  return hasHead ? head + plural.slice(joined.length) : plural;
}

/** Read letter by letter, these begin with a vowel: an HTTP route, but a DNS zone. */
const SPELLED = /^[AEFHILMNORSX][A-Z0-9]+\b/;
const ACRONYM = /^[A-Z0-9]{2,}\b/;
/** Written with a vowel, spoken with a consonant: a user, a unit, but an upgrade, an umbrella. */
const SPOKEN_CONSONANT = /^(?:u[bst][aeiou]|uni|eu|one\b|once\b)/;

/** `a node pool`, `an adapter`. */
export function withArticle(noun: string): string {
  const vowel = ACRONYM.test(noun)
    ? SPELLED.test(noun)
    : /^[aeiou]/i.test(noun) && !SPOKEN_CONSONANT.test(noun);
  return `${vowel ? 'an' : 'a'} ${noun}`;
}
