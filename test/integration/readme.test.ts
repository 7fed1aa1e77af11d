import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import request from 'supertest';
import { VARIABLES } from '../../src/config/variables';
import { packageRoot } from '../../src/config/package-root';
import { startTestApp, type TestApp } from '../support/app';
import {
  brokenLinks,
  execute,
  has,
  missingFiles,
  type Outcome,
  readDocument,
  stepsOf,
  withoutChance,
} from '../support/document';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const runnable = has('bash') && has('curl');
if (!runnable) console.warn('SKIPPED: the commands of the documents. They need bash and curl.');

/** The adapters the documents are written for: what a service requires unless told otherwise. */
const env = {
  HYPERFLEET_CLUSTER_ADAPTERS: VARIABLES.clusterAdapters.default!,
  HYPERFLEET_NODEPOOL_ADAPTERS: VARIABLES.nodePoolAdapters.default!,
};

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ env });
});

afterAll(() => app.stop());

function expectResponse({ command, response, output }: Outcome): void {
  if (response === undefined) return;
  const [shown, got] = [withoutChance(response.text), withoutChance(output)];
  if (response.language === 'text') expect({ command, got }).toEqual({ command, got: shown });
  else expect({ command, got: JSON.parse(got) }).toEqual({ command, got: JSON.parse(shown) });
}

(runnable ? describe : describe.skip)('the commands of', () => {
  it.each(['README.md', 'docs/api.md'])(
    '%s run as written, and respond as shown',
    async (file) => {
      const steps = stepsOf(readDocument(file));
      expect(steps.filter(({ response }) => response).length).toBeGreaterThan(3);
      for (const outcome of await execute(steps, app.url)) expectResponse(outcome);
    },
    60_000,
  );
});

describe('the search examples of docs/api.md', () => {
  const [, section] = readDocument('docs/api.md').split('\n## Search\n');
  const examples = [...section!.split('\n## ')[0]!.matchAll(/^\| `([^`]+)` +\| [^|]+\|$/gm)].map(
    ([, example]) => example!,
  );

  it('are twenty or more', () => expect(examples.length).toBeGreaterThanOrEqual(20));

  it.each(examples)('%s is understood', async (search) => {
    const { body } = await request(app.url).get(CLUSTERS).query({ search }).expect(200);
    expect(body.kind).toBe('ClusterList');
  });
});

describe('what the documents name', () => {
  const makefile = readDocument('Makefile');
  const { scripts, dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readDocument('package.json'),
  ) as Record<string, Record<string, string>>;

  it.each(DOCUMENTS)('is there: the targets, scripts and files of %s', (file) => {
    const text = readDocument(file);
    const targets = [...text.matchAll(/(?:^|`)make ([a-z][a-z/-]*)/gm)].map(([, name]) => name!);
    expect(targets.filter((name) => !makefile.includes(`\n${name}:`))).toEqual([]);
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !Object.hasOwn(scripts!, name))).toEqual([]);
    expect(brokenLinks(file)).toEqual([]);
    expect(missingFiles(file)).toEqual([]);
  });

  it('is complete: docs/dependencies.md has every direct dependency', () => {
    const text = readDocument('docs/dependencies.md');
    const direct = { ...dependencies, ...devDependencies, ...optionalDependencies };
    expect(Object.keys(direct).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
