// @ts-check
/**
 * Asks the registry what is known about the packages that run in production. What is found must be fixed, or be
 * explained in docs/dependencies.md under its identifier (GHSA-…). A registry that cannot be asked is no failure,
 * but is said loudly: many mirrors do not answer.
 */
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const report = readReport(stdout);
if (report === undefined) {
  console.warn('*** The registry could not be asked for known vulnerabilities. ***');
} else {
  const explained = readFileSync(join(__dirname, '..', 'docs', 'dependencies.md'), 'utf8');
  const open = advisoriesOf(report).filter(({ id }) => !explained.includes(id));
  for (const { id, title } of open) console.error(`${id}: ${title}`);
  if (open.length > 0) {
    console.error(
      'Update the packages, or explain in docs/dependencies.md why this does not matter here.',
    );
    process.exitCode = 1;
  } else {
    console.log('No known vulnerability is left unexplained.');
  }
}

/** @param {string} text @returns {Record<string, any> | undefined} undefined when the registry gave no answer */
function readReport(text) {
  try {
    const report = JSON.parse(text);
    return report.vulnerabilities === undefined ? undefined : report;
  } catch {
    return undefined;
  }
}

/**
 * Every advisory once; packages that are only affected through others name those, not advisories.
 * @param {Record<string, any>} report
 */
function advisoriesOf(report) {
  const found = new Map();
  for (const { via } of Object.values(report.vulnerabilities)) {
    for (const cause of via) {
      if (typeof cause === 'string') continue;
      const id = String(cause.url).split('/').pop() ?? '';
      found.set(id, { id, title: `${cause.name}: ${cause.title}` });
    }
  }
  return [...found.values()];
}
