import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { declareIssuers } from '../../src/config/issuers-file';
import { SCHEMA } from '../charts/accepted';
import { startFakeCluster, type FakeCluster } from '../charts/fake-cluster';
import { CHART, HELM, RELEASE, ROOT, parseManifests, run, withHelm } from '../charts/helm';
import { find } from '../charts/manifest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'charts-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

withHelm('an installation of the chart', () => {
  const SECRET = '/api/v1/namespaces/hyperfleet-system/secrets/hyperfleet-api-postgresql';
  let cluster: FakeCluster;
  beforeAll(async () => {
    cluster = await startFakeCluster();
  });
  afterAll(() => cluster.close());

  /** Helm asks the cluster, and writes nothing to it. */
  const onCluster = (args: string[], cwd = ROOT) =>
    run(
      HELM,
      [
        ...args,
        '--dry-run=server',
        '--disable-openapi-validation',
        '--kube-apiserver',
        cluster.url,
      ],
      cwd,
    );

  const passwordOf = (text: string): string => {
    const manifests = parseManifests(text.slice(text.indexOf('---'), text.indexOf('\nNOTES:')));
    return find(manifests, 'Secret', 'hyperfleet-api-postgresql').data?.['db.password'] ?? '';
  };

  it('works with every command of the readme as it is written there', async () => {
    writeFileSync(join(folder, 'gcp-schema.yaml'), SCHEMA);
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8').replace(/\\\n\s*/g, '');
    const commands = readme.match(/^helm install .*$/gm) ?? [];
    expect(commands.length).toBeGreaterThanOrEqual(4);
    for (const command of commands) {
      const args = command
        .split(/\s+/)
        .slice(1)
        .map((word) => (word === './charts/' ? CHART : word));
      const { ok, stderr } = await onCluster(args, folder);
      expect([command, ok, stderr]).toEqual([command, true, '']);
    }
  });

  it('says how to open the API, and which clients cannot present a token', async () => {
    const { stdout } = await onCluster(['install', ...RELEASE]);
    const notes = stdout.slice(stdout.indexOf('\nNOTES:'));
    expect(notes).toMatch(/gets a 403[^]*auth:\n\s+rules:/);
    expect(notes).toMatch(/Sentinels up to v0\.3\.0 and adapters up to v0\.2\.1 send no token/);
  });

  it('names the issuers of tokens, with the values for them that the readme has', async () => {
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
    const [, example = ''] = /```yaml\n(auth:\n {2}issuers:\n[^]*?)```/.exec(readme) ?? [];
    const values = join(folder, 'issuers.yaml');
    writeFileSync(values, example);
    const { stdout, stderr } = await onCluster(['install', ...RELEASE, '-f', values]);
    expect(stderr).toBe('');
    expect(stdout.slice(stdout.indexOf('\nNOTES:'))).toContain(
      [
        '  Requests must have a token from one of:',
        '  - https://login.example.com (Authorization: Bearer …)',
        '  - https://gateway.corp.example (X-Gateway-Token: Bearer …)\n',
      ].join('\n'),
    );
    const { data } = find(
      parseManifests(stdout.slice(stdout.indexOf('---'), stdout.indexOf('\nNOTES:'))),
      'ConfigMap',
      'hyperfleet-api-issuers',
    );
    expect(declareIssuers(parse(data?.['issuers.yaml'] ?? '')).faults).toEqual([]);
  });

  it('names URLs that fit the certificate', async () => {
    const args = ['install', ...RELEASE, '--set', 'tls.enabled=true', '--set', 'tls.secretName=t'];
    const [plain, encrypted] = await Promise.all([
      onCluster(['install', ...RELEASE]),
      onCluster(args),
    ]);
    const urls = ({ stdout }: { stdout: string }) =>
      stdout.slice(stdout.indexOf('\nNOTES:')).match(/https?:\/\/(localhost|hyperfleet-api\.)/g);
    expect(urls(plain)).toEqual(['http://localhost', 'http://hyperfleet-api.']);
    expect(urls(encrypted)).toEqual(['https://localhost', 'https://hyperfleet-api.']);
  });

  it('advises an upgrade that takes up new defaults, and has notes for values that lack blocks', async () => {
    const blocks = ['api', 'auth', 'database', 'pgbouncer', 'autoscaling', 'service', 'image'];
    const values = join(folder, 'old-values.json');
    writeFileSync(values, JSON.stringify(Object.fromEntries(blocks.map((name) => [name, null]))));
    const args = ['install', ...RELEASE];
    const [now, old] = await Promise.all([onCluster(args), onCluster([...args, '-f', values])]);
    const notes = ({ stdout }: { stdout: string }) => stdout.slice(stdout.indexOf('\nNOTES:'));
    expect(notes(now)).toMatch(/helm upgrade hyperfleet-api .*--reset-then-reuse-values/);
    expect(notes(now)).not.toMatch(/ --reuse-values/);
    expect(notes(old)).toBe(notes(now));
  });

  it('makes up a password of its own each time there is none', async () => {
    cluster.objects.delete(SECRET);
    const passwords = [
      passwordOf((await onCluster(['install', ...RELEASE])).stdout),
      passwordOf((await onCluster(['install', ...RELEASE])).stdout),
    ];
    expect(passwords[0]).toMatch(/^[A-Za-z0-9+/=]{40,}$/);
    expect(passwords[1]).not.toBe(passwords[0]);
  });

  it('keeps the stored password, also when it takes up what an earlier release left', async () => {
    const password = Buffer.from('the password of the first start').toString('base64');
    const annotations = {
      'meta.helm.sh/release-name': 'hyperfleet-api',
      'meta.helm.sh/release-namespace': 'hyperfleet-system',
    };
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
    cluster.objects.set(SECRET, {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { name: 'hyperfleet-api-postgresql', annotations, labels },
      data: { 'db.password': password },
    });
    const { stdout, stderr } = await onCluster(['install', ...RELEASE]);
    expect(stderr).toBe('');
    expect(passwordOf(stdout)).toBe(password);
  });
});
