import Ajv from 'ajv';
import { brokenRule } from '../problems/ajv-error';
import { describeRule } from '../problems/broken-rule';
import { type Config, ConfigError, jwksUrlProblem } from './config';
import { readYamlFile } from './yaml-file';

/** Whose tokens are accepted, and how they are verified. */
export interface IssuerSettings {
  /** The `iss` of its tokens; undefined: any. */
  issuer?: string;
  jwksUrl?: string;
  jwksFile?: string;
  /** File with certificate authorities to trust for `jwksUrl`, besides the public ones. */
  caFile?: string;
  /** The only header in which its tokens count. */
  header: string;
  /** The `aud` of its tokens, or several of which one must be there; undefined: any. */
  audience?: string | string[];
  identityClaim: string;
  /** What a whole identity must match. */
  identityPattern?: RegExp;
  /** The header in which a gateway names whoever acts, once a token of this issuer was verified. */
  identityHeader?: string;
}

/** An entry of the file. An empty string counts as absent. */
interface Entry {
  issuer_url: string;
  jwk_cert_url?: string;
  jwk_cert_file?: string;
  jwk_cert_ca_file?: string;
  header?: string;
  audience?: string | string[];
  identity_claim?: string;
  identity_claim_pattern?: string;
  identity_header?: string;
}

const VARIABLE = 'AUTH_ISSUERS_FILE';
const STRING = { type: 'string' };
const HEADER = { type: 'string', pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]*$" };

/** The JSON Schema of one entry. The schema of the chart's values repeats it. */
export const ISSUER_SCHEMA = {
  type: 'object',
  required: ['issuer_url'],
  additionalProperties: false,
  properties: {
    issuer_url: { type: 'string', minLength: 1 },
    jwk_cert_url: STRING,
    jwk_cert_file: STRING,
    jwk_cert_ca_file: STRING,
    header: HEADER,
    audience: {
      type: ['string', 'array'],
      minItems: 1,
      items: { type: 'string', minLength: 1 },
    },
    identity_claim: STRING,
    identity_claim_pattern: STRING,
    identity_header: HEADER,
  },
} as const;

/** They have a meaning of their own, or appear in the log or in traces. */
const TAKEN_HEADERS = new Set(
  [
    'accept accept-encoding baggage connection content-encoding content-length content-type cookie date expect',
    'forwarded host if-match if-none-match keep-alive last-event-id origin set-cookie te traceparent tracestate',
    'trailer transfer-encoding upgrade user-agent x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id',
  ].flatMap((line) => line.split(' ')),
);
const DEFAULT_HEADER = 'Authorization';

/**
 * The configured issuers: that of the single variables, and those of the file.
 * @throws ConfigError that names every fault of the file
 */
export async function readIssuers(config: Config): Promise<IssuerSettings[]> {
  const own = ownIssuer(config);
  const { authIssuersFile } = config;
  if (authIssuersFile === undefined) return own;
  const { issuers, faults } = declareIssuers(await readYamlFile(VARIABLE, authIssuersFile), own);
  if (faults.length > 0) {
    throw new ConfigError(faults.map((fault) => `${VARIABLE}='${authIssuersFile}': ${fault}`));
  }
  return issuers;
}

function ownIssuer(config: Config): IssuerSettings[] {
  if (config.authIssuer === undefined) return [];
  const unlessAny = (value: string | undefined) => (value === '*' ? undefined : value);
  return [
    {
      issuer: unlessAny(config.authIssuer),
      jwksUrl: config.authJwksUrl,
      jwksFile: config.authJwksFile,
      header: DEFAULT_HEADER,
      audience: unlessAny(config.authAudience),
      identityClaim: config.authIdentityClaim,
    },
  ];
}

interface Placed {
  settings: IssuerSettings;
  place: string;
}

/**
 * Reads a list of entries. They must differ in issuer or header, also from the issuer of the single variables.
 * @returns all issuers, and everything that is wrong with the entries, each with its place
 */
