import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * Makes a certificate authority and, signed by it, a certificate for `localhost`, in this directory.
 * @returns the file of the authority, and the certificate with its key
 */
export function makeAuthority(directory: string, name: string) {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  openssl(
    ...['req', '-x509', ...EC_KEY, '-keyout', `${name}.key`, '-out', `${name}.crt`],
    ...['-days', '2', '-subj', `/CN=${name}`],
  );
  openssl(
    ...['req', ...EC_KEY, '-keyout', `${name}-server.key`, '-out', `${name}-server.csr`],
    ...['-subj', '/CN=localhost'],
  );
  writeFileSync(join(directory, `${name}-names`), 'subjectAltName=DNS:localhost\n');
  openssl(
    ...['x509', '-req', '-in', `${name}-server.csr`, '-CA', `${name}.crt`, '-CAkey', `${name}.key`],
    ...['-CAcreateserial', '-days', '2', '-extfile', `${name}-names`],
    ...['-out', `${name}-server.crt`],
  );
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  return {
    caFile: join(directory, `${name}.crt`),
    tls: { cert: read(`${name}-server.crt`), key: read(`${name}-server.key`) },
  };
}
