import { column, type Column } from './column';
import { FALSE } from './predicate';
import { SearchError, quote } from './search-error';
import type { Literal, NamePart } from './tokens';

const SUBFIELDS: ReadonlyMap<string, Column['type']> = new Map([
  ['last_updated_time', 'time'],
  ['last_transition_time', 'time'],
  ['created_time', 'time'],
  ['observed_generation', 'number'],
  ['reason', 'string'],
  ['message', 'string'],
]);

/** The newer names of two conditions; the database knows only the older ones. */
const STORED_TYPE: ReadonlyMap<string, string> = new Map([
  ['Reconciled', 'Ready'],
  ['LastKnownReconciled', 'Available'],
]);

const STATUSES = ['True', 'False', 'Unknown'];

/** `status.conditions.<Type>` and `status.conditions.<Type>.<subfield>`. @throws SearchError */
export function conditionField(type: NamePart, [subfield, more]: readonly NamePart[]): Column {
  if (!type.quoted && !/^[A-Z]/.test(type.text)) {
    throw new SearchError(
      `Expected a condition type that starts with an upper-case letter, found ${quote(type.text)}`,
      type.position,
      'Any other type must be in quotes.',
    );
  }
  const stored = STORED_TYPE.get(type.text) ?? type.text;
  if (subfield === undefined) return conditionStatus(stored);
  const as = SUBFIELDS.get(subfield.text);
  if (as === undefined || more !== undefined) {
    const wrong = as === undefined ? subfield : (more ?? subfield);
    throw new SearchError(
      `Expected a field of a condition, found ${quote(wrong.text)}`,
      wrong.position,
      `The fields are: ${[...SUBFIELDS.keys()].join(', ')}. A condition type with a dot must be in quotes.`,
    );
  }
  if (stored === 'Ready' && subfield.text === 'last_updated_time') {
    return column('time', 's.ready_last_updated_time');
  }
  return conditionProperty(stored, subfield.text, as);
}

function conditionStatus(type: string): Column {
  if (type === 'Ready' || type === 'Available') {
    const flag = type === 'Ready' ? 'ready' : 'available';
    return column('string', `(CASE WHEN s.${flag} THEN 'True' ELSE 'False' END) COLLATE "C"`, {
      table: 's',
      equals: (status) =>
        status === 'Unknown' ? FALSE : { type: 'flag', column: flag, value: status === 'True' },
      read: readStatus,
    });
  }
  return {
    ...conditionProperty(type, 'status', 'string'),
    equals: (status) => ({
      type: 'sql',
      table: 's',
      sql: () => 's.conditions @> ?::jsonb',
      bindings: [JSON.stringify([{ type, status }])],
    }),
    read: readStatus,
  };
}

function readStatus({ type, text, position }: Literal): string {
  const status = type === 'boolean' ? (text.toLowerCase() === 'true' ? 'True' : 'False') : text;
  if (STATUSES.includes(status)) return status;
  throw new SearchError(
    `Expected the status of a condition ('True', 'False' or 'Unknown'), found ${quote(text)}`,
    position,
  );
}

/**
 * One property of a condition in the stored array. Times are compared as the strings they are stored as:
 * they all have the same form, in which later means greater.
 */
function conditionProperty(type: string, property: string, as: Column['type']): Column {
  const json = as === 'number' ? 'number' : 'string';
  const path = `$[*] \\? (@.type == $type).${property} \\? (@.type() == "${json}")`;
  const value = `jsonb_path_query_first(s.conditions, '${path}', ?::jsonb)`;
  return column(as, as === 'number' ? `${value}::numeric` : `(${value} #>> '{}') COLLATE "C"`, {
    cast: as === 'number' ? 'numeric' : 'text',
    table: 's',
    bindings: [JSON.stringify({ type })],
    nullable: true,
  });
}
