import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const STAGES = '.stages';
/** The commands that may run on the machine of the tests: below their directory, and nowhere else. */
const HARMLESS =
  /^(find|rm -rf|chmod \+x) (?!.*(\.\.|[$`|~<>]|(^| )['"]?\/|[^'];))(node_modules|dist)\b/;

interface Locked {
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}

/** The packages that `npm ci --omit=dev --omit=optional` installs, by their directory. */
export function imagePackages(): string[] {
  const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, Locked> };
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path && !dev && !optional && !devOptional)
    .map(([path]) => path);
}

/** What the image may be built from, by .containerignore. */
const context = readFileSync(join(ROOT, '.containerignore'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

/**
 * Makes the files of the image as the Containerfile says, without a container tool: its commands run here, but for npm,
 * whose results are copied from this checkout.
 * @returns the program
 */
export function buildImage(directory: string): string {
  const lines = readFileSync(join(ROOT, 'Containerfile'), 'utf8')
    .replace(/\\\n/g, '')
    .split('\n')
    .filter((line) => /^(FROM|COPY|RUN) /.test(line));
  let stage = '';
  for (const line of lines) {
    const [instruction, ...words] = line.split(/\s+/);
    if (instruction === 'FROM') {
      stage = /AS (\S+)/.exec(line)?.[1] ?? '';
      mkdirSync(place(directory, stage), { recursive: true });
    }
    // The last stage only changes the base image, which is not here.
    if (instruction === 'RUN' && stage !== '') run(line.slice(4), place(directory, stage));
    if (instruction === 'COPY') copy(words, directory, stage);
  }
  rmSync(join(directory, STAGES), { recursive: true });
  return join(directory, 'dist', 'src', 'main.js');
}

const place = (directory: string, stage: string) =>
  stage === '' ? directory : join(directory, STAGES, stage);

function copy(words: string[], directory: string, stage: string): void {
  const from = words[0]!.startsWith('--from=') ? words.shift()!.slice('--from='.length) : undefined;
  const to = words.pop()!;
  for (const word of words) {
    const path = word.replace(/^\/src\//, '');
    if (from === undefined && !context.includes(path)) throw new Error(`${path} is not in context`);
    const target = join(place(directory, stage), to === './' ? path : to);
    const origin = from === undefined ? ROOT : place(directory, from);
    cpSync(join(origin, path), target, { recursive: true, verbatimSymlinks: true });
  }
}

function run(command: string, directory: string): void {
  const results = /npm ci .*--omit=dev/.test(command) ? topLevel() : [];
  if (command.includes('npm run build')) results.push('dist', 'generated');
  for (const path of results) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    cpSync(join(ROOT, path), join(directory, path), { recursive: true, verbatimSymlinks: true });
  }
  for (const part of command.split('&&').map((each) => each.trim())) {
    if (part.startsWith('npm ')) continue;
    if (!HARMLESS.test(part)) throw new Error(`The tests do not run this: ${part}`);
    execFileSync('/bin/sh', ['-ec', part], { cwd: directory });
  }
}

const topLevel = () => imagePackages().filter((path) => path.lastIndexOf('node_modules') === 0);
