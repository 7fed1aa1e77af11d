import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACCEPTED } from '../charts/accepted';
import { HELM, RELEASE, TEMPLATE, parseManifests, run, withHelm } from '../charts/helm';
import { apiOf, containersOf, type Manifest, podsOf } from '../charts/manifest';
import { securityBreaches } from '../charts/pod-security';
import { README_EXAMPLES } from '../charts/readme';
import { sidecarsOf } from '../charts/value-set';

/* What operators add to the objects of the chart, and what it leaves as it is. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'charts-pods-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rendered = async (values: object): Promise<Manifest[]> => {
  const path = join(folder, 'values.json');
  writeFileSync(path, JSON.stringify(values));
  const { stdout, stderr } = await run(HELM, [...TEMPLATE, ...RELEASE, '-f', path]);
  expect(stderr).toBe('');
  return parseManifests(stdout);
};

/** The manifests without the labels of objects and pods, and without the password, which is new each time. */
const withoutLabels = (manifests: Manifest[]) =>
  manifests.map(({ metadata, spec, ...rest }) => ({
    ...(rest.kind === 'Secret' ? { kind: rest.kind } : rest),
    metadata: { ...metadata, labels: {} },
    spec: spec?.template
      ? {
          ...spec,
          template: { ...spec.template, metadata: { ...spec.template.metadata, labels: {} } },
        }
      : spec,
  }));

withHelm('common labels', () => {
  const MINE = { 'example.com/cost-center': '4711' };
  const TAKEN = { 'app.kubernetes.io/name': 'other', 'app.kubernetes.io/component': 'other' };
  const commonLabels = { ...MINE, ...TAKEN };

  it.each(ACCEPTED)('are on all objects and pods, and nowhere else: $name', async ({ values }) => {
    const manifests = await rendered({ ...values, commonLabels });
    for (const { metadata } of manifests) expect(metadata.labels).toMatchObject(MINE);
    for (const { labels } of podsOf(manifests)) expect(labels).toMatchObject(MINE);
    // No selector has them, and no template of a claim, where Kubernetes would refuse their change.
    expect(JSON.stringify(withoutLabels(manifests))).not.toContain('cost-center');
    expect(JSON.stringify(manifests)).not.toContain('"other"');
  });

  it('change nothing else', async () => {
    const { values } = ACCEPTED.at(-1)!;
    const [labelled, plain] = [await rendered({ ...values, commonLabels }), await rendered(values)];
    expect(withoutLabels(labelled)).toEqual(withoutLabels(plain));
  });
});

withHelm('sidecars', () => {
  it('leave the containers of the chart as they are', async () => {
    const { values } = ACCEPTED.at(-1)!;
    const own = async (change: object) => {
      const pod = apiOf(await rendered({ ...values, ...change }));
      return containersOf(pod).filter(({ name }) => !sidecarsOf(values).includes(name));
    };
    expect(sidecarsOf(values)).toHaveLength(2);
    expect(await own({})).toEqual(await own({ sidecars: [], nativeSidecars: [] }));
  });

  it.each(README_EXAMPLES)('meet the restricted standard in $name', async ({ values }) => {
    for (const { pod } of podsOf(await rendered(values))) expect(securityBreaches(pod)).toEqual([]);
  });
});
