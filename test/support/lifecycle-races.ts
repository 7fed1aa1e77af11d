import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/postgres/database';
import { connectionOptions } from '../../src/postgres/connection-options';
import { sqlState } from '../../src/postgres/errors';
import { deleteResource, forceDeleteResource } from '../../src/repositories/lifecycle';
import { createResource, type NewResource } from '../../src/repositories/create';
import { type Desired, patchResource } from '../../src/repositories/patch';
import { idsOf, referencesOf } from '../../src/repositories/references';
import type { ResourceRow } from '../../src/repositories/rows';
import { storeReport } from '../../src/repositories/reports';
import type { Target } from '../../src/repositories/targets';
import { ProblemError } from '../../src/problems/problem';
import { loadConfig } from '../../src/config/config';
import { declareKinds } from '../../src/kinds/declare';
import { getKind, type Kinds } from '../../src/kinds/kind';
import { uniqueName } from './factories';
import { kindsWith } from './kinds';

export const SOME_REQUIRED = kindsWith(['validation', 'dns'], ['validation']);

/** The kinds of a parent and its children, and both kinds as they are when adapters are required and when none is. */
export interface Family {
  parent: string;
  child: string;
  some: Kinds;
  none: Kinds;
}

const BUILT_IN: Family = {
  ...{ parent: 'Cluster', child: 'NodePool' },
  ...{ some: SOME_REQUIRED, none: kindsWith([], []) },
};

const DECLARED: Family = {
  ...{ parent: 'Channel', child: 'Version' },
  some: declaredFamily(['validation', 'dns'], ['validation']),
  none: declaredFamily([], []),
};

export const FAMILIES = [BUILT_IN, DECLARED];

function declaredFamily(parent: readonly string[], child: readonly string[]): Kinds {
  const entities = [
    { kind: 'Version', plural: 'versions', parent_kind: 'Channel', required_adapters: child },
    { kind: 'Channel', plural: 'channels', required_adapters: parent },
  ];
  return declareKinds(entities, {}).kinds;
}

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
    private readonly family: Pick<Family, 'parent' | 'child'> = BUILT_IN,
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

  createParent(name = uniqueName('race')): Promise<ResourceRow> {
    return this.create(this.family.parent, { name });
  }

  createChild(ownerId: string, name = uniqueName('p').slice(0, 15)): Promise<ResourceRow> {
    return this.create(this.family.child, { ownerId, name });
  }

  create(kind: string, resource: Partial<NewResource> = {}): Promise<ResourceRow> {
    return createResource(this.db, {
      ...{ kind: getKind(this.kinds, kind), name: uniqueName('race'), spec: {}, labels: {} },
      ...{ references: {}, actor: 'creator@x.io', ...resource },
    });
  }

  patch(row: Row, desired: Partial<Desired>): Promise<ResourceRow> {
    const { references } = desired;
    const patch = {
      desired: ({ spec, labels, reference_ids }: ResourceRow) => ({
        ...{ spec, labels, references: referencesOf(reference_ids), ...desired },
      }),
      assertValid: () => undefined,
      assertVersion: anyVersion,
      actor: 'patcher@x.io',
      targetIds: references && Object.values(idsOf(references)).flat(),
    };
    return patchResource(this.db, this.target(row), patch, this.kinds);
  }

  delete(row: Row, actor = 'deleter@x.io'): Promise<ResourceRow> {
    return deleteResource(this.db, this.target(row), anyVersion, actor, this.kinds);
  }

  forceDelete(row: Row): Promise<ResourceRow> {
    return forceDeleteResource(this.db, this.target(row), anyVersion, this.kinds);
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
const HEAD_START_MS = 5;

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

/**
 * Starts both: at the same moment, one a little before the other, or one when the other is done, so that either order
 * comes out on a slow machine too.
 * @returns both outcomes
 */
export async function start(
  index: number,
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
): Promise<[string, string]> {
  const lead = ((index % 9) - 4) / 4;
  if (lead === -1) return [await outcomeOf(first()), await outcomeOf(second())];
  if (lead === 1) {
    const outcome = await outcomeOf(second());
    return [await outcomeOf(first()), outcome];
  }
  const after = async (ms: number, request: () => Promise<unknown>) => {
    if (ms > 0) await sleep(ms);
    return request();
  };
  return Promise.all([
    outcomeOf(after(lead * HEAD_START_MS, first)),
    outcomeOf(after(-lead * HEAD_START_MS, second)),
  ]);
}
