import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JSONWebKeySet } from 'jose';

import type { IssuerSettings } from '../config/issuers-file';
import { trustAlso, trustingFetch } from './trusting-fetch';
import type { Logger } from '../telemetry/log';
import { messageOf, watchFile } from './watched-file';

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

/** The public keys of one issuer, kept up to date. */
export interface KeyProvider {
  /** All known keys; a new function after each successful read of the file or the URL. */
  readonly keys: LocalKeys;
  /** Refreshes the keys; false when the file or the URL cannot be read or used. */
  refresh(): Promise<boolean>;
  close(): void;
}

interface Source {
  /** Undefined until the first successful read. */
  current(): JSONWebKeySet | undefined;
  refresh(): Promise<boolean>;
  close(): void;
}

const FETCH_TIMEOUT_MS = 3_000;
/** An unknown key does not cause another request to the provider this soon after the last one. */
const COOLDOWN_MS = 10_000;
/** The same after a failure: shorter, because clients get 503 until then. */
export const RETRY_MS = 5_000;
/** Keys that the provider has withdrawn stop working within this time, even without any requests. */
const REFRESH_MS = 300_000;
const TICK_MS = 15_000;

/**
 * Combines the keys of a file and a URL and refreshes them in the background: a request waits for the
 * provider only when its key is unknown, and known keys keep working while the provider is down. An
 * unusable file prevents the start; an unreachable provider does not.
 */
export async function createKeyProvider(
  { jwksUrl, jwksFile, caFile }: Pick<IssuerSettings, 'jwksUrl' | 'jwksFile' | 'caFile'>,
  log: Logger,
): Promise<KeyProvider> {
  const sources: Source[] = [];
  let keys: LocalKeys;
  const join = () => {
    keys = createLocalJWKSet({
      keys: sources.flatMap((source) => source.current()?.keys ?? []),
    });
  };
  if (jwksFile !== undefined) sources.push(await fileSource(jwksFile, log, join));
  if (jwksUrl !== undefined) sources.push(await remoteSource(jwksUrl, caFile, log, join));
  join();
  const refresh = async () => {
    const usable = await Promise.all(sources.map((source) => source.refresh()));
    return usable.every(Boolean);
  };
  await refresh();
  return {
    get keys() {
      return keys;
    },
    refresh,
    close: () => sources.forEach((source) => source.close()),
  };
}

async function remoteSource(
  url: string,
  caFile: string | undefined,
  log: Logger,
  onChange: () => void,
): Promise<Source> {
  const trusted =
    caFile && (await watchFile(caFile, 'The CA file (jwk_cert_ca_file)', trustAlso, log));
  // Used for fetching only. On its own it would wait, once its cache has expired, for an unreachable
  // provider at every request.
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    ...(trusted && { [customFetch]: trustingFetch(() => trusted.value) }),
  });
  let reachable: boolean | undefined;
  let askedAt = -Infinity;
  let pending: Promise<boolean> | undefined;

  const ask = async (): Promise<boolean> => {
    try {
      await remote.reload();
      if (reachable !== true) log.info('The key provider is reachable', { url });
      reachable = true;
      onChange();
    } catch (error) {
      const cause = error instanceof Error && error.cause ? error.cause : error;
      if (reachable !== false) {
        log.warn('The key provider cannot be reached; only known keys are accepted', {
          url,
          error: messageOf(cause),
        });
      }
      reachable = false;
    }
    askedAt = performance.now();
    return reachable;
  };
  const refreshAfter = async (wait: number): Promise<boolean> => {
    if (pending) return pending;
    if (performance.now() - askedAt < wait) return reachable === true;
    pending = ask().finally(() => (pending = undefined));
    return pending;
  };
  const timer = setInterval(
    () => void refreshAfter(reachable ? REFRESH_MS : RETRY_MS),
    TICK_MS,
  ).unref();
  return {
    current: () => remote.jwks(),
    refresh: () => refreshAfter(reachable ? COOLDOWN_MS : RETRY_MS),
    close() {
      clearInterval(timer);
      if (trusted) trusted.close();
    },
  };
}

async function fileSource(path: string, log: Logger, onChange: () => void): Promise<Source> {
  const file = await watchFile(
    path,
    'The key file (AUTH_JWKS_FILE or jwk_cert_file)',
    parseKeys,
    log,
    onChange,
  );
  return {
    current: () => file.value,
    refresh: () => file.reload(),
    close: () => file.close(),
  };
}

function parseKeys(text: string): JSONWebKeySet {
  const set = JSON.parse(text) as JSONWebKeySet;
  createLocalJWKSet(set);
  if (set.keys.some((key) => key.kty === 'oct' || 'd' in key)) {
    throw new Error('it contains secret keys; only public keys belong there');
  }
  return set;
}
