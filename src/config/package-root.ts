import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function findRoot(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('package.json was not found above the program');
  return findRoot(parent);
}

/** The directory of package.json: the same from the sources and from the build in `dist`. */
export const packageRoot = findRoot(__dirname);

export const packageVersion = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** Whether this is a checkout, where npm works, and not the image or an installed package. */
export const isCheckout = existsSync(join(packageRoot, 'package-lock.json'));

/** How a command of the program is run from here, for advice. */
export function commandLine(command: string): string {
  return isCheckout ? `npm run ${command}` : `hyperfleet-api ${command}`;
}
