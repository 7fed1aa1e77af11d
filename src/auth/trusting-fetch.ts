import { X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { FetchImplementation } from 'jose';

/** Trusts the public authorities and those in a PEM file. @throws Error when it has none, or a broken one */
export function trustAlso(pem: string): SecureContext {
  const authorities = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  if (authorities.length === 0) throw new Error('it contains no certificate in PEM form');
  // OpenSSL skips what it cannot read.
  for (const authority of authorities) new X509Certificate(authority);
  return createSecureContext({ ca: [...rootCertificates, ...authorities] });
}

/** Like `fetch`, which knows no authorities of one's own. */
export function trustingFetch(trusted: () => SecureContext): FetchImplementation {
  return async (url, { headers, signal }) => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { headers: Object.fromEntries(headers), signal, secureContext: trusted() };
      // The listener stays, for errors while the body arrives.
      get(url, options, resolve).on('error', reject);
    });
    return new Response(await text(response), { status: response.statusCode });
  };
}
