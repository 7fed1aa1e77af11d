import { withAliases } from '../../src/conditions/aggregate';
import type { AdapterStatus } from '../../src/conditions/types';
import { withClient } from './database';
import { advance, createWorld, type Happening, type World } from './history';

/*
 * Has the database itself write down in which order it accepted reports and PATCHes: within the transaction
 * that stores one, under the version it gives the resource. One resource cannot have a version twice.
 */
const WATCH = `
  CREATE TABLE acceptance (
    resource_id text, version bigint, happening jsonb, PRIMARY KEY (resource_id, version));

  CREATE FUNCTION note_report() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO acceptance SELECT resource_id, version, jsonb_build_object('report', to_jsonb(NEW))
    FROM resource_status WHERE resource_id = NEW.resource_id;
    RETURN NULL;
  END $$;
  CREATE TRIGGER note_report AFTER INSERT OR UPDATE ON adapter_statuses
    FOR EACH ROW EXECUTE FUNCTION note_report();

  CREATE FUNCTION note_patch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO acceptance SELECT resource_id, version, jsonb_build_object('patch', NEW.updated_time)
    FROM resource_status WHERE resource_id = NEW.id;
    RETURN NULL;
  END $$;
  CREATE TRIGGER note_patch AFTER UPDATE ON resources
    FOR EACH ROW EXECUTE FUNCTION note_patch();`;

export function watchAcceptance(url: string): Promise<unknown> {
  return withClient(url, (client) => client.query(WATCH));
}

interface Noted {
  version: number;
  happening: { patch: string } | { report: AdapterStatus };
}

/** What happened to a resource since its creation, in the order of acceptance. */
export async function acceptedBy(url: string, id: string): Promise<Happening[]> {
  const noted = await withClient(url, async (client) => {
    const { rows } = await client.query<Noted>(
      `SELECT version::int, happening FROM acceptance WHERE resource_id = $1
       ORDER BY acceptance.version`,
      [id],
    );
    return rows;
  });
  // Creation is version 1. A gap would be a write that nobody asked for.
  expect(noted.map(({ version }) => version)).toEqual(noted.map((_, index) => index + 2));
  return noted.map(({ happening }) => {
    if ('patch' in happening) return { kind: 'patch', now: utc(happening.patch) };
    const { adapter, observed_generation, last_report_time, conditions } = happening.report;
    const now = utc(last_report_time);
    return {
      kind: 'report',
      now,
      report: { adapter, observed_generation, observed_time: now, conditions },
    };
  });
}

function utc(time: string): string {
  return new Date(time).toISOString();
}

/** The same, one after the other, by the pure rules alone. */
export function replay(
  required: readonly string[],
  createdTime: string,
  happenings: readonly Happening[],
): World {
  return happenings.reduce(
    (world, happening) => {
      const next = advance(world, happening);
      // Whatever was accepted must have been acceptable at its place in the order.
      expect(next).not.toBe(world);
      return next;
    },
    createWorld(required, createdTime),
  );
}

/** The status object of a cluster in this state, as the service shows it. */
export function statusOf({ aggregate }: World) {
  return { ...aggregate, conditions: withAliases(aggregate.conditions) };
}
