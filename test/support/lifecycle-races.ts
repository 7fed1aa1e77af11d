import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/postgres/database';
import { connectionOptions } from '../../src/postgres/connection-options';
import { sqlState } from '../../src/postgres/errors';
import { deleteResource, forceDeleteResource } from '../../src/repositories/lifecycle';
import { createResource, type NewResource } from '../../src/repositories/create';
import { type Desired, patchResource } from '../../src/repositories/patch';
import type { ResourceRow } from '../../src/repositories/rows';
import { storeReport } from '../../src/repositories/reports';
import type { Target } from '../../src/repositories/targets';
import { ProblemError } from '../../src/problems/problem';
import { loadConfig } from '../../src/config/config';
import { getKind, type Kinds } from '../../src/kinds/kind';
import { uniqueName } from './factories';
import { kindsWith } from './kinds';

export const SOME_REQUIRED = kindsWith(['validation', 'dns'], ['validation']);
export const NONE_REQUIRED = kindsWith([], []);

type Row = Pick<ResourceRow, 'kind' | 'id'>;

/** One of several processes at work on the same database, without HTTP in between. */
export class Process {
  readonly db: Database;
  /** SQLSTATEs of statements that failed: a deadlock shows here even when its victim tried again. */
  readonly failures: string[] = [];
  statements = 0;

  constructor(
    url: string,
    readonly kinds: Kinds = SOME_REQUIRED,
  ) {
    this.db = new Database(connectionOptions(loadConfig({ DATABASE_URL: url })), {
      poolMax: 12,
      poolTimeoutMs: 20_000,
      statementTimeoutMs: 20_000,
      preparedStatements: process.env.DATABASE_PREPARED_STATEMENTS !== 'false',
    });
    this.db.observe = (_statement, _seconds, error) => {
      this.statements++;
      if (error !== undefined) this.failures.push(sqlState(error) ?? 'no response');
    };
  }

  createCluster(name = uniqueName('race')): Promise<ResourceRow> {
    return this.create({ kind: getKind(this.kinds, 'Cluster'), name });
  }

  createNodePool(ownerId: string, name = uniqueName('p').slice(0, 15)): Promise<ResourceRow> {
    return this.create({ kind: getKind(this.kinds, 'NodePool'), ownerId, name });
  }

  private create(resource: Pick<NewResource, 'kind' | 'ownerId' | 'name'>): Promise<ResourceRow> {
    const rest = { spec: {}, labels: {}, references: {}, actor: 'creator@x.io' };
    return createResource(this.db, { ...resource, ...rest });
  }

  patch(row: Row, desired: Partial<Desired>): Promise<ResourceRow> {
    const patch = {
      desired: ({ spec, labels }: ResourceRow) => ({ spec, labels, references: {}, ...desired }),
      assertVersion: anyVersion,
      actor: 'patcher@x.io',
    };
    return patchResource(this.db, this.target(row), patch, this.kinds);
  }

  delete(row: Row, actor = 'deleter@x.io'): Promise<ResourceRow> {
    return deleteResource(this.db, this.target(row), anyVersion, actor, this.kinds);
  }

  forceDelete(row: Row): Promise<ResourceRow> {
    return forceDeleteResource(this.db, this.target(row), this.kinds);
  }

  report(row: Row, adapter: string, generation: number, finalized = true) {
    const now = new Date().toISOString();
    const conditions = [
      { type: 'Available', status: 'False' as const },
      { type: 'Finalized', status: finalized ? ('True' as const) : ('False' as const) },
    ];
    const report = { adapter, observed_generation: generation, observed_time: now, conditions };
    return storeReport(this.db, this.target(row), report, this.kinds, now);
  }

  private target({ kind, id }: Row): Target {
    return { kind: getKind(this.kinds, kind), id };
  }
}

const anyVersion = () => undefined;

/** What became of a request: `done`, or the code it was refused with. */
export async function outcomeOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'done';
  } catch (error) {
    if (error instanceof ProblemError) return error.code;
    throw error;
  }
}

const AT_ONCE = 5;
const HEAD_START_MS = 4;

/** Several races next to one another. @returns how often each result came out */
export async function race(
  rounds: number,
  round: (index: number) => Promise<string>,
): Promise<Record<string, number>> {
  const results: Record<string, number> = {};
  let next = 0;
  const run = async () => {
    while (next < rounds) {
      const result = await round(next++);
      results[result] = (results[result] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return results;
}

/** Starts both: at the same moment, or one a little before the other. @returns both outcomes */
export async function start(
  index: number,
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
): Promise<[string, string]> {
  const lead = ((index % 9) - 4) / 4;
  const after = async (ms: number, request: () => Promise<unknown>) => {
    if (ms > 0) await sleep(ms);
    return request();
  };
  return Promise.all([
    outcomeOf(after(lead * HEAD_START_MS, first)),
    outcomeOf(after(-lead * HEAD_START_MS, second)),
  ]);
}
