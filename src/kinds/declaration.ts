import Ajv from 'ajv';
import { brokenRule } from '../problems/ajv-error';
import { describeRule } from '../problems/broken-rule';
import { hasOwn } from '../problems/field-path';
import { ADAPTER_NAME } from './adapter-names';

/** One kind, as an operator declares it in a file. docs/kinds.md describes each property. */
export interface KindDeclaration {
  kind: string;
  plural: string;
  parent_kind?: string;
  on_parent_delete?: 'cascade' | 'restrict';
  /** Under `components.schemas` of the provider's document. */
  spec_schema_name?: string;
  require_spec_schema?: boolean;
  required_adapters?: readonly string[];
  /** 0 counts as absent. */
  name_min_len?: number;
  /** 0 counts as absent. */
  name_max_len?: number;
  references?: readonly ReferenceDeclaration[];
}

export interface ReferenceDeclaration {
  ref_type: string;
  target_kind: string;
  min?: number;
  /** 0 counts as absent: any number. */
  max?: number;
}

/** In the original's format, 0 means not set. */
export function unlessZero(number: number | undefined): number | undefined {
  return number === 0 ? undefined : number;
}

/** No kind may have a longer name: the tables and the contract of `/resources` say the same. */
export const MAX_NAME_LENGTH = 100;
/** Their paths would be those of the service itself. */
const TAKEN_PLURALS = ['resources', 'errors', 'compatibility', 'openapi', 'statuses'];

const NAME_LENGTH = { type: 'integer', minimum: 0, maximum: MAX_NAME_LENGTH };
const COUNT = { type: 'integer', minimum: 0, maximum: 1000 };
const KIND = { type: 'string', pattern: '^[A-Z][A-Za-z0-9]{0,62}$' };

/** The JSON Schema of one entry. The schema of the chart's values repeats it. */
export const ENTRY_SCHEMA = {
  type: 'object',
  required: ['kind', 'plural'],
  additionalProperties: false,
  properties: {
    kind: KIND,
    plural: { type: 'string', pattern: '^[a-z][a-z0-9]{0,62}$', not: { enum: TAKEN_PLURALS } },
    parent_kind: KIND,
    on_parent_delete: { type: 'string', enum: ['cascade', 'restrict'] },
    spec_schema_name: { type: 'string', minLength: 1 },
    require_spec_schema: { type: 'boolean' },
    required_adapters: {
      type: 'array',
      items: { type: 'string', pattern: ADAPTER_NAME.source },
    },
    name_min_len: NAME_LENGTH,
    name_max_len: NAME_LENGTH,
    references: {
      type: 'array',
      items: {
        type: 'object',
        required: ['ref_type', 'target_kind'],
        additionalProperties: false,
        properties: {
          ref_type: { type: 'string', pattern: '^[a-z][a-z0-9_]{0,62}$' },
          target_kind: KIND,
          min: COUNT,
          max: COUNT,
        },
      },
    },
  },
} as const;

/** What an entry says about a kind. */
export interface Entry {
  /** Without the properties that are ill-formed. */
  declaration: Pick<KindDeclaration, 'kind'> & Partial<KindDeclaration>;
  /** In messages, for example `entities.2`. */
  place: string;
  /** undefined: none. */
  illFormed?: ReadonlySet<unknown>;
}

const PLURAL_TAKEN = `must not be one of ${TAKEN_PLURALS.join(', ')}`;
const CONDITIONS = 'is not supported: conditions cannot be declared for a kind';

/**
 * Checks the form of entries.
 * @returns every fault, and what is well-formed of each entry that names a kind: it may have other faults, and other
 * entries may refer to it
 */
export function readEntries(entities: unknown): { entries: Entry[]; faults: string[] } {
  if (!Array.isArray(entities)) return { entries: [], faults: ['entities must be a list'] };
  // Most services declare nothing, and compiling takes a part of their start.
  if (entities.length === 0) return { entries: [], faults: [] };
  const validate = new Ajv({ allErrors: true, verbose: true }).compile<KindDeclaration>(
    ENTRY_SCHEMA,
  );
  const entries: Entry[] = [];
  const faults: string[] = [];
  entities.forEach((entity: unknown, index) => {
    const place = `entities.${index}`;
    if (validate(entity)) {
      entries.push({ declaration: entity, place });
      return;
    }
    const illFormed = new Set<unknown>();
    for (const error of validate.errors!) {
      const rule = brokenRule(error, ['entities', index]);
      illFormed.add(rule.path[2]);
      if (rule.path.at(-1) === 'conditions') faults.push(`${rule.path.join('.')} ${CONDITIONS}`);
      else {
        const message = rule.keyword === 'not' ? PLURAL_TAKEN : rule.message;
        faults.push(describeRule({ ...rule, message }).message);
      }
    }
    if (!hasOwn(entity, 'kind') || illFormed.has('kind')) return;
    const rest = Object.entries(entity).filter(([name]) => !illFormed.has(name));
    const declaration = Object.fromEntries(rest) as Entry['declaration'];
    entries.push({ declaration, place, illFormed });
  });
  return { entries, faults };
}
