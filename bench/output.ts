import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const ROOT = join(__dirname, '..');
export const ARTIFACTS = join(ROOT, 'artifacts');

/** Progress, on stderr: the result alone goes to stdout. */
export function say(text: string): void {
  console.error(text);
}

/** Prints a result, and keeps it with every single sample as `artifacts/NAME.json`. */
export function publish(name: string, { text, json }: { text: string; json: unknown }): void {
  console.log(text);
  mkdirSync(ARTIFACTS, { recursive: true });
  const file = join(ARTIFACTS, `${name}.json`);
  writeFileSync(file, `${JSON.stringify(json, null, 2)}\n`);
  say(`\nWritten to ${file}`);
}

/** Puts what was measured into a page below docs, between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. */
export async function writeSection(page: string, name: string, text: string): Promise<void> {
  const file = join(ROOT, 'docs', page);
  const document = readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to === -1) throw new Error(`${file} has no place for '${name}'`);
  const written = `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
  const style = (await resolveConfig(file)) ?? {};
  writeFileSync(file, await format(written, { ...style, parser: 'markdown' }));
  say(`\nWritten to ${file}`);
}
