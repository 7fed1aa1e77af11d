import { find, kinds, type Manifest } from './manifest';
import type { ValueSet } from './value-set';

const specOf = (manifests: Manifest[], kind: string) => find(manifests, kind).spec as object;
const HOST = 'api.example.com';
const GATEWAY = { name: 'public', namespace: 'gateways', sectionName: 'https' };
const toService = (port: object) => ({ service: { name: 'hyperfleet-api', port } });

const INGRESSES: ValueSet[] = [
  {
    name: 'an Ingress for a host, with all its paths and without annotations',
    values: { ingress: { enabled: true, hosts: [{ host: HOST }] } },
    check: (manifests) => {
      expect(find(manifests, 'Ingress').metadata).not.toHaveProperty('annotations');
      expect(specOf(manifests, 'Ingress')).toEqual({
        rules: [
          {
            host: HOST,
            http: {
              paths: [{ path: '/', pathType: 'Prefix', backend: toService({ name: 'http' }) }],
            },
          },
        ],
      });
      expect(kinds(manifests)).not.toContain('HTTPRoute');
    },
  },
  {
    name: 'an Ingress with a class, annotations, paths and TLS',
    values: {
      ingress: {
        enabled: true,
        className: 'nginx',
        annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60' },
        hosts: [
          { host: HOST, paths: [{ path: '/api' }, { path: '/openapi', pathType: 'Exact' }] },
          { host: '*.example.org', paths: [{ path: '/*', pathType: 'ImplementationSpecific' }] },
        ],
        tls: [{ secretName: 'api-tls', hosts: [HOST] }],
      },
    },
    check: (manifests) => {
      const backend = toService({ name: 'http' });
      expect(find(manifests, 'Ingress').metadata.annotations).toEqual({
        'nginx.ingress.kubernetes.io/proxy-read-timeout': '60',
      });
      expect(specOf(manifests, 'Ingress')).toEqual({
        ingressClassName: 'nginx',
        rules: [
          {
            host: HOST,
            http: {
              paths: [
                { path: '/api', pathType: 'Prefix', backend },
                { path: '/openapi', pathType: 'Exact', backend },
              ],
            },
          },
          {
            host: '*.example.org',
            http: { paths: [{ path: '/*', pathType: 'ImplementationSpecific', backend }] },
          },
        ],
        tls: [{ secretName: 'api-tls', hosts: [HOST] }],
      });
    },
  },
  {
    name: 'an Ingress with the default certificate of its controller',
    values: { ingress: { enabled: true, hosts: [{ host: HOST }], tls: [{ hosts: [HOST] }] } },
    check: (manifests) => {
      expect(specOf(manifests, 'Ingress')).toMatchObject({ tls: [{ hosts: [HOST] }] });
    },
  },
];

const ROUTES: ValueSet[] = [
  {
    name: 'an HTTPRoute that lets watches stay open',
    values: { httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] } },
    check: (manifests) => {
      expect(find(manifests, 'HTTPRoute').metadata).not.toHaveProperty('annotations');
      expect(specOf(manifests, 'HTTPRoute')).toEqual({
        parentRefs: [{ name: 'public' }],
        rules: [
          {
            backendRefs: [{ name: 'hyperfleet-api', port: 8000 }],
            timeouts: { request: '0s' },
          },
        ],
      });
      expect(kinds(manifests)).not.toContain('Ingress');
    },
  },
  {
    name: 'an HTTPRoute with Gateways, host names, annotations and another port',
    values: {
      httpRoute: {
        enabled: true,
        annotations: { 'example.com/owner': 'fleet' },
        parentRefs: [
          GATEWAY,
          { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'internal', port: 443 },
        ],
        hostnames: [HOST, '*.example.org'],
        requestTimeout: '1h30m',
      },
      service: { port: 80 },
    },
    check: (manifests) => {
      expect(find(manifests, 'HTTPRoute').metadata.annotations).toEqual({
        'example.com/owner': 'fleet',
      });
      expect(specOf(manifests, 'HTTPRoute')).toEqual({
        parentRefs: [
          GATEWAY,
          { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'internal', port: 443 },
        ],
        hostnames: [HOST, '*.example.org'],
        rules: [
          {
            backendRefs: [{ name: 'hyperfleet-api', port: 80 }],
            timeouts: { request: '1h30m' },
          },
        ],
      });
    },
  },
  {
    name: 'an HTTPRoute whose limit is left to the Gateway, beside an Ingress',
    values: {
      httpRoute: { enabled: true, parentRefs: [GATEWAY], requestTimeout: '' },
      ingress: { enabled: true, hosts: [{ host: HOST }] },
    },
    check: (manifests) => {
      expect(specOf(manifests, 'HTTPRoute')).toEqual({
        parentRefs: [GATEWAY],
        rules: [{ backendRefs: [{ name: 'hyperfleet-api', port: 8000 }] }],
      });
      find(manifests, 'Ingress');
    },
  },
];

const SERVICES: ValueSet[] = [
  {
    name: 'a service with two stacks where the cluster has them',
    values: { service: { ipFamilyPolicy: 'PreferDualStack' } },
    check: (manifests) => {
      expect(specOf(manifests, 'Service')).toMatchObject({ ipFamilyPolicy: 'PreferDualStack' });
      expect(specOf(manifests, 'Service')).not.toHaveProperty('ipFamilies');
    },
  },
  {
    name: 'a service with two stacks, IPv6 first',
    values: { service: { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] } },
    check: (manifests) => {
      expect(specOf(manifests, 'Service')).toMatchObject({
        ipFamilyPolicy: 'RequireDualStack',
        ipFamilies: ['IPv6', 'IPv4'],
      });
    },
  },
  {
    name: 'a service with IPv6 only',
    values: { service: { ipFamilies: ['IPv6'] } },
    check: (manifests) => {
      expect(specOf(manifests, 'Service')).toMatchObject({ ipFamilies: ['IPv6'] });
      expect(specOf(manifests, 'Service')).not.toHaveProperty('ipFamilyPolicy');
    },
  },
  {
    name: 'a service with a load balancer of a class',
    values: { service: { type: 'LoadBalancer', loadBalancerClass: 'example.com/internal' } },
    check: (manifests) => {
      expect(specOf(manifests, 'Service')).toMatchObject({
        type: 'LoadBalancer',
        loadBalancerClass: 'example.com/internal',
      });
    },
  },
];

/** How clients reach the service from outside the cluster. */
export const EXPOSURES: ValueSet[] = [...INGRESSES, ...ROUTES, ...SERVICES];
