/**
 * Everything that is specific to one kind of resource. Code does not branch on the name of a kind; it
 * reads these properties.
 */
export interface Kind {
  /** The value of the property `kind`, for example `NodePool`. */
  readonly name: string;
  /** The last segment of the path of its list, for example `nodepools`. */
  readonly plural: string;
  /** What messages call it, for example `node pool`. */
  readonly noun: string;
  /** The path parameter with its id, for example `nodepool_id`. */
  readonly idParameter: string;
  /** The kind it belongs to: names are unique within a parent, and deleting a parent deletes its children. */
  readonly parent: Kind | undefined;
  /** Names of the adapters that are required for Ready, in configured order. */
  readonly requiredAdapters: readonly string[];
  /** The schema under `components.schemas` of the provider's document that validates its `spec`. */
  readonly specSchema: string;
  /** Served instead of anything lower: older clients require at least 1 for a node pool. */
  readonly lowestObservedGeneration: 0 | 1;
}

/** A kind as declared: the parent by name; the path parameter is derived. */
export type KindDeclaration = Omit<Kind, 'parent' | 'idParameter'> & {
  readonly parent?: string;
};

/** Every kind that is served, by name. */
export type Kinds = ReadonlyMap<string, Kind>;

const API_BASE = '/api/hyperfleet/v1';

/** Connects declarations: parents come before their children. */
export function createKinds(declarations: readonly KindDeclaration[]): Kinds {
  const kinds = new Map<string, Kind>();
  for (const { parent, ...declared } of declarations) {
    kinds.set(declared.name, {
      ...declared,
      idParameter: `${declared.name.toLowerCase()}_id`,
      parent: parent === undefined ? undefined : getKind(kinds, parent),
    });
  }
  return kinds;
}

/** @throws Error for an unknown name, which stored rows and the contract rule out */
export function getKind(kinds: Kinds, name: string): Kind {
  const kind = kinds.get(name);
  if (kind === undefined) throw new Error(`unknown kind ${name}`);
  return kind;
}

/** The path of a resource; its parent is not part of it. */
export function hrefOf({ plural }: Pick<Kind, 'plural'>, id: string): string {
  return `${API_BASE}/${plural}/${id}`;
}

/** `node pool` → `Node pool`, for the beginning of a sentence. */
export function capitalized(noun: string): string {
  return noun.charAt(0).toUpperCase() + noun.slice(1);
}
