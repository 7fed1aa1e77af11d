import { type Position, POSITION, readPosition } from '../changes/snapshot';
import type { Database } from '../postgres/database';
import { compile, Slot, sql, type Statement } from '../postgres/statement';
import { resourceListing } from '../search/fields';
import type { SearchTree } from '../search/parse';
import { planSearch } from '../search/plan';
import { idColumn } from '../search/predicate';
import { matches, searchValues } from './list-sql';
import type { ListScope } from './lists';
import { type Version, versionColumns, versionsOf, type VersionsRow } from './versions';

/** The next resources of a list, by id, and where they stand in the history of the database. */
export interface Step {
  position: Position;
  versions: Version[];
}

type StepRow = VersionsRow & { position: string | null };

const AFTER = new Slot('after');

/**
 * Reads a whole list in steps, each a snapshot of its own: what changes in the meantime is to be found as a change
 * since the first of them.
 */
export class ListSteps {
  private readonly statement: Statement<StepRow>;
  private readonly values: object;

  /** @throws SearchError */
  constructor({ kinds, ownerId }: ListScope, search: SearchTree | undefined, size: number) {
    const listing = resourceListing(kinds);
    const order = [{ field: 'id', direction: 'asc' }] as const;
    const plan = planSearch(search, { listing, parentId: ownerId, order });
    this.values = searchValues(plan);
    const id = idColumn(plan.tables[0]);
    const ids = matches({ listing, search: plan }, plan.tables)
      .select(sql.raw(`${id} AS id`))
      .whereRaw(`${id} > ?`, [AFTER])
      .orderByRaw(id)
      .limit(size);
    this.statement = compile(
      { operation: 'select', table: 'resources' },
      sql.raw(
        `SELECT ${POSITION} AS position, ${versionColumns('page.id')}
         FROM (?) page JOIN resource_status s ON s.resource_id = page.id`,
        [ids],
      ),
    );
  }

  /**
   * @param after the last id of the step before; empty for the first step
   * @returns undefined on a standby
   */
  async read(db: Database, after: string, signal?: AbortSignal): Promise<Step | undefined> {
    const [row] = await db.query(this.statement, { ...this.values, after }, signal);
    const { position } = row!;
    if (position === null) return undefined;
    return { position: readPosition(position), versions: versionsOf(row!) };
  }
}
