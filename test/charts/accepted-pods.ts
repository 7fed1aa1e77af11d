import { apiOf, containersOf, find, type Manifest } from './manifest';
import type { ValueSet } from './value-set';

const DIGEST = `sha256:${'4bf5'.repeat(16)}`;
const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const PROXY = {
  name: 'cloud-sql-proxy',
  image: 'gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.15.1',
  args: ['--port=5432', 'project:region:instance'],
  securityContext: RESTRICTED,
};
const SHIPPER = { name: 'shipper', image: 'example.com/shipper:1' };

const images = (manifests: Manifest[]) =>
  containersOf(apiOf(manifests)).map(({ name, image }) => [name, image]);
const names = (manifests: Manifest[]) => ({
  before: apiOf(manifests).initContainers?.map(({ name }) => name),
  beside: apiOf(manifests).containers.map(({ name }) => name),
});
const podAnnotations = (manifests: Manifest[]) =>
  find(manifests, 'Deployment').spec?.template?.metadata.annotations;

const SIDECARS: ValueSet[] = [
  {
    name: 'a sidecar',
    values: { sidecars: [{ ...SHIPPER, securityContext: RESTRICTED }] },
    check: (manifests) => {
      expect(names(manifests)).toEqual({ before: ['migrate'], beside: ['api', 'shipper'] });
      expect(apiOf(manifests).containers[1]).toEqual({ ...SHIPPER, securityContext: RESTRICTED });
    },
  },
  {
    name: 'a sidecar without a security context',
    values: { sidecars: [SHIPPER] },
    check: (manifests) => {
      expect(apiOf(manifests).containers[1]).toEqual(SHIPPER);
    },
  },
  {
    name: 'a native sidecar, which starts before the migration',
    values: { nativeSidecars: [PROXY] },
    check: (manifests) => {
      expect(names(manifests)).toEqual({ before: ['cloud-sql-proxy', 'migrate'], beside: ['api'] });
      expect(apiOf(manifests).initContainers?.[0]).toEqual({ ...PROXY, restartPolicy: 'Always' });
      expect(apiOf(manifests).initContainers?.[1]).not.toHaveProperty('restartPolicy');
    },
  },
  {
    name: 'native sidecars in their order, beside sidecars with volumes',
    values: {
      pgbouncer: { enabled: true },
      nativeSidecars: [
        { ...SHIPPER, volumeMounts: [{ name: 'logs', mountPath: '/logs' }] },
        { ...PROXY, restartPolicy: 'Always' },
      ],
      sidecars: [
        { name: 'first', image: 'example.com/first' },
        { name: 'second', image: 'example.com/second' },
      ],
      extraVolumes: [{ name: 'logs', emptyDir: {} }],
    },
    check: (manifests) => {
      expect(names(manifests)).toEqual({
        before: ['shipper', 'cloud-sql-proxy', 'migrate'],
        beside: ['api', 'first', 'second'],
      });
    },
  },
  {
    name: 'an autoscaler beside sidecars, which it does not count',
    values: { autoscaling: { enabled: true }, sidecars: [SHIPPER] },
    check: (manifests) => {
      expect(find(manifests, 'HorizontalPodAutoscaler').spec).toMatchObject({
        metrics: [
          {
            type: 'ContainerResource',
            containerResource: {
              name: 'cpu',
              container: 'api',
              target: { type: 'Utilization', averageUtilization: 70 },
            },
          },
        ],
      });
    },
  },
];

const IMAGES: ValueSet[] = [
  {
    name: 'an image by its digest',
    values: { image: { digest: DIGEST } },
    check: (manifests) => {
      const image = `quay.io/openshift-hyperfleet/hyperfleet-api@${DIGEST}`;
      expect(images(manifests)).toEqual([
        ['migrate', image],
        ['api', image],
      ]);
    },
  },
  {
    name: 'an image with a digest and a tag: the digest wins',
    values: { image: { registry: 'quay.io/myuser', tag: 'v1.2.3', digest: DIGEST } },
    check: (manifests) => {
      const image = `quay.io/myuser/hyperfleet-api@${DIGEST}`;
      expect(images(manifests)).toEqual([
        ['migrate', image],
        ['api', image],
      ]);
    },
  },
];

const METADATA: ValueSet[] = [
  {
    name: 'common labels, but for those of selectors',
    values: {
      commonLabels: { team: 'fleet', 'app.kubernetes.io/name': 'mine' },
      monitoring: { dashboard: { enabled: true } },
    },
    check: (manifests) => {
      for (const { metadata } of manifests) {
        expect(metadata.labels).toMatchObject({
          team: 'fleet',
          'app.kubernetes.io/name': 'hyperfleet-api',
        });
      }
    },
  },
  {
    name: 'common labels and labels of the API pods, which win',
    values: {
      commonLabels: { team: 'fleet', tier: '', 'app.kubernetes.io/version': '7' },
      podLabels: { team: 'api' },
    },
    check: (manifests) => {
      const { metadata, spec } = find(manifests, 'Deployment');
      expect(metadata.labels).toMatchObject({ team: 'fleet', tier: '' });
      expect(spec?.template?.metadata.labels).toMatchObject({
        team: 'api',
        tier: '',
        'app.kubernetes.io/version': '7',
      });
    },
  },
  {
    name: 'annotations of the Deployment',
    values: { deploymentAnnotations: { 'reloader.stakater.com/auto': 'true' } },
    check: (manifests) => {
      const { metadata } = find(manifests, 'Deployment');
      expect(metadata.annotations).toEqual({ 'reloader.stakater.com/auto': 'true' });
      expect(podAnnotations(manifests)).not.toHaveProperty(['reloader.stakater.com/auto']);
    },
  },
];

const annotated = (name: string, annotations: Record<string, string>): ValueSet => ({
  name,
  values: { podAnnotations: annotations },
  check: (manifests) => {
    expect(podAnnotations(manifests)).toMatchObject(annotations);
  },
});

const MESHES: ValueSet[] = [
  annotated('Istio with a native sidecar', { 'sidecar.istio.io/nativeSidecar': 'true' }),
  annotated('Istio that leaves the database alone', {
    'traffic.sidecar.istio.io/excludeOutboundPorts': '5432',
  }),
  annotated('Linkerd with a native sidecar', {
    'config.beta.linkerd.io/proxy-enable-native-sidecar': 'true',
  }),
  annotated('Linkerd that leaves the database alone', {
    'config.linkerd.io/skip-outbound-ports': '5432',
  }),
];

/** What operators add to the pods of the API, and what their meshes read there. */
export const PODS: ValueSet[] = [...SIDECARS, ...IMAGES, ...METADATA, ...MESHES];
