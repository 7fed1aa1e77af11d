import { parse } from 'yaml';

import { claimValue } from './actor';
import { ProblemError } from '../problems/problem';
import { type LogFunction, messageOf, type WatchedFile, watchFile } from './watched-file';

export interface Authorizer {
  /** Throws AUZ-001, naming the operation, unless a rule allows it to the bearer of these claims. */
  check(operationId: string, claims: Record<string, unknown>): void;
  /** Reads the rules again now; a bad file is logged and the old rules stay. */
  reload(): Promise<void>;
  close(): void;
}

interface Rule {
  claim: string;
  matches: (text: string) => boolean;
  operations: ReadonlySet<string>;
}

/** Reads the rules and follows their file. Without a file, or without rules, all is denied. */
export async function createAuthorizer(
  rulesFile: string | undefined,
  log: LogFunction,
  knownOperations: readonly string[],
): Promise<Authorizer> {
  const warnWhenEmpty = (rules: readonly Rule[]) => {
    if (rules.length === 0) log('warn', 'There are no authorization rules: everything is denied');
  };
  if (rulesFile === undefined) {
    warnWhenEmpty([]);
    return {
      check: (operationId) => deny(operationId),
      reload: () => Promise.resolve(),
      close: () => undefined,
    };
  }
  const file: WatchedFile<Rule[]> = await watchFile(
    rulesFile,
    'The file of authorization rules',
    (text) => parseRules(text, knownOperations),
    log,
    () => warnWhenEmpty(file.value),
  );
  warnWhenEmpty(file.value);
  return {
    check(operationId, claims) {
      const allowed = file.value.some(
        (rule) => rule.operations.has(operationId) && holds(rule, claims),
      );
      if (!allowed) deny(operationId);
    },
    async reload() {
      await file.reload();
    },
    close: () => file.close(),
  };
}

function deny(operationId: string): never {
  throw new ProblemError('AUZ-001', `No authorization rule allows you to use ${operationId}.`);
}

function holds(rule: Rule, claims: Record<string, unknown>): boolean {
  const value = claimValue(claims, rule.claim);
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts.some((text) => typeof text === 'string' && rule.matches(text));
}

const MEMBERS = ['claim', 'pattern', 'operations'];

/** Reads a list of `{claim, pattern, operations}`; throws one error that names every fault. */
export function parseRules(source: string, knownOperations: readonly string[]): Rule[] {
  const list = parseYaml(source) ?? [];
  if (!Array.isArray(list)) {
    throw new Error('it must hold a list of rules, each {claim, pattern, operations}');
  }
  const faults: string[] = [];
  const rules = list.map((entry: unknown, index) => {
    const fault = (text: string) => void faults.push(`rule ${index + 1}: ${text}`);
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
    const hint = firstLine.startsWith('Alias') ? ' (a text that begins with * needs quotes)' : '';
    throw new Error(`it is neither YAML nor JSON: ${firstLine}${hint}`, { cause: error });
  }
}

function readRule(
  entry: unknown,
  knownOperations: readonly string[],
  fault: (text: string) => void,
): Rule {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    fault('must be an object {claim, pattern, operations}');
    return { claim: '', matches: () => false, operations: new Set() };
  }
  const members = entry as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    if (!MEMBERS.includes(name)) {
      fault(`unknown member ${JSON.stringify(name)}; known are ${MEMBERS.join(', ')}`);
    }
  }
  const text = (value: unknown, name: string): string => {
    if (typeof value === 'string' && value !== '') return value;
    fault(`${name} must be a text that is not empty`);
    return '';
  };
  const operations: unknown[] = Array.isArray(members.operations) ? members.operations : [];
  if (operations.length === 0) fault('operations must be a list with at least one operationId');
  const allowed = operations.flatMap((value, index) => {
    const pattern = text(value, `operations[${index}]`);
    const matching = knownOperations.filter(wildcardMatcher(pattern));
    if (pattern !== '' && matching.length === 0) {
      fault(`operations[${index}] ${JSON.stringify(pattern)} matches no operation`);
    }
    return matching;
  });
  return {
    claim: text(members.claim, 'claim'),
    matches: wildcardMatcher(text(members.pattern, 'pattern')),
    operations: new Set(allowed),
  };
}

/**
 * Matches a whole text against a pattern in which `*` stands for any characters. The pieces between
 * the wildcards are searched from left to right, each once: no backtracking, whatever the text.
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
