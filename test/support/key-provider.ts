import {
  constants,
  createHmac,
  generateKeyPairSync,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A private key together with its public half in the form a provider publishes. */
export interface SigningKey {
  alg: string;
  kid: string | undefined;
  privateKey: KeyObject;
  jwk: Record<string, unknown>;
}

export function signingKey(alg: string, kid?: string, bits = 2_048): SigningKey {
  const { privateKey, publicKey } = keyPair(alg, bits);
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', ...(kid && { kid }) };
  return { alg, kid, privateKey, jwk };
}

function keyPair(alg: string, bits: number) {
  if (alg === 'EdDSA' || alg === 'Ed25519') return generateKeyPairSync('ed25519');
  if (alg.startsWith('ES')) return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: bits });
}

/** Builds a token by hand, so that the tests can make those no library would. */
export function token(
  claims: object | string,
  key: SigningKey,
  header: Record<string, unknown> = {},
): string {
  const all = { alg: key.alg, typ: 'JWT', ...(key.kid && { kid: key.kid }), ...header };
  const input = `${encode(all)}.${encode(claims)}`;
  return `${input}.${signatureOf(input, all.alg, key.privateKey).toString('base64url')}`;
}

export function hmacToken(claims: object, secret: string, header: Record<string, unknown>) {
  const input = `${encode({ alg: 'HS256', ...header })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export function encode(part: object | string): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part);
  return Buffer.from(text).toString('base64url');
}

function signatureOf(input: string, alg: string, key: KeyObject): Buffer {
  const data = Buffer.from(input);
  if (alg.startsWith('Ed')) return signBytes(null, data, key);
  if (alg.startsWith('ES')) return signBytes('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
  const padding = alg.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : undefined;
  return signBytes('sha256', data, { key, padding, ...(padding && { saltLength: 32 }) });
}

/** A key provider on loopback that can be taken down, made to fail or to hang. */
export class KeyServer {
  keys: unknown[] = [];
  behaviour: 'good' | 'error' | 'hang' | 'nonsense' | 'break off' = 'good';
  fetches = 0;
  private server: Server | undefined;
  private port = 0;

  /** @param tls a certificate for `localhost` and its key; without it, the server speaks plain HTTP */
  constructor(private readonly tls?: { cert: string; key: string }) {}

  get url(): string {
    return `${this.tls ? 'https://localhost' : 'http://127.0.0.1'}:${this.port}/certs`;
  }

  async start(): Promise<void> {
    const respond: RequestListener = (_request, response) => {
      this.fetches += 1;
      if (this.behaviour === 'hang') return;
      if (this.behaviour === 'break off') {
        response.write('{"keys":', () => response.destroy());
        return;
      }
      if (this.behaviour === 'error') response.statusCode = 500;
      const body = this.behaviour === 'nonsense' ? '<html>' : JSON.stringify({ keys: this.keys });
      response.setHeader('Connection', 'close').end(body);
    };
    const server = this.tls ? createTlsServer(this.tls, respond) : createServer(respond);
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }
}
