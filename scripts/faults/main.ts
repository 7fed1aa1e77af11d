import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OwnPostgres } from '../../test/support/own-postgres';
import { stopServices } from '../../test/support/service-process';
import { failover } from './failover';
import {
  exhaustPool,
  type Finding,
  killBackends,
  killService,
  restartDatabase,
  type Setting,
  terminate,
} from './scenarios';

/*
 * Breaks the service and its database under load, and compares what is stored with the responses to the clients.
 * npm run faults -- [--seconds 20] [--workers 8] [NAME …]
 */

const SCENARIOS: Record<string, (setting: Setting, postgres: OwnPostgres) => Promise<Finding>> = {
  'kill-backends': killBackends,
  'restart-database': restartDatabase,
  'exhaust-pool': exhaustPool,
  'kill-service': killService,
  terminate,
  failover,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '20' },
      workers: { type: 'string', default: '8' },
    },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS);
  const unknown = names.filter((name) => !(name in SCENARIOS));
  if (unknown.length > 0) {
    const known = Object.keys(SCENARIOS).join(', ');
    throw new Error(`Unknown scenario: ${unknown.join(', ')} (known: ${known})`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-fault-runs-'));
  const postgres = await OwnPostgres.create();
  try {
    await postgres.start();
    for (const name of names) {
      const databaseUrl = await postgres.createDatabase(name.replaceAll('-', '_'));
      const setting = {
        ...{ databaseUrl, directory },
        ...{ seconds: Number(values.seconds), workers: Number(values.workers) },
      };
      report(name, await SCENARIOS[name]!(setting, postgres));
    }
  } finally {
    await stopServices();
    await postgres.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

function report(name: string, { figures, wrong, skipped }: Finding): void {
  if (skipped !== undefined) {
    console.log(`SKIPPED ${name}: ${skipped}`);
    return;
  }
  console.log(`${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  for (const [what, value] of Object.entries(figures)) console.log(`         ${what}: ${value}`);
  for (const line of wrong.slice(0, 20)) console.log(`       ! ${line}`);
  if (wrong.length > 20) console.log(`       ! and ${wrong.length - 20} more`);
  if (wrong.length > 0) process.exitCode = 1;
}

void main();
