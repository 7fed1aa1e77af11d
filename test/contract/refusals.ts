import type { Verb } from '../../src/contract/document';
import type { ReferenceType } from '../../src/kinds/kind';
import {
  type Change,
  changed,
  FOREIGN_CURSOR,
  listsResources,
  type Tried,
  withQuery,
} from './requests';
import type { Scenario } from './world';

/** The ways to a 400. */
export function refusals(tried: Tried): Scenario[] {
  const { verb, bodyTypes, required, id } = tried.operation;
  const parameter = withQuery('unknown=1');
  return [
    changed(tried, 'an unknown parameter', parameter, { code: 'VAL-000', fields: ['unknown'] }),
    // The kind of a resource says what else it must have.
    ...(bodyTypes.length === 0
      ? []
      : badBodies(tried, id === 'postResource' ? ['kind'] : required)),
    ...(listsResources(tried.operation) || verb === 'list-statuses' ? badLists(tried) : []),
    ...(listsResources(tried.operation) ? badWatches(tried) : []),
    ...((verb && BY_VERB[verb]?.(tried)) ?? []),
  ];
}

function badBodies(tried: Tried, required: readonly string[]): Scenario[] {
  const body = (sent: string | object | undefined): Change => {
    return (request) => ({ ...request, body: sent });
  };
  // Where nothing in particular is required, something is.
  const fields = required.length > 0 ? required : ['body'];
  return [
    changed(tried, 'half a body', body('{"name":'), { code: 'VAL-006' }),
    changed(tried, 'no body', body(undefined), { code: 'VAL-006' }),
    changed(tried, 'an empty object', body({}), { code: 'VAL-000', fields }),
  ];
}

function badQuery(
  tried: Tried,
  what: string,
  query: string,
  code: string,
  field: string,
): Scenario {
  return changed(tried, what, withQuery(query), { code, fields: [field] });
}

function badLists(tried: Tried): Scenario[] {
  return [
    badQuery(tried, 'a bad search', "search=name='", 'VAL-005', 'search'),
    badQuery(tried, 'a bad order', 'orderBy=shoe_size', 'VAL-005', 'orderBy'),
    badQuery(tried, 'a page before the first', 'page=0', 'VAL-000', 'page'),
  ];
}

function badWatches(tried: Tried): Scenario[] {
  const noSearch = "watch=true&search=name='";
  return [
    badQuery(tried, 'a page of a watch', 'watch=true&page=1', 'VAL-000', 'page'),
    badQuery(tried, 'a cursor without a watch', `since=${FOREIGN_CURSOR}`, 'VAL-000', 'since'),
    badQuery(tried, 'a watch with a bad search', noSearch, 'VAL-005', 'search'),
  ];
}

const BY_VERB: Partial<Record<Verb, (tried: Tried) => Scenario[]>> = {
  list: (tried) => [
    changed(tried, 'half a reference', withQuery('ref_target_id=2x'), {
      ...{ code: 'VAL-000', fields: ['ref_type'] },
    }),
  ],
  create: (tried) => [
    ...badNames(tried),
    bodyWith(tried, 'a label key that is none', { labels: { '-': '' } }, 'labels.-'),
    bodyWith(tried, 'an unknown kind', { kind: 'Nothing' }, 'kind'),
    ...badReferences(tried),
  ],
  patch: (tried) => [bodyWith(tried, 'a name', { name: 'other' }, 'name'), ...badReferences(tried)],
};

/** Each property replaces that of the good body. */
function bodyWith(tried: Tried, what: string, properties: object, field: string): Scenario {
  const change: Change = (request) => ({
    ...request,
    body: { ...(request.body as object), ...properties },
  });
  return changed(tried, what, change, { code: 'VAL-000', fields: [field] });
}

function badNames(tried: Tried): Scenario[] {
  const { min, max } = tried.kind.nameLength;
  return [min - 1, max + 1].map((length) =>
    bodyWith(tried, `a name of ${length} characters`, { name: 'x'.repeat(length) }, 'name'),
  );
}

function badReferences(tried: Tried): Scenario[] {
  const { references } = tried.kind;
  if (references.length === 0) return [];
  const nothing = { references: { nothing: [] } };
  return [
    bodyWith(tried, 'an unknown type of reference', nothing, 'references.nothing'),
    ...references.flatMap((type) => badReferencesOf(tried, type)),
  ];
}

function badReferencesOf(tried: Tried, { type, max = Infinity }: ReferenceType): Scenario[] {
  const targets = (list: object[]) => ({ references: { [type]: list } });
  const unknown = { id: '2unknown' };
  return [
    bodyWith(tried, `an unknown ${type}`, targets([unknown]), `references.${type}[0]`),
    bodyWith(
      tried,
      `${type} twice`,
      targets([unknown, unknown]),
      max < 2 ? `references.${type}` : `references.${type}[1]`,
    ),
    bodyWith(
      tried,
      `a ${type} of the wrong kind`,
      targets([{ ...unknown, kind: 'Nothing' }]),
      `references.${type}[0]`,
    ),
  ];
}
