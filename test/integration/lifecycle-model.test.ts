import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  copyOf,
  emptyModel,
  type Model,
  type Outcome,
  perform,
  type Request,
  REQUIRED,
} from '../support/lifecycle-model';
import { ask, inspect, removeEverything, type StoredRow } from '../support/lifecycle-service';
import { anyPrelude, anyStep, requestOf, type Step } from '../support/lifecycle-steps';
import { startTestApp, type TestApp } from '../support/app';
import { adapterVariables, kindsWith } from '../support/kinds';

/** A longer run for those who doubt: LIFECYCLE_RUNS=2000 npx jest lifecycle-model */
jest.setTimeout(120_000 + 2_000 * Number(process.env.LIFECYCLE_RUNS ?? 0));
const RUNS = Number(process.env.LIFECYCLE_RUNS ?? 25);

const KINDS = kindsWith(REQUIRED.Cluster, REQUIRED.NodePool);

let app: TestApp;
/** A second process of the service, as far as the database can tell. */
let other: TestApp;

beforeAll(async () => {
  const env = adapterVariables(KINDS);
  app = await startTestApp({ env });
  other = await startTestApp({ env, database: app.database });
});

afterAll(async () => {
  await other.stop();
  await app.stop();
});

const clean = fc.beforeEach(() => removeEverything(app.service.db));

interface Real {
  /** Versions after the step before, by id. */
  versions: Map<string, number>;
}

/** One resource as both sides tell it. */
function told(model: Model) {
  return [...model.resources.values()]
    .map(({ id, kind, ownerId, name, generation, spec, labels, deleted, ready, available }) => ({
      ...{ id, kind, owner: ownerId ?? null, name, generation, spec, labels },
      ...{ deleted, ready, available },
    }))
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}

function toldByService(row: StoredRow) {
  return {
    ...{ id: row.id, kind: row.kind, owner: row.owner_id, name: row.name },
    ...{ generation: row.generation, spec: row.spec, labels: row.labels },
    ...{ deleted: row.deleted_time !== null, ready: row.ready, available: row.available },
  };
}

/** Responses that say that nothing was done. */
function movesNothing(outcome: Outcome, before: Model, request: Request): boolean {
  if (outcome.status >= 400) return true;
  if (request.do === 'create' || request.do === 'force-delete') return false;
  if (outcome.status === 204) return true;
  const known = before.resources.get(request.at.id);
  return request.do !== 'report' && known?.generation === outcome.generation;
}

class StepCommand implements fc.AsyncCommand<Model, Real> {
  constructor(private readonly step: Step) {}

  check = () => true;
  toString = () => JSON.stringify(this.step);

  async run(model: Model, real: Real): Promise<void> {
    const request = requestOf(model, this.step);
    const before = copyOf(model);
    const response = await ask(app, request);
    expect(response).toEqual(perform(model, request, response.id ?? 'none'));
    const { rows, violations } = await inspect(app.service.db, KINDS);
    expect(rows.map(toldByService)).toEqual(told(model));
    expect(violations).toEqual([]);

    const versions = new Map(rows.map(({ id, version }) => [id, version]));
    if (movesNothing(response, before, request)) {
      expect(versions).toEqual(real.versions);
    } else if (request.do !== 'create' && versions.has(request.at.id)) {
      expect(versions.get(request.at.id)).toBeGreaterThan(real.versions.get(request.at.id)!);
    }
    real.versions = versions;
  }
}

test('any sequence of requests ends as the model says, after each one', async () => {
  const commands = fc.commands([anyStep.map((step) => new StepCommand(step))], {
    maxCommands: 30,
    size: 'max',
  });
  const reached = { vanished: 0, steps: 0 };
  await fc.assert(
    fc.asyncProperty(anyPrelude, commands, async (prelude, sequence) => {
      const model = emptyModel();
      const real: Real = { versions: new Map() };
      for (const step of prelude) await new StepCommand(step).run(model, real);
      await fc.asyncModelRun(() => ({ model, real }), sequence);
      reached.steps += model.time;
      reached.vanished += model.places.length - model.resources.size;
    }),
    { numRuns: RUNS, unbiased: true, plugins: [clean] },
  );
  console.log(`sequences: ${reached.steps} steps, ${reached.vanished} resources vanished`);
  expect(reached.vanished).toBeGreaterThan(RUNS / 5);
});

/**
 * Does to the model, in some order, what was done at once: an order in which every response is the one that
 * was sent and the end is the one that is there. Undefined when no order explains what happened.
 */
function explain(
  model: Model,
  pending: readonly { request: Request; response: Outcome }[],
  end: unknown,
): Model | undefined {
  if (pending.length === 0) return isDeepStrictEqual(told(model), end) ? model : undefined;
  for (const [index, { request, response }] of pending.entries()) {
    const next = copyOf(model);
    if (!isDeepStrictEqual(perform(next, request, response.id ?? 'none'), response)) continue;
    const rest = pending.filter((_, position) => position !== index);
    const explained = explain(next, rest, end);
    if (explained !== undefined) return explained;
  }
  return undefined;
}

test('requests at the same time, to two processes, end as if one had come after the other', async () => {
  const batches = fc.array(fc.array(anyStep, { minLength: 1, maxLength: 4 }), {
    maxLength: 12,
    size: 'max',
  });
  const reached = { vanished: 0, requests: 0 };
  await fc.assert(
    fc.asyncProperty(anyPrelude, batches, async (prelude, sequence) => {
      let model = emptyModel();
      for (const steps of [...prelude.map((step) => [step]), ...sequence]) {
        const requests = steps.map((step) => requestOf(model, step));
        const done = await Promise.all(
          requests.map(async (request, index) => {
            const response = await ask(index % 2 === 0 ? app : other, request);
            return { request, response };
          }),
        );
        const { rows, violations } = await inspect(app.service.db, KINDS);
        expect(violations).toEqual([]);
        const end = rows.map(toldByService);
        const explained = explain(model, done, end);
        if (explained === undefined) {
          const story = { before: told(model), done, end };
          throw new Error(`no order explains ${JSON.stringify(story, undefined, 1)}`);
        }
        // Ids sort by their millisecond only, and two processes may share one.
        explained.places.sort((left, right) => (left.id < right.id ? -1 : 1));
        model = explained;
        reached.requests += done.length;
      }
      reached.vanished += model.places.length - model.resources.size;
    }),
    // Not made smaller: what failed once need not fail again.
    { numRuns: RUNS, unbiased: true, plugins: [clean], endOnFailure: true },
  );
  console.log(`batches: ${reached.requests} requests, ${reached.vanished} resources vanished`);
  expect(reached.vanished).toBeGreaterThan(RUNS / 25);
});
