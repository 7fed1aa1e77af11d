import { parse } from 'yaml';

import { claimValue } from './actor';
import { ProblemError } from '../problems/problem';
import type { Logger } from '../telemetry/log';
import { messageOf, type WatchedFile, watchFile } from './watched-file';

export interface Authorizer {
  /** @throws ProblemError AUZ-001 unless a rule allows the operation to the bearer of these claims */
  check(operationId: string, claims: Record<string, unknown>): void;
  /** Rereads the rules now. If the file is invalid, logs the error and keeps the old rules. */
  reload(): Promise<void>;
  /** Called when other rules are in force. */
  onChange: () => void;
  close(): void;
}

interface Rule {
  /** Only tokens of this issuer; undefined: of any. */
  issuer: string | undefined;
  claim: string;
  matches: (value: string) => boolean;
  operations: ReadonlySet<string>;
}

/** Reads the rules and watches their file. Without a file or without rules, everything is denied. */
export async function createAuthorizer(
  rulesFile: string | undefined,
  log: Logger,
  knownOperations: readonly string[],
): Promise<Authorizer> {
  const warnWhenEmpty = (rules: readonly Rule[]) => {
    if (rules.length === 0) log.warn('There are no authorization rules: everything is denied');
  };
  if (rulesFile === undefined) {
    warnWhenEmpty([]);
    return {
      check: (operationId) => deny(operationId),
      reload: () => Promise.resolve(),
      onChange: () => undefined,
      close: () => undefined,
    };
  }
  const file: WatchedFile<Rule[]> = await watchFile(
    rulesFile,
    'The authorization rules file (AUTHZ_RULES_FILE)',
    (text) => parseRules(text, knownOperations),
    log,
    () => {
      warnWhenEmpty(file.value);
      authorizer.onChange();
    },
  );
  warnWhenEmpty(file.value);
  const authorizer: Authorizer = {
    check(operationId, claims) {
      const allowed = file.value.some(
        (rule) => rule.operations.has(operationId) && holds(rule, claims),
      );
      if (!allowed) deny(operationId);
    },
    async reload() {
      await file.reload();
    },
    onChange: () => undefined,
    close: () => file.close(),
  };
  return authorizer;
}

function deny(operationId: string): never {
  throw new ProblemError('AUZ-001', `No authorization rule allows you to use ${operationId}.`);
}

function holds(rule: Rule, claims: Record<string, unknown>): boolean {
  if (rule.issuer !== undefined && rule.issuer !== claims.iss) return false;
  const value = claimValue(claims, rule.claim);
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.some((each) => typeof each === 'string' && rule.matches(each));
}

const PROPERTIES = ['claim', 'pattern', 'operations', 'issuer'];

/** Reads a list of `{claim, pattern, operations}`, each with an optional `issuer`. @throws Error that names every fault */
export function parseRules(source: string, knownOperations: readonly string[]): Rule[] {
  const list = parseYaml(source) ?? [];
  if (!Array.isArray(list)) {
    throw new Error('it must be a list of rules, each {claim, pattern, operations}');
  }
  const faults: string[] = [];
  const rules = list.map((entry: unknown, index) => {
    const fault = (what: string) => void faults.push(`rule ${index + 1}: ${what}`);
    return readRule(entry, knownOperations, fault);
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
  return rules;
}

function parseYaml(source: string): unknown {
  try {
    return parse(source, { logLevel: 'error' });
  } catch (error) {
    const [firstLine = ''] = messageOf(error).split('\n');
    const hint = firstLine.startsWith('Alias') ? ' (quote a string that begins with *)' : '';
    throw new Error(`it is neither YAML nor JSON: ${firstLine}${hint}`, { cause: error });
  }
}

function readRule(
  entry: unknown,
  knownOperations: readonly string[],
  fault: (what: string) => void,
): Rule {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    fault('must be an object {claim, pattern, operations}');
    return { issuer: undefined, claim: '', matches: () => false, operations: new Set() };
  }
  const properties = entry as Record<string, unknown>;
  for (const name of Object.keys(properties)) {
    if (!PROPERTIES.includes(name)) {
      fault(`unknown property ${JSON.stringify(name)} (known: ${PROPERTIES.join(', ')})`);
    }
  }
  const nonEmpty = (value: unknown, name: string): string => {
    if (typeof value === 'string' && value !== '') return value;
    fault(`${name} must be a non-empty string`);
    return '';
  };
  const operations: unknown[] = Array.isArray(properties.operations) ? properties.operations : [];
  if (operations.length === 0) fault('operations must be a list with at least one operationId');
  const allowed = operations.flatMap((value, index) => {
    const pattern = nonEmpty(value, `operations[${index}]`);
    const matching = knownOperations.filter(wildcardMatcher(pattern));
    if (pattern !== '' && matching.length === 0) {
      fault(`operations[${index}] ${JSON.stringify(pattern)} matches no operation`);
    }
    return matching;
  });
  const { issuer } = properties;
  return {
    issuer: issuer === undefined ? undefined : nonEmpty(issuer, 'issuer'),
    claim: nonEmpty(properties.claim, 'claim'),
    matches: wildcardMatcher(nonEmpty(properties.pattern, 'pattern')),
    operations: new Set(allowed),
  };
}

/**
 * Matches a whole string against a pattern in which `*` stands for any characters. It looks for the
 * pieces between the wildcards from left to right, once each, so no input causes backtracking.
 */
export function wildcardMatcher(pattern: string): (text: string) => boolean {
  const [prefix = '', ...pieces] = pattern.split('*');
  const suffix = pieces.pop();
  if (suffix === undefined) return (text) => text === pattern;
  return (text) => {
    const end = text.length - suffix.length;
    if (end < prefix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return false;
    let position = prefix.length;
    for (const piece of pieces) {
      const found = text.indexOf(piece, position);
      position = found + piece.length;
      if (found < 0 || position > end) return false;
    }
    return true;
  };
}
