// @ts-check
'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** Leaves the outcome of a test run where a script can read it: artifacts/test-summary.json. */
module.exports = class SummaryReporter {
  /**
   * @param {unknown} _contexts
   * @param {import('@jest/test-result').AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    const directory = path.join(__dirname, '..', '..', 'artifacts');
    fs.mkdirSync(directory, { recursive: true });
    const summary = {
      passed: results.numPassedTests,
      // A file that could not even be loaded has no tests that could fail.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests,
    };
    fs.writeFileSync(path.join(directory, 'test-summary.json'), JSON.stringify(summary));
  }
};
