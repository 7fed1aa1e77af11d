import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

/** Puts what was measured into a page below docs, between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. */
export async function writeSection(page: string, name: string, text: string): Promise<void> {
  const file = join(__dirname, '..', 'docs', page);
  const document = readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to === -1) throw new Error(`${file} has no place for '${name}'`);
  const written = `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
  const style = (await resolveConfig(file)) ?? {};
  writeFileSync(file, await format(written, { ...style, parser: 'markdown' }));
  console.log(`\nWritten to ${file}`);
}
