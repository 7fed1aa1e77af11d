import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/config/package-root';

/** A block that is executed, and the response that the document shows below it, if it does. */
export interface Step {
  command: string;
  response?: { language: string; text: string };
}

export interface Outcome extends Step {
  output: string;
}

export function readDocument(file: string): string {
  return readFileSync(join(packageRoot, file), 'utf8');
}

/** The `bash` blocks of a document; `sh` blocks are for people, because they start or install things. */
export function stepsOf(document: string): Step[] {
  const fences = [...document.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({
    language: language!,
    text: text!,
  }));
  return fences.flatMap(({ language, text: command }, index) => {
    if (language !== 'bash') return [];
    const next = fences[index + 1];
    const answered = next !== undefined && ['json', 'text'].includes(next.language);
    return [{ command, ...(answered && { response: next }) }];
  });
}

const SEPARATOR = '\u001e';

/**
 * Runs the steps one after the other in one shell, against this service in the place of the usual address.
 * @param options where, and with which variables; by default, those of the test
 */
export async function execute(
  steps: readonly Step[],
  url: string,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome[]> {
  const commands = steps.map(({ command }) =>
    command.replaceAll('http://localhost:8000', url).concat(`printf '${SEPARATOR}'\n`),
  );
  const script = `set -euo pipefail\n${commands.join('')}`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], options);
  const outputs = stdout.split(SEPARATOR);
  return steps.map((step, index) => ({ ...step, output: outputs[index]! }));
}

/** What differs each time, replaced by what it is. */
export function withoutChance(text: string): string {
  return text
    .replace(/\b2[0-9a-z]{26}\b/g, '<id>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .trim();
}

export function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Links to files that are not there. */
export function brokenLinks(file: string): string[] {
  const prose = readDocument(file).replace(/^```.*?^```$/gms, '');
  const links = [...prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, to]) => to!);
  return links.filter(
    (to) => !/^\w+:/.test(to) && !existsSync(join(packageRoot, dirname(file), to)),
  );
}

/** Files and directories of the code that a document names and that do not exist, from the root or from `src`. */
export function missingFiles(file: string): string[] {
  const named = readDocument(file).matchAll(
    /`((?:src|scripts|test|examples|migrations)\/[\w./-]+|(?:[\w-]+\/)+[\w.-]+\.(?:ts|js|mjs|yaml|json|sh))`/g,
  );
  return Array.from(named, ([, name]) => name!).filter(
    (name) => !['', 'src'].some((root) => existsSync(join(packageRoot, root, name))),
  );
}
