import { type Aggregate, withAliases } from '../../src/conditions/aggregate';
import type { AdapterStatus } from '../../src/conditions/types';
import { withClient } from './database';
import { advance, createWorld, type Happening, type World } from './history';

/*
 * Has the database itself write down in which order it accepted reports and PATCHes, and what they made of the
 * conditions: within the transaction that stores one, under the version it gives the resource. One resource
 * cannot have a version twice.
 */
const WATCH = `
  CREATE TABLE acceptance (
    resource_id text, version bigint, happening jsonb, conditions jsonb, phase text,
    PRIMARY KEY (resource_id, version));

  CREATE FUNCTION note_report() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO acceptance SELECT resource_id, version, jsonb_build_object('report', to_jsonb(NEW)), conditions, phase
    FROM resource_status WHERE resource_id = NEW.resource_id;
    RETURN NULL;
  END $$;
  CREATE TRIGGER note_report AFTER INSERT OR UPDATE ON adapter_statuses
    FOR EACH ROW EXECUTE FUNCTION note_report();

  CREATE FUNCTION note_patch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO acceptance SELECT resource_id, version, jsonb_build_object('patch', NEW.updated_time), conditions, phase
    FROM resource_status WHERE resource_id = NEW.id;
    RETURN NULL;
  END $$;
  CREATE TRIGGER note_patch AFTER UPDATE ON resources
    FOR EACH ROW EXECUTE FUNCTION note_patch();`;

export function watchAcceptance(url: string): Promise<unknown> {
  return withClient(url, (client) => client.query(WATCH));
}

type Noted = Pick<Aggregate, 'conditions' | 'phase'> & {
  version: number;
  happening: { patch: string } | { report: AdapterStatus };
};

/** Something that happened to a resource, and what was stored as its consequence. */
interface Accepted {
  happening: Happening;
  stored: Pick<Aggregate, 'conditions' | 'phase'>;
}

/** What happened to a resource since its creation, in the order of acceptance. */
export async function acceptedBy(url: string, id: string): Promise<Accepted[]> {
  const noted = await withClient(url, async (client) => {
    const { rows } = await client.query<Noted>(
      `SELECT version::int, happening, conditions, phase FROM acceptance WHERE resource_id = $1
       ORDER BY acceptance.version`,
      [id],
    );
    return rows;
  });
  // Creation is version 1. A gap would be a write that nobody asked for.
  expect(noted.map(({ version }) => version)).toEqual(noted.map((_, index) => index + 2));
  return noted.map(({ happening, conditions, phase }) => ({
    happening: happeningOf(happening),
    stored: { conditions, phase },
  }));
}

function happeningOf(noted: Noted['happening']): Happening {
  if ('patch' in noted) return { kind: 'patch', now: utc(noted.patch) };
  const { adapter, observed_generation, last_report_time, conditions } = noted.report;
  const now = utc(last_report_time);
  const report = { adapter, observed_generation, observed_time: now, conditions };
  return { kind: 'report', now, report };
}

function utc(time: string): string {
  return new Date(time).toISOString();
}

/**
 * The same, one after the other, by the pure rules alone. At every step the service must have stored what
 * the rules say: a stale aggregate in between would be healed by the next report, and nobody would know.
 */
export function replay(
  required: readonly string[],
  createdTime: string,
  accepted: readonly Accepted[],
): World {
  return accepted.reduce(
    (world, { happening, stored }) => {
      const next = advance(world, happening);
      // Whatever was accepted must have been acceptable at its place in the order.
      expect(next).not.toBe(world);
      const { conditions, phase } = next.aggregate;
      expect(stored).toEqual({ conditions, phase });
      return next;
    },
    createWorld(required, createdTime),
  );
}

/** The status object of a cluster in this state, as the service shows it. */
export function statusOf({ aggregate }: World) {
  return { ...aggregate, conditions: withAliases(aggregate.conditions) };
}
