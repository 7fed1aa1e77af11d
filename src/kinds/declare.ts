import { adaptersFault } from './adapter-names';
import { BUILT_IN, type BuiltInDeclaration } from './built-in';
import { type Entry, type KindDeclaration, readEntries, unlessZero } from './declaration';
import { createKind, type Kind, type Kinds } from './kind';

export interface Declared {
  /** The built-in kinds and those whose declaration is well-formed; parents come before their children. */
  kinds: Kinds;
  /** Everything that is wrong, each with its place. Empty: the kinds can be served. */
  faults: string[];
}

/** By built-in kind. */
export type RequiredAdapters = Readonly<Record<string, readonly string[] | undefined>>;

/**
 * The kinds of a service: the built-in ones, and those that an operator declares.
 * @param entities the property `entities` of the operator's file
 * @param adapters required adapters of built-in kinds that win over those of a declaration
 */
export function declareKinds(entities: unknown, adapters: RequiredAdapters): Declared {
  const { entries, faults } = readEntries(entities);
  const declared = withBuiltIn(entries, adapters, faults);
  faults.push(
    ...declared.flatMap((entry) => faultsOf(entry, declared)),
    ...requiredCycles(declared),
  );

  const kinds = new Map<string, Kind>();
  const whole = declared.filter(isWhole);
  const tops = whole.filter(({ declaration }) => declaration.parent_kind === undefined);
  const children = whole.filter(({ declaration }) => declaration.parent_kind !== undefined);
  for (const { declaration } of tops)
    kinds.set(declaration.kind, createKind(declaration, undefined));
  for (const { declaration } of children) {
    const parent = kinds.get(declaration.parent_kind!);
    if (parent !== undefined) kinds.set(declaration.kind, createKind(declaration, parent));
  }
  return { kinds, faults };
}

function isWhole(entry: Entry): entry is Entry & { declaration: KindDeclaration } {
  return entry.illFormed === undefined;
}

/** Entries about built-in kinds change these; a repeated kind is a fault. */
function withBuiltIn(
  entries: readonly Entry[],
  adapters: RequiredAdapters,
  faults: string[],
): Entry[] {
  const byKind = new Map<string, Entry>(
    BUILT_IN.map((declaration) => [declaration.kind, { declaration, place: declaration.kind }]),
  );
  const seen = new Map<string, string>();
  for (const entry of entries) {
    const { declaration, place } = entry;
    const { kind } = declaration;
    const other = seen.get(kind);
    if (other !== undefined) {
      faults.push(`${place}.kind is '${kind}', which ${other} declares already`);
      continue;
    }
    seen.set(kind, place);
    const builtIn = BUILT_IN.find((known) => known.kind === kind);
    byKind.set(
      kind,
      builtIn === undefined ? entry : { declaration: changed(builtIn, entry, faults), place },
    );
  }
  for (const { kind } of BUILT_IN) {
    const { declaration, place } = byKind.get(kind)!;
    const required_adapters = adapters[kind] ?? declaration.required_adapters;
    byKind.set(kind, { declaration: { ...declaration, required_adapters }, place });
  }
  return [...byKind.values()];
}

/** A built-in kind with what an operator may change of it. */
function changed(
  builtIn: BuiltInDeclaration,
  { declaration: wanted, place }: Entry,
  faults: string[],
): BuiltInDeclaration {
  for (const name of ['plural', 'parent_kind'] as const) {
    if (wanted[name] !== undefined && wanted[name] !== builtIn[name]) {
      const fixed = builtIn[name] === undefined ? 'absent' : `'${builtIn[name]}'`;
      faults.push(`${place}.${name} must be ${fixed}: ${builtIn.kind} is built in`);
    }
  }
  const name_min_len = unlessZero(wanted.name_min_len) ?? builtIn.name_min_len;
  const name_max_len = unlessZero(wanted.name_max_len) ?? builtIn.name_max_len;
  if (name_min_len < builtIn.name_min_len || name_max_len > builtIn.name_max_len) {
    faults.push(
      `${place}: names of a ${builtIn.kind} must stay within ${builtIn.name_min_len} to ${builtIn.name_max_len} characters`,
    );
  }
  // What is wrong here must not show up again as a fault of other kinds.
  const { plural, parent_kind } = builtIn;
  return { ...builtIn, ...wanted, plural, parent_kind, name_min_len, name_max_len };
}

