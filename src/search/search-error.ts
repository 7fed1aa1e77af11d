/** A search or order expression that cannot be understood; the message is meant for its author. */
export class SearchError extends Error {
  /** Number of the character at fault, counting from 1. */
  readonly position: number;

  constructor(problem: string, position: number, hint?: string) {
    super(`${problem} at character ${position}.${hint === undefined ? '' : ` ${hint}`}`);
    this.name = 'SearchError';
    this.position = position;
  }
}

const SHOWN = 40;

/** What the author wrote, quoted for a message and cut when it is long. */
export function quote(text: string): string {
  const all = characters(text);
  return all.length > SHOWN ? `"${all.slice(0, SHOWN).join('')}…"` : `"${text}"`;
}

/** Positions and lengths count code points, as a person does, not UTF-16 units. */
export function characters(text: string): string[] {
  return Array.from(text);
}
