import { type BuiltInDeclaration } from './built-in';
import { type KindDeclaration, MAX_NAME_LENGTH, unlessZero } from './declaration';

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
  /** The kind it belongs to: names are unique within a parent. */
  readonly parent: Kind | undefined;
  /** What deleting a parent does with it: mark it too, or be refused. */
  readonly onParentDelete: 'cascade' | 'restrict';
  /** Names of the adapters that are required for Ready, in configured order. */
  readonly requiredAdapters: readonly string[];
  /** The schema under `components.schemas` of the provider's document that validates its `spec`, if any. */
  readonly specSchema: string | undefined;
  /** The service does not start without that schema. */
  readonly requireSpecSchema: boolean;
  /** Characters. */
  readonly nameLength: { readonly min: number; readonly max: number };
  /** What its resources may refer to. */
  readonly references: readonly ReferenceType[];
  /** Served instead of anything lower: older clients require at least 1 for a node pool. */
  readonly lowestObservedGeneration: 0 | 1;
}

export interface ReferenceType {
  /** For example `wif_config`. */
  readonly type: string;
  readonly targetKind: string;
  /** How many a resource must have. */
  readonly min: number;
  /** How many it may have; undefined: any number. */
  readonly max: number | undefined;
}

/** Every kind that is served, by name. */
export type Kinds = ReadonlyMap<string, Kind>;

export const API_BASE = '/api/hyperfleet/v1';

/** A kind from its declaration, which must be sound. */
export function createKind(
  declaration: KindDeclaration & Pick<BuiltInDeclaration, 'lowest_observed_generation'>,
  parent: Kind | undefined,
): Kind {
  const { kind, references = [] } = declaration;
  return {
    name: kind,
    plural: declaration.plural,
    noun: nounOf(kind),
    idParameter: `${kind.toLowerCase()}_id`,
    parent,
    onParentDelete: declaration.on_parent_delete ?? 'cascade',
    requiredAdapters: declaration.required_adapters ?? [],
    specSchema: declaration.spec_schema_name,
    requireSpecSchema: declaration.require_spec_schema ?? false,
    nameLength: {
      min: unlessZero(declaration.name_min_len) ?? 1,
      max: unlessZero(declaration.name_max_len) ?? MAX_NAME_LENGTH,
    },
    references: references.map(({ ref_type, target_kind, min = 0, max }) => ({
      type: ref_type,
      targetKind: target_kind,
      min,
      max: unlessZero(max),
    })),
    lowestObservedGeneration: declaration.lowest_observed_generation ?? 0,
  };
}

/** `NodePool` → `node pool`, `DNSZone` → `DNS zone`. */
function nounOf(name: string): string {
  return name
    .split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((word) => (/^[A-Z0-9]{2,}$/.test(word) ? word : word.toLowerCase()))
    .join(' ');
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