/** What contradicts itself or the other declarations. */
function faultsOf({ declaration, place, illFormed }: Entry, all: readonly Entry[]): string[] {
  const { kind, plural, parent_kind, references = [], required_adapters = [] } = declaration;
  const { name_min_len, name_max_len, spec_schema_name, require_spec_schema } = declaration;
  const faults: string[] = [];
  const find = (name: string) => all.find((entry) => entry.declaration.kind === name)?.declaration;

  const first = all.find((entry) => entry.declaration.plural === plural)!;
  if (plural !== undefined && first.declaration.kind !== kind) {
    faults.push(`${place}.plural is '${plural}', which is the plural of ${first.declaration.kind}`);
  }
  const twin = all.find(({ declaration: other }) => {
    return other.kind !== kind && other.kind.toLowerCase() === kind.toLowerCase();
  });
  if (twin !== undefined) {
    faults.push(
      `${place}.kind is '${kind}', which differs from ${twin.declaration.kind} only in case`,
    );
  }
  if (parent_kind !== undefined) {
    const parent = find(parent_kind);
    if (parent === undefined) {
      faults.push(`${place}.parent_kind is '${parent_kind}', which is not declared`);
    } else if (parent.parent_kind !== undefined) {
      faults.push(`${place}.parent_kind is '${parent_kind}', which has a parent of its own`);
    }
  }
  const isNamed = spec_schema_name !== undefined || illFormed?.has('spec_schema_name');
  if (require_spec_schema && !isNamed) {
    faults.push(`${place}.require_spec_schema needs spec_schema_name`);
  }
  const wrong = adaptersFault(required_adapters);
  if (wrong !== undefined) faults.push(`${place}.required_adapters ${wrong}`);
  if (name_min_len && name_max_len && name_max_len < name_min_len) {
    faults.push(`${place}.name_max_len is ${name_max_len}, less than name_min_len`);
  }
  const types = new Set<string>();
  references.forEach(({ ref_type, target_kind, min = 0, max = 0 }, index) => {
    const at = `${place}.references.${index}`;
    if (types.has(ref_type)) faults.push(`${at}.ref_type '${ref_type}' is declared more than once`);
    types.add(ref_type);
    if (find(target_kind) === undefined) {
      faults.push(`${at}.target_kind is '${target_kind}', which is not declared`);
    }
    if (max !== 0 && max < min) faults.push(`${at}.max is ${max}, less than min`);
  });
  return faults;
}

/** Required references that lead back to their kind, maybe through parents: no resource could be the first. */
function requiredCycles(all: readonly Entry[]): string[] {
  const needed = new Map(
    all.map(({ declaration: { kind, parent_kind, references = [] } }) => {
      const targets = references.filter(({ min = 0 }) => min > 0).map((to) => to.target_kind);
      return [kind, targets.concat(parent_kind ?? [])];
    }),
  );
  const needs = (from: string, to: string, seen = new Set<string>()): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return (needed.get(from) ?? []).some((next) => needs(next, to, seen));
  };
  return all.flatMap(({ declaration: { kind, references = [] }, place }) =>
    references.flatMap(({ target_kind, min = 0 }, index) => {
      if (min === 0 || !needs(target_kind, kind)) return [];
      const why = `it requires ${target_kind}, which cannot exist without ${kind}`;
      return [`${place}.references.${index} makes a cycle: ${why}`];
    }),
  );
}
