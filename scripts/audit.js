// @ts-check
/**
 * Asks the registry for known vulnerabilities of the packages that run in production. Each must be fixed, or explained
 * in docs/dependencies.md under its identifier (GHSA-…). If the registry gives no result, like many mirrors, that is a
 * warning and not a failure.
 */
const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const report = readReport(stdout);
if (report === undefined) {
  console.warn(
    '*** WARNING: known vulnerabilities were not checked; the registry gave no result. ***',
  );
} else {
  const explained = readFileSync(join(__dirname, '..', 'docs', 'dependencies.md'), 'utf8');
  const open = advisoriesOf(report).filter(({ id }) => !explained.includes(id));
  for (const { id, title } of open) console.error(`${id}: ${title}`);
  if (open.length > 0) {
    console.error(
      'Update the packages, or explain in docs/dependencies.md why the service is not affected.',
    );
    process.exitCode = 1;
  } else {
    console.log('There are no known vulnerabilities, except explained ones.');
  }
}

/** @param {string} text @returns {Record<string, any> | undefined} undefined when the registry gave no result */
function readReport(text) {
  try {
    const report = JSON.parse(text);
    return report.vulnerabilities === undefined ? undefined : report;
  } catch {
    return undefined;
  }
}

/**
 * Every advisory once. A package that is affected through another one names that package, not an advisory.
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
