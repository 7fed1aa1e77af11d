import {
  apiOf,
  containersOf,
  databaseFiles,
  environmentOf,
  find,
  kinds,
  serveEnv,
} from './manifest';
import type { ValueSet } from './value-set';

const EXTERNAL = {
  postgresql: { enabled: false },
  external: { enabled: true, secretName: 'hyperfleet-db-external' },
};
/** Where the database is, and what stands before it. */
export const DATABASES: ValueSet[] = [
  {
    name: 'an external database',
    values: { database: EXTERNAL },
    check: (manifests) => {
      expect(serveEnv(manifests)).toMatchObject({
        PGHOST: 'hyperfleet-db-external:db.host',
        PGPORT: 'hyperfleet-db-external:db.port',
        PGDATABASE: 'hyperfleet-db-external:db.name',
        PGUSER: 'hyperfleet-db-external:db.user',
        PGSSLMODE: 'prefer',
        DATABASE_PASSWORD_FILE: '/etc/hyperfleet/database/password',
      });
      expect(databaseFiles(manifests)).toEqual({
        password: 'hyperfleet-db-external:db.password',
      });
      expect(kinds(manifests)).not.toContain('StatefulSet');
      expect(kinds(manifests)).not.toContain('Secret');
    },
  },
  {
    name: 'a secret of CloudNativePG, and nothing of it in the environment that would need a restart',
    values: {
      database: {
        ...EXTERNAL,
        external: {
          ...{ enabled: true, secretName: 'fleet-app' },
          keys: { host: 'host', port: 'port', name: 'dbname', user: 'user', password: 'password' },
        },
      },
    },
    check: (manifests) => {
      for (const container of containersOf(apiOf(manifests))) {
        const environment = environmentOf(container);
        expect(environment).toMatchObject({
          PGHOST: 'fleet-app:host',
          PGPORT: 'fleet-app:port',
          PGDATABASE: 'fleet-app:dbname',
          PGUSER: 'fleet-app:user',
        });
        expect(environment).not.toHaveProperty('PGPASSWORD');
      }
      expect(databaseFiles(manifests)).toEqual({ password: 'fleet-app:password' });
    },
  },
  {
    name: 'a secret without port and database name, through PgBouncer',
    values: {
      pgbouncer: { enabled: true },
      database: {
        ...EXTERNAL,
        external: {
          ...EXTERNAL.external,
          keys: { host: 'endpoint', port: '', name: '', user: 'username', password: 'password' },
        },
      },
    },
    check: (manifests) => {
      expect(serveEnv(manifests)).not.toHaveProperty('PGDATABASE');
      const name = 'hyperfleet-api-pgbouncer';
      const pooler = find(manifests, 'Deployment', name).spec?.template?.spec.containers[0];
      expect(environmentOf(pooler)).toEqual({
        PGHOST: 'hyperfleet-db-external:endpoint',
        PGPORT: '5432',
        PGUSER: 'hyperfleet-db-external:username',
      });
      expect(databaseFiles(manifests, name)).toEqual(databaseFiles(manifests));
    },
  },
  {
    name: 'a secret with a URL',
    values: {
      database: {
        ...EXTERNAL,
        external: { ...EXTERNAL.external, keys: { uri: 'uri' }, sslMode: 'require' },
      },
    },
    check: (manifests) => {
      for (const container of containersOf(apiOf(manifests))) {
        const environment = environmentOf(container);
        expect(environment).toMatchObject({
          DATABASE_URL_FILE: '/etc/hyperfleet/database/uri',
          PGSSLMODE: 'require',
        });
        for (const name of ['PGHOST', 'PGUSER', 'DATABASE_PASSWORD_FILE']) {
          expect(environment).not.toHaveProperty(name);
        }
      }
      expect(databaseFiles(manifests)).toEqual({ uri: 'hyperfleet-db-external:uri' });
    },
  },
  {
    name: 'an external database whose certificate is checked',
    values: {
      database: {
        ...EXTERNAL,
        external: { ...EXTERNAL.external, sslMode: 'verify-full', caSecretName: 'ca' },
      },
    },
    check: (manifests) => {
      const pod = apiOf(manifests);
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        expect(environmentOf(container).PGSSLROOTCERT).toBe('/etc/hyperfleet/database-ca/ca.crt');
        expect(container.volumeMounts?.map(({ name }) => name)).toContain('database-ca');
      }
      expect(pod.volumes).toContainEqual({
        name: 'database-ca',
        secret: { secretName: 'ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
      });
    },
  },
  {
    name: 'PgBouncer, with prepared statements because it is new enough',
    values: { pgbouncer: { enabled: true } },
    check: (manifests) => {
      for (const container of [
        ...(apiOf(manifests).initContainers ?? []),
        ...apiOf(manifests).containers,
      ]) {
        expect(environmentOf(container)).toMatchObject({
          PGHOST: 'hyperfleet-api-pgbouncer',
          PGPORT: '6432',
          DATABASE_PREPARED_STATEMENTS: 'true',
        });
      }
      const ini = find(manifests, 'ConfigMap', 'hyperfleet-api-pgbouncer').data?.['pgbouncer.ini'];
      expect(ini).toContain('pool_mode = transaction');
      expect(ini).toContain('max_prepared_statements = 200');
    },
  },
  {
    name: 'a PgBouncer too old for prepared statements',
    values: { pgbouncer: { enabled: true, image: { tag: 'v1.20.1' } } },
    check: (manifests) => {
      expect(serveEnv(manifests).DATABASE_PREPARED_STATEMENTS).toBe('false');
      const ini = find(manifests, 'ConfigMap', 'hyperfleet-api-pgbouncer').data?.['pgbouncer.ini'];
      expect(ini).not.toContain('max_prepared_statements');
    },
  },
  {
    name: 'PgBouncer before an external database whose certificate is checked',
    values: {
      pgbouncer: { enabled: true },
      database: {
        ...EXTERNAL,
        external: { ...EXTERNAL.external, sslMode: 'verify-full', caSecretName: 'ca' },
      },
    },
    check: (manifests) => {
      expect(serveEnv(manifests)).toMatchObject({
        PGHOST: 'hyperfleet-api-pgbouncer',
        PGSSLMODE: 'disable',
      });
      expect(apiOf(manifests).volumes?.map(({ name }) => name)).not.toContain('database-ca');
      const ini = find(manifests, 'ConfigMap', 'hyperfleet-api-pgbouncer').data?.['pgbouncer.ini'];
      expect(ini).toContain('server_tls_sslmode = verify-full');
    },
  },
  {
    name: 'an old PgBouncer of your own before an external database',
    values: { database: { ...EXTERNAL, preparedStatements: false } },
    check: (manifests) => {
      expect(serveEnv(manifests).DATABASE_PREPARED_STATEMENTS).toBe('false');
    },
  },
  {
    name: 'a built-in PostgreSQL without a volume, its password from a given secret',
    values: {
      database: { postgresql: { existingSecret: 'mine', persistence: { enabled: false } } },
    },
    check: (manifests) => {
      expect(databaseFiles(manifests)).toEqual({ password: 'mine:db.password' });
      expect(kinds(manifests)).not.toContain('Secret');
      expect(kinds(manifests)).not.toContain('PersistentVolumeClaim');
    },
  },
];
