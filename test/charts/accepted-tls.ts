import { apiOf, expectMounted, find, type Manifest, serveEnv } from './manifest';
import type { ValueSet } from './value-set';

const CERTIFICATE = { enabled: true, secretName: 'hyperfleet-api-tls' };
const TRUST = {
  serverName: 'hyperfleet-api',
  ca: { secret: { name: 'hyperfleet-api-tls', key: 'ca.crt' } },
};

/** The paths and schemes of the probes. */
const probesOf = (manifests: Manifest[]) => {
  const { startupProbe, livenessProbe, readinessProbe } = apiOf(manifests).containers[0]!;
  return [startupProbe, livenessProbe, readinessProbe].map((probe) => {
    const { scheme, path } = probe!.httpGet!;
    return scheme + path;
  });
};

const endpointOf = (manifests: Manifest[], kind: string) => find(manifests, kind).spec?.endpoints;
const protocolOf = (manifests: Manifest[]) => find(manifests, 'Service').spec?.ports?.[0];

/** Which listeners have a certificate. */
export const TLS: ValueSet[] = [
  {
    name: 'no certificate: HTTP everywhere',
    values: { monitoring: { serviceMonitor: { enabled: true } } },
    check: (manifests) => {
      expect(probesOf(manifests)).toEqual(['HTTP/livez', 'HTTP/livez', 'HTTP/readyz']);
      expect(protocolOf(manifests)).not.toHaveProperty('appProtocol');
      expect(endpointOf(manifests, 'ServiceMonitor')).not.toHaveProperty(['0', 'scheme']);
      expect(apiOf(manifests).volumes?.map(({ name }) => name)).not.toContain('tls');
    },
  },
  {
    name: 'a certificate for the API alone',
    values: { tls: CERTIFICATE, monitoring: { serviceMonitor: { enabled: true } } },
    check: (manifests) => {
      expect(serveEnv(manifests)).toMatchObject({
        TLS_CERT_FILE: '/etc/hyperfleet/tls/tls.crt',
        TLS_KEY_FILE: '/etc/hyperfleet/tls/tls.key',
      });
      expect(Object.keys(serveEnv(manifests)).join()).not.toMatch(/(HEALTH|METRICS)_TLS/);
      const { containers, volumes } = apiOf(manifests);
      expect(volumes).toContainEqual({
        name: 'tls',
        secret: { secretName: 'hyperfleet-api-tls' },
      });
      expectMounted(containers[0], 'tls');
      expect(probesOf(manifests)).toEqual(['HTTP/livez', 'HTTP/livez', 'HTTP/readyz']);
      expect(protocolOf(manifests)).toMatchObject({ name: 'http', appProtocol: 'https' });
      expect(endpointOf(manifests, 'ServiceMonitor')).not.toHaveProperty(['0', 'scheme']);
    },
  },
  {
    name: 'a certificate for all listeners, which probes and scrapes take into account',
    values: {
      tls: { ...CERTIFICATE, health: true, metrics: true },
      monitoring: {
        serviceMonitor: { enabled: true, tlsConfig: TRUST },
        podMonitoring: { enabled: true, tls: { insecureSkipVerify: true } },
      },
    },
    check: (manifests) => {
      for (const prefix of ['', 'HEALTH_', 'METRICS_']) {
        expect(serveEnv(manifests)).toMatchObject({
          [`${prefix}TLS_CERT_FILE`]: '/etc/hyperfleet/tls/tls.crt',
          [`${prefix}TLS_KEY_FILE`]: '/etc/hyperfleet/tls/tls.key',
        });
      }
      expect(probesOf(manifests)).toEqual(['HTTPS/livez', 'HTTPS/livez', 'HTTPS/readyz']);
      expect(endpointOf(manifests, 'ServiceMonitor')).toMatchObject([
        { scheme: 'https', tlsConfig: TRUST },
      ]);
      expect(endpointOf(manifests, 'PodMonitoring')).toMatchObject([
        { scheme: 'https', tls: { insecureSkipVerify: true } },
      ]);
    },
  },
];
