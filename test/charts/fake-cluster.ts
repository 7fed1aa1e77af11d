import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const resource = (kind: string) => ({
  name: `${kind.toLowerCase()}s`,
  singularName: kind.toLowerCase(),
  namespaced: true,
  kind,
  verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'],
});
const CORE = ['Secret', 'ConfigMap', 'Service', 'ServiceAccount', 'PersistentVolumeClaim'];
const APPS = ['Deployment', 'StatefulSet'];
const APPS_VERSION = { groupVersion: 'apps/v1', version: 'v1' };

const DISCOVERY: Record<string, unknown> = {
  '/version': { major: '1', minor: '30', gitVersion: 'v1.30.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [{ name: 'apps', versions: [APPS_VERSION], preferredVersion: APPS_VERSION }],
  },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: CORE.map(resource) },
  '/apis/apps/v1': {
    kind: 'APIResourceList',
    groupVersion: 'apps/v1',
    resources: APPS.map(resource),
  },
};

const NOT_FOUND = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'NotFound',
  code: 404,
};

export interface FakeCluster {
  url: string;
  /** Objects the cluster holds, by path. */
  objects: Map<string, unknown>;
  close: () => Promise<void>;
}

/** As much of a Kubernetes API as `helm install --dry-run=server` asks for. */
export const startFakeCluster = async (): Promise<FakeCluster> => {
  const objects = new Map<string, unknown>();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://cluster').pathname;
    const list = path.endsWith('/secrets')
      ? { kind: 'SecretList', apiVersion: 'v1', metadata: {}, items: [] }
      : undefined;
    const found = objects.get(path) ?? DISCOVERY[path] ?? list;
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? NOT_FOUND));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
