import { BUILT_IN } from '../kinds/built-in';
import { MAX_NAME_LENGTH } from '../kinds/declaration';
import { capitalized, getKind, type Kind, type Kinds, type ReferenceType } from '../kinds/kind';
import { pluralNoun } from '../kinds/words';
import { type Document, type Json, METHODS, type Schema } from './document';
import { type Rename, renamed, renaming } from './rename';

export interface Expanded {
  document: Document;
  /** Names of declared kinds that the contract, or another kind, uses for something else. */
  faults: string[];
}

interface Tag {
  name: string;
  description: string;
}

type Tagged = Document & { tags: Tag[] };

/** What the contract has for one kind. */
interface Part {
  tags: Tag[];
  paths: Record<string, Json>;
  /** By section: `schemas`, `responses` and so on. */
  components: Record<string, Json>;
}

/**
 * The contract with the operations and schemas of every declared kind: clones of those of the built-in kind that has a
 * parent, or has none, like it. The contract itself is left as it is.
 */
export function expandContract(contract: Document, kinds: Kinds): Expanded {
  const document = structuredClone(contract) as Tagged;
  const faults: string[] = [];
  const owners = new Map(namesIn(document).map((name) => [name, 'the contract']));
  for (const kind of kinds.values()) {
    const builtIn = BUILT_IN.some((known) => known.kind === kind.name);
    if (!builtIn) {
      const part = cloneFor(contract, kind, kinds);
      const clashes = namesIn(part).filter((name) => owners.has(name));
      faults.push(
        ...clashes.map(
          (name) =>
            `the kind ${kind.name} needs the ${name}, which ${owners.get(name)} already has`,
        ),
      );
      if (clashes.length > 0) continue;
      for (const name of namesIn(part)) owners.set(name, `the kind ${kind.name}`);
      add(document, part, kinds);
    }
    applyDeclaration(document.components.schemas, kind, !builtIn);
  }
  return { document, faults };
}

/** Everything that must be unique in a document. Generators make one type of two components with one name. */
function namesIn({ tags, paths, components }: Tagged | Part): string[] {
  const operations = Object.values(paths).flatMap((item) =>
    METHODS.filter((method) => method in item).map((method) => item[method] as Json),
  );
  return [
    ...tags.map(({ name }) => `tag ${name}`),
    ...Object.keys(paths).map((path) => `path ${path}`),
    ...operations.map(({ operationId }) => `operationId ${operationId as string}`),
    ...Object.values(components).flatMap((section) =>
      Object.keys(section).map((name) => `component ${name}`),
    ),
  ];
}

const tagOf = (kind: Kind): string => capitalized(pluralNoun(kind));

function cloneFor(contract: Document, kind: Kind, kinds: Kinds): Part {
  const template = templateOf(kinds, kind.parent !== undefined);
  const rename = renaming([
    [template, kind],
    ...(kind.parent === undefined ? [] : ([[template.parent!, kind.parent]] as const)),
  ]);
  const components = componentsOf(contract, template, rename);
  // Older clients expect more of the status of a built-in kind with a parent than can be said of every kind.
  const top = templateOf(kinds, false);
  const status = `${top.name}Status`;
  components.schemas![`${kind.name}Status`] = renamed(
    contract.components.schemas[status],
    renaming([[top, kind]]),
  );
  const tags = (contract as Tagged).tags.filter(({ name }) => name === tagOf(template));
  return { tags: renamed(tags, rename), paths: pathsOf(contract, template, rename), components };
}

function templateOf(kinds: Kinds, withParent: boolean): Kind {
  const found = BUILT_IN.find(({ parent_kind }) => (parent_kind !== undefined) === withParent)!;
  return getKind(kinds, found.kind);
}

function componentsOf(
  { components }: Document,
  template: Kind,
  rename: Rename,
): Record<string, Json> {
  const sections = Object.entries(components).map(([section, all]) => {
    const own = Object.entries(all).filter(([name]) => name.includes(template.name));
    return [section, renamed(Object.fromEntries(own), rename)] as const;
  });
  return Object.fromEntries(sections);
}

function pathsOf({ paths }: Document, template: Kind, rename: Rename): Record<string, Json> {
  const own = Object.entries(paths).flatMap(([path, item]) => {
    const methods = METHODS.filter(
      (method) => (item[method] as Json | undefined)?.['x-kind'] === template.name,
    );
    if (methods.length === 0) return [];
    const kept = ['parameters', ...methods].filter((name) => name in item);
    return [[path, Object.fromEntries(kept.map((name) => [name, item[name]]))]];
  });
  return renamed(Object.fromEntries(own) as Record<string, Json>, rename);
}

function add(document: Tagged, { tags, paths, components }: Part, kinds: Kinds): void {
  const ofKinds = new Set(Array.from(kinds.values(), tagOf));
  const last = document.tags.findLastIndex(({ name }) => ofKinds.has(name));
  document.tags.splice(last + 1, 0, ...tags);
  Object.assign(document.paths, paths);
  const sections: Record<string, object> = document.components;
  for (const [section, own] of Object.entries(components)) Object.assign(sections[section]!, own);
}

/** What a declaration says about names and references. */
function applyDeclaration(
  schemas: Record<string, Schema>,
  { name, nameLength, references }: Kind,
  declared: boolean,
): void {
  const schema = schemas[name]!;
  const created = schemas[`${name}CreateRequest`]!;
  limitName(created, nameLength);
  // A limit that is tightened later must not make stored resources invalid.
  if (declared) limitName(schema, { min: 1, max: MAX_NAME_LENGTH });
  if (references.length === 0) return;
  const refer = (to: Schema, form: string) => {
    to.properties!.references = { $ref: `#/components/schemas/${form}` };
  };
  for (const to of [schema, created, schemas[`${name}PatchRequest`]!]) refer(to, 'References');
  refer(schemas[`${name}MergePatchRequest`]!, 'ReferencesMergePatch');
  const types = references.map(describeReference).join('; ');
  schema.description = `${schema.description as string} References: ${types}.`;
}

function limitName({ properties }: Schema, { min, max }: Kind['nameLength']): void {
  Object.assign(properties!.name!, { minLength: min, maxLength: max });
}

/** `wif_config` (0 to 1 WifConfig). */
function describeReference({ type, targetKind, min, max }: ReferenceType): string {
  const count = max === undefined ? `${min} or more` : min === max ? `${min}` : `${min} to ${max}`;
  return `\`${type}\` (${count} ${targetKind})`;
}
