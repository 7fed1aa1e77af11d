/** As much of Kubernetes' objects as the tests look at. */
export interface SecurityContext {
  runAsNonRoot?: boolean;
  runAsUser?: number;
  fsGroup?: number;
  allowPrivilegeEscalation?: boolean;
  readOnlyRootFilesystem?: boolean;
  privileged?: boolean;
  capabilities?: { add?: string[]; drop?: string[] };
  seccompProfile?: { type: string };
}

export interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef?: { name: string; key: string } };
}

export interface Probe {
  httpGet?: { path: string; port: string; scheme: string };
}

export interface Container {
  name: string;
  image: string;
  args?: string[];
  command?: string[];
  env?: Variable[];
  ports?: { name: string; containerPort: number }[];
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  securityContext?: SecurityContext;
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> };
  restartPolicy?: string;
}

export interface Volume {
  name: string;
  configMap?: { name: string };
  secret?: { secretName: string; items?: { key: string; path: string }[] };
  emptyDir?: object;
  persistentVolumeClaim?: { claimName: string };
}

export interface PodSpec {
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext?: SecurityContext;
  initContainers?: Container[];
  containers: Container[];
  volumes?: Volume[];
}

export interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface Manifest {
  kind: string;
  metadata: Metadata;
  data?: Record<string, string>;
  spec?: {
    replicas?: number;
    selector?: Record<string, unknown>;
    ports?: { name: string; targetPort: string; appProtocol?: string }[];
    endpoints?: { port: string; scheme?: string; tlsConfig?: object; tls?: object }[];
    template?: {
      metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
      spec: PodSpec;
    };
    maxUnavailable?: number | string;
    minAvailable?: number | string;
    groups?: { name: string; rules: { alert: string; expr: string }[] }[];
  };
}

export const podsOf = (manifests: Manifest[]) =>
  manifests.flatMap(({ metadata, spec }) =>
    spec?.template
      ? [{ owner: metadata.name, labels: spec.template.metadata.labels, pod: spec.template.spec }]
      : [],
  );

export const containersOf = (pod: PodSpec): Container[] => [
  ...(pod.initContainers ?? []),
  ...pod.containers,
];

export const find = (manifests: Manifest[], kind: string, name = 'hyperfleet-api'): Manifest => {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  if (!found) throw new Error(`no ${kind} called ${name} was rendered`);
  return found;
};

export const apiOf = (manifests: Manifest[]): PodSpec => {
  const template = find(manifests, 'Deployment').spec?.template;
  if (!template) throw new Error('the deployment has no pods');
  return template.spec;
};

/** Environment of one container; values from a secret appear as `secret:key`. */
export const environmentOf = (container: Container | undefined): Record<string, string> =>
  Object.fromEntries(
    (container?.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      value ?? `${valueFrom?.secretKeyRef?.name ?? ''}:${valueFrom?.secretKeyRef?.key ?? ''}`,
    ]),
  );

/** A volume with this name is where the chart puts its files. */
export function expectMounted(container: Container | undefined, name: string): void {
  const mount = { name, mountPath: `/etc/hyperfleet/${name}`, readOnly: true };
  expect(container?.volumeMounts).toContainEqual(mount);
}

/** What the containers of the API, or another deployment, find under /etc/hyperfleet/database, as `secret:key`. */
export const databaseFiles = (manifests: Manifest[], name?: string): Record<string, string> => {
  const pod = find(manifests, 'Deployment', name).spec?.template?.spec;
  for (const container of containersOf(pod!)) expectMounted(container, 'database');
  const { secret } = pod!.volumes!.find((volume) => volume.name === 'database')!;
  return Object.fromEntries(
    secret!.items!.map(({ key, path }) => [path, `${secret!.secretName}:${key}`]),
  );
};

export const serveEnv = (manifests: Manifest[]) => environmentOf(apiOf(manifests).containers[0]);
export const kinds = (manifests: Manifest[]) => manifests.map(({ kind }) => kind);
