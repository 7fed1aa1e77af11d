import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority. Its files, and those of what it issues, are `<name>.crt` and `<name>.key` in one directory. */
export class Authority {
  /** Its certificate in PEM. */
  readonly ca: string;
  readonly file: string;

  constructor(
    private readonly directory: string,
    private readonly name: string,
  ) {
    this.openssl(
      ...['req', '-x509', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.crt`],
      ...['-days', '2', '-subj', `/CN=${name}`],
    );
    this.file = join(directory, `${name}.crt`);
    this.ca = readFileSync(this.file, 'utf8');
  }

  /** @param names as in `DNS:localhost,IP:127.0.0.1` */
  issue(name: string, names: string): { certFile: string; keyFile: string } {
    const request = join(this.directory, `${name}.csr`);
    const extensions = join(this.directory, `${name}.ext`);
    const [certFile, keyFile] = [`${name}.crt`, `${name}.key`].map((file) =>
      join(this.directory, file),
    ) as [string, string];
    this.openssl('req', ...NEW_KEY, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    this.openssl(
      ...['x509', '-req', '-in', request, '-CA', `${this.name}.crt`, '-CAkey', `${this.name}.key`],
      ...['-CAcreateserial', '-days', '2', '-extfile', extensions, '-out', certFile],
    );
    return { certFile, keyFile };
  }

  /** A certificate for `localhost`, as `https.createServer` takes it. */
  forLocalhost(): { cert: string; key: string } {
    const { certFile, keyFile } = this.issue(`${this.name}-server`, 'DNS:localhost');
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.directory, stdio: 'pipe' });
  }
}
