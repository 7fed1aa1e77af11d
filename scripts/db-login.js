// @ts-check
// Opens psql on DATABASE_URL, otherwise on PG*, otherwise on the embedded PostgreSQL of this directory.
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

function embeddedUrl() {
  try {
    const pid = fs
      .readFileSync(path.join('.data', 'postgres', 'data', 'postmaster.pid'), 'utf8')
      .split('\n');
    const password = fs.readFileSync(path.join('.data', 'postgres', 'password'), 'utf8').trim();
    const host = pid[5]?.trim() === '::1' ? '[::1]' : '127.0.0.1';
    return `postgres://hyperfleet:${password}@${host}:${pid[3]}/hyperfleet`;
  } catch {
    return undefined;
  }
}

const configured = process.env.DATABASE_URL ?? (process.env.PGHOST ? '' : undefined);
const url = configured ?? embeddedUrl();
if (url === undefined) {
  console.error(
    'No database is configured, and the embedded one is not running: start the service first.',
  );
  process.exit(1);
}
const { error, status } = spawnSync('psql', url ? [url] : [], { stdio: 'inherit' });
if (error) console.error(`psql cannot be started: ${error.message}`);
process.exit(status ?? 1);
