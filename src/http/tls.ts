import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from '../telemetry/log';
import { messageOf, watchFiles } from '../auth/watched-file';

/** A certificate with its private key, kept up to date. */
export interface Certificate {
  current: () => SecureContextOptions;
  /** Called when another one is in force. */
  onRenewal: () => void;
}

/**
 * Reads the two PEM files and watches them. Later a pair that cannot be used is logged, and the old one stays.
 * @param what whose certificate it is, as in `The certificate of the API`
 * @returns undefined when no files are configured
 * @throws Error that names the files when they cannot be used
 */
export async function watchCertificate(
  what: string,
  certFile: string | undefined,
  keyFile: string | undefined,
  log: Logger,
): Promise<Certificate | undefined> {
  if (certFile === undefined || keyFile === undefined) return undefined;
  const files = await watchFiles(
    [certFile, keyFile],
    what,
    ([cert, key]) => readPair(cert!, key!, certFile, keyFile),
    log,
    () => certificate.onRenewal(),
  );
  const certificate: Certificate = {
    current: () => files.value,
    onRenewal: () => undefined,
  };
  return certificate;
}

/** OpenSSL's own messages say neither which file is meant nor what is wrong with it. */
function readPair(
  cert: string,
  key: string,
  certFile: string,
  keyFile: string,
): SecureContextOptions {
  const certificate = explain(`${certFile} contains no certificate in PEM`, () => {
    return new X509Certificate(cert);
  });
  const privateKey = explain(`${keyFile} contains no private key in PEM without a passphrase`, () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`the key in ${keyFile} does not belong to the certificate in ${certFile}`);
  }
  const options: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' };
  explain(`${certFile} is refused`, () => createSecureContext(options));
  return options;
}

function explain<T>(problem: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${problem} (${messageOf(error)})`, { cause: error });
  }
}

/** A server that speaks HTTPS with a certificate, and HTTP without one. A renewal breaks no connection. */
export function createServer(
  options: ServerOptions,
  listener: RequestListener,
  certificate: Certificate | undefined,
): Server {
  if (certificate === undefined) return createHttpServer(options, listener);
  const { requestTimeout: handshakeTimeout } = options;
  const server = createHttpsServer(
    { ...options, handshakeTimeout, ...certificate.current() },
    listener,
  );
  certificate.onRenewal = () => server.setSecureContext(certificate.current());
  return server;
}
