/**
 * What is true of one kind of resource and of no other. No code asks which kind it has in its hands:
 * it asks the kind.
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
  /** What it belongs to: names are unique within the parent, and its DELETE takes this kind along. */
  readonly parent: Kind | undefined;
  /** Names of the adapters it needs to be Ready, in this order. */
  readonly requiredAdapters: readonly string[];
  /** The schema under `components.schemas` of the provider's document that validates its `spec`. */
  readonly specSchema: string;
  /** Served in place of anything lower: older clients demand at least 1 of a node pool. */
  readonly lowestObservedGeneration: 0 | 1;
}

/** A kind as it is declared: its parent by name, its path parameter left to be derived. */
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

/** @throws Error when the name is not that of a kind, which stored rows and the contract rule out */
export function getKind(kinds: Kinds, name: string): Kind {
  const kind = kinds.get(name);
  if (kind === undefined) throw new Error(`there is no kind ${name}`);
  return kind;
}

/** The path of a resource, whatever it belongs to. */
export function hrefOf({ plural }: Pick<Kind, 'plural'>, id: string): string {
  return `${API_BASE}/${plural}/${id}`;
}

/** `node pool` → `Node pool`, for the beginning of a sentence. */
export function capitalized(noun: string): string {
  return noun.charAt(0).toUpperCase() + noun.slice(1);
}