export function declareIssuers(
  content: unknown,
  own: readonly IssuerSettings[] = [],
): { issuers: IssuerSettings[]; faults: string[] } {
  if (!Array.isArray(content) || content.length === 0) {
    return { issuers: [], faults: ['it must be a list of issuers, each with issuer_url'] };
  }
  const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
  const validate = ajv.compile<Entry>(ISSUER_SCHEMA);
  const placed: Placed[] = own.map((settings) => ({ settings, place: 'AUTH_ISSUER' }));
  const faults: string[] = [];
  content.forEach((entry: unknown, index) => {
    const place = `issuers.${index}`;
    if (!validate(entry)) {
      for (const error of validate.errors!) {
        const rule = brokenRule(error, ['issuers', index]);
        // What an unknown property is for is unknown, too: its value may be a secret.
        if (rule.keyword === 'additionalProperties') rule.value = undefined;
        faults.push(describeRule(rule).message);
      }
      return;
    }
    const found = entryFaults(entry);
    faults.push(...found.map((fault) => `${place}.${fault}`));
    if (found.length === 0) placed.push({ settings: settingsOf(entry), place });
  });
  faults.push(...conflicts(placed));
  return { issuers: placed.map(({ settings }) => settings), faults };
}

function conflicts(placed: readonly Placed[]): string[] {
  const tokenHeaders = new Set([DEFAULT_HEADER.toLowerCase()]);
  const places = new Map<string, string>();
  const faults: string[] = [];
  for (const { settings, place } of placed) {
    const header = settings.header.toLowerCase();
    tokenHeaders.add(header);
    const key = `${header} ${settings.issuer!}`;
    const other = places.get(key);
    if (other !== undefined) faults.push(`${place} has the issuer and the header of ${other}`);
    places.set(key, place);
  }
  for (const { settings, place } of placed) {
    const { identityHeader = '' } = settings;
    if (tokenHeaders.has(identityHeader.toLowerCase())) {
      faults.push(`${place}.identity_header must not be a header of tokens (${identityHeader})`);
    }
  }
  return faults;
}

/** What a schema cannot say. */
function entryFaults(entry: Entry): string[] {
  const faults: string[] = [];
  const { jwk_cert_url: url = '', audience = '' } = entry;
  if (entry.issuer_url === '*') faults.push('issuer_url must name one issuer');
  if ([audience].flat().includes('*')) faults.push('audience must be empty to accept any, not *');
  if (!url && !entry.jwk_cert_file) faults.push('jwk_cert_url or jwk_cert_file is required');
  const urlProblem = url && jwksUrlProblem(url);
  if (urlProblem) faults.push(`jwk_cert_url ${urlProblem}`);
  if (entry.jwk_cert_ca_file && !/^https:/i.test(url)) {
    faults.push('jwk_cert_ca_file requires a jwk_cert_url with https');
  }
  for (const property of ['header', 'identity_header'] as const) {
    const name = entry[property] ?? '';
    if (TAKEN_HEADERS.has(name.toLowerCase())) {
      faults.push(`${property} must not be ${name}, which has another meaning`);
    }
  }
  const { identity_claim_pattern: pattern } = entry;
  if (pattern) {
    try {
      // By itself, because `a)|(b` is valid between the parentheses that make it match the whole.
      new RegExp(pattern, 'u');
    } catch (error) {
      faults.push(`identity_claim_pattern is not usable: ${(error as Error).message}`);
    }
  }
  return faults;
}

function settingsOf(entry: Entry): IssuerSettings {
  const pattern = unlessEmpty(entry.identity_claim_pattern);
  return {
    issuer: entry.issuer_url,
    jwksUrl: unlessEmpty(entry.jwk_cert_url),
    jwksFile: unlessEmpty(entry.jwk_cert_file),
    caFile: unlessEmpty(entry.jwk_cert_ca_file),
    header: unlessEmpty(entry.header) ?? DEFAULT_HEADER,
    audience: unlessEmpty(entry.audience),
    identityClaim: unlessEmpty(entry.identity_claim) ?? 'email',
    identityPattern: pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, 'u'),
    identityHeader: unlessEmpty(entry.identity_header),
  };
}

function unlessEmpty<T>(value: T | undefined): T | undefined {
  return value === '' ? undefined : value;
}
