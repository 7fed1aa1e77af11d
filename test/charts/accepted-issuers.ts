import { parseDocument } from 'yaml';
import { declareIssuers } from '../../src/config/issuers-file';
import { LOOKALIKES } from './lookalikes';
import { apiOf, expectMounted, find, type Manifest, serveEnv } from './manifest';
import type { ValueSet } from './value-set';

const KEYCLOAK = {
  issuer_url: 'https://keycloak.example/realms/fleet',
  jwk_cert_url: 'https://keycloak.example:8443/realms/fleet/certs',
  jwk_cert_ca_file: '/etc/issuers/ca.crt',
  header: 'X-Gateway-Token',
  audience: LOOKALIKES,
  identity_claim: '1e3',
  identity_claim_pattern: '[a-z]+@example\\.com',
  identity_header: 'X-Gateway-User',
};
const FILE = { issuer_url: 'adapters', jwk_cert_file: '/etc/issuers/jwks.json' };
const SECOND = { issuer_url: 'other', jwk_cert_url: 'https://other.example/certs' };

/** The mounted file, read as the service reads it. */
const fileOf = (manifests: Manifest[]): unknown => {
  const { data } = find(manifests, 'ConfigMap', 'hyperfleet-api-issuers');
  expect(Object.keys(data ?? {})).toEqual(['issuers.yaml']);
  const document = parseDocument(data?.['issuers.yaml'] ?? '', { merge: true });
  expect(document.errors).toEqual([]);
  return document.toJS();
};

/** Whose tokens are accepted, when there are several. */
export const ISSUERS: ValueSet[] = [
  {
    name: 'several issuers, in a file as it was given, and none beside them',
    values: {
      auth: {
        issuers: [KEYCLOAK, FILE, SECOND],
        rules: [{ issuer: 'adapters', claim: 'sub', pattern: '*', operations: ['*'] }],
      },
      extraVolumes: [{ name: 'issuer-files', secret: { secretName: 'issuer-files' } }],
      extraVolumeMounts: [{ name: 'issuer-files', mountPath: '/etc/issuers' }],
      networkPolicy: { enabled: true },
    },
    check: (manifests) => {
      const content = fileOf(manifests);
      expect(content).toEqual([KEYCLOAK, FILE, SECOND]);
      expect(declareIssuers(content).faults).toEqual([]);
      const environment = serveEnv(manifests);
      expect(environment).toMatchObject({
        AUTH_ENABLED: 'true',
        AUTH_ISSUERS_FILE: '/etc/hyperfleet/issuers/issuers.yaml',
      });
      for (const name of ['JWKS_URL', 'JWKS_FILE', 'ISSUER', 'AUDIENCE', 'IDENTITY_CLAIM']) {
        expect(environment).not.toHaveProperty(`AUTH_${name}`);
      }
      const pod = apiOf(manifests);
      expectMounted(pod.containers[0], 'issuers');
      expect(pod.volumes).toContainEqual({
        name: 'issuers',
        configMap: { name: 'hyperfleet-api-issuers' },
      });
      const policy = find(manifests, 'NetworkPolicy', 'hyperfleet-api').spec as {
        egress: { ports: { port: number }[] }[];
      };
      expect(policy.egress.at(-1)).toEqual({ ports: [{ port: 8443 }, { port: 443 }] });
    },
  },
];
