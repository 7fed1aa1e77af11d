import type { IncomingHttpHeaders } from 'node:http';
import type { IssuerSettings } from '../config/issuers-file';
import { bearerToken, findCredentials, type TokenHeader, tokenRefused } from './bearer';
import { type Issuer, openIssuer } from './issuer';
import { statedIssuer } from './verify';
import type { Logger } from '../telemetry/log';
import { messageOf } from './watched-file';

export interface Identity {
  actor: string;
  claims: Record<string, unknown>;
}

export interface Authenticator {
  /** The headers that it reads. A request must not repeat them, because then nobody knows which one counts. */
  readonly headers: readonly string[];
  /** @throws ProblemError AUT-001, AUT-002, AUT-003 or SVC-001 */
  authenticate(headers: IncomingHttpHeaders): Promise<Identity>;
  close(): void;
}

interface IssuersHeader extends TokenHeader {
  issuers: readonly Issuer[];
}

/** @throws Error that names every file that cannot be used */
export async function createAuthenticator(
  settings: readonly IssuerSettings[],
  log: Logger,
): Promise<Authenticator> {
  const issuers = await openAll(settings, log);
  const tokenHeaders = byHeader(issuers);
  const identityHeaders = settings.flatMap(({ identityHeader }) => identityHeader ?? []);
  return {
    headers: [...tokenHeaders.map(({ name }) => name), ...identityHeaders],
    async authenticate(headers) {
      const { header, credentials } = findCredentials(headers, tokenHeaders);
      for (const issuer of header.issuers) {
        const claims = issuer.recall(credentials);
        if (claims) return { actor: issuer.actorOf(claims, headers), claims };
      }
      const token = bearerToken(credentials, header);
      const issuer = issuerOf(token, header);
      const claims = await issuer.verify(token);
      issuer.remember(credentials, claims);
      return { actor: issuer.actorOf(claims, headers), claims };
    },
    close: () => issuers.forEach((issuer) => issuer.close()),
  };
}

async function openAll(settings: readonly IssuerSettings[], log: Logger): Promise<Issuer[]> {
  const opened = await Promise.allSettled(settings.map((each) => openIssuer(each, log)));
  const issuers = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  if (issuers.length < opened.length) {
    issuers.forEach((issuer) => issuer.close());
    const failures = opened.flatMap((each): unknown[] =>
      each.status === 'rejected' ? [each.reason] : [],
    );
    throw new Error(failures.map(messageOf).join('\n'), { cause: failures[0] });
  }
  return issuers;
}

function byHeader(issuers: readonly Issuer[]): IssuersHeader[] {
  const names = new Map(
    issuers.map(({ settings: { header } }) => [header.toLowerCase(), header] as const),
  );
  return Array.from(names, ([key, name]) => ({
    ...{ key, name },
    issuers: issuers.filter(({ settings }) => settings.header.toLowerCase() === key),
  }));
}

/** Every other check is up to this issuer: what the token states has not been verified. */
function issuerOf(token: string, header: IssuersHeader): Issuer {
  const stated = statedIssuer(token);
  const found = header.issuers.find(
    ({ settings: { issuer } }) => issuer === undefined || issuer === stated,
  );
  if (found) return found;
  const fault =
    stated === undefined
      ? 'The token has no iss claim.'
      : `The iss claim of the token is not one that is accepted in the ${header.name} header.`;
  throw tokenRefused('AUT-002', fault);
}
