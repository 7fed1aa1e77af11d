/** Names that YAML could read as something else than a string; all are names that Kubernetes accepts. */
export const LOOKALIKES = ['123', 'true', '1e3', 'null', 'on', '0x1f', '0o17', '2026-01-01'];

const VERSION = 'app.kubernetes.io/version';

/** Every value that becomes a name, a label or an annotation, with the same odd content; and labels of the chart. */
export const namedLike = (name: string) => {
  const labels = {
    [VERSION]: name,
    'app.kubernetes.io/instance': 'mine',
    'helm.sh/chart': name,
    [name]: name,
  };
  return {
    nameOverride: name,
    fullnameOverride: name,
    image: { registry: name, repository: name, tag: name },
    imagePullSecrets: [{ name }],
    auth: { issuer: name, audience: name, identityClaim: name },
    tls: { enabled: true, secretName: name, health: true },
    provider: { schema: `openapi: ${name}` },
    kinds: [{ kind: 'Channel', plural: 'channels', spec_schema_name: name }],
    database: {
      postgresql: {
        existingSecret: name,
        image: { repository: name, tag: name },
        persistence: { storageClass: name, size: '10' },
      },
    },
    pgbouncer: { enabled: true, image: { repository: name, tag: name } },
    autoscaling: { enabled: true },
    podDisruptionBudget: { enabled: true },
    networkPolicy: { enabled: true },
    service: { annotations: labels, type: 'LoadBalancer', loadBalancerClass: name },
    ingress: {
      enabled: true,
      className: name,
      annotations: labels,
      hosts: [{ host: name, paths: [{ path: `/${name}` }] }],
      tls: [{ secretName: name, hosts: [name] }],
    },
    httpRoute: {
      enabled: true,
      annotations: labels,
      parentRefs: [{ name, namespace: name, sectionName: name }],
      hostnames: [name],
    },
    serviceAccount: { name, annotations: labels },
    monitoring: {
      serviceMonitor: { enabled: true, labels },
      podMonitoring: { enabled: true },
      prometheusRule: { enabled: true, labels },
      dashboard: { enabled: true, labels },
    },
    commonLabels: labels,
    deploymentAnnotations: labels,
    podAnnotations: { ...labels, 'checksum/provider-schema': name, 'checksum/kinds': name },
    podLabels: labels,
    priorityClassName: name,
    nodeSelector: labels,
    sidecars: [{ name: `${name}-sidecar`, image: name }],
    nativeSidecars: [{ name, image: name, command: [name] }],
    extraEnv: [{ name: 'A', value: name }],
  };
};
