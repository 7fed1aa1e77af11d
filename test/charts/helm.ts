import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './manifest';

export const ROOT = join(__dirname, '..', '..');
export const CHART = join(ROOT, 'charts');

/** Where a tool is: `test/charts/tools.sh` puts it into artifacts, Go into its own folder, others into the path. */
export const findTool = (name: string, ...probe: string[]): string | undefined =>
  [
    join(ROOT, 'artifacts', 'tools', name),
    name,
    join(process.env.GOBIN ?? join(process.env.GOPATH ?? join(homedir(), 'go'), 'bin'), name),
  ].find((candidate) => spawnSync(candidate, probe).status === 0);

/** The Kubernetes release that the manifests are made for and checked against. */
export const KUBERNETES = '1.30';

export const crdFolders = (): string[] =>
  [join(__dirname, 'crds'), join(ROOT, 'artifacts', 'crds')].filter((folder) => existsSync(folder));

export interface Outcome {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Not the synchronous call: the test itself may be the cluster that the tool asks. */
export const run = (command: string, args: string[], cwd = ROOT): Promise<Outcome> =>
  new Promise((resolve) => {
    const environment = { ...process.env, KUBECONFIG: '/dev/null' };
    const options = { cwd, env: environment, maxBuffer: 1 << 24 };
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr });
    });
  });

export const parseManifests = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => {
      const [problem] = document.errors;
      if (problem) throw problem;
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);

export const helm = findTool('helm', 'version', '--short');
export const HELM = helm ?? 'helm';
export const withHelm = helm === undefined ? describe.skip : describe;
/** Without a cluster, helm takes an old release for granted unless it is told one. */
export const TEMPLATE = ['template', '--kube-version', KUBERNETES];
export const RELEASE = ['hyperfleet-api', CHART, '--namespace', 'hyperfleet-system'];
