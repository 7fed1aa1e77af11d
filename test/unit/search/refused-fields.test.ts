import { type Listing, REPORT_LISTING, resourceListing } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch } from '../../../src/search/plan';
import { SearchError } from '../../../src/search/search-error';
import { CLUSTER, NODE_POOL } from '../../support/kinds';

const CLUSTERS = resourceListing([CLUSTER]);
const NODE_POOLS = resourceListing([NODE_POOL]);

function refusal(phrase: string, listing: Listing): SearchError {
  try {
    planSearch(parseSearch(phrase), { listing, order: [] });
  } catch (error) {
    if (error instanceof SearchError) return error;
    throw error;
  }
  throw new Error(`accepted: ${phrase}`);
}

/** Phrase, the character its message names, and the message itself. */
const REFUSED: [string, number, string][] = [
  // Fields
  ['labels.""=1', 8, 'Expected a label key, found an empty string at character 8.'],
  [
    "id = 'x' and colour = 'red'",
    14,
    'Expected a field, found "colour" at character 14. The fields are: id, name, href, kind, generation, created_time, created_by, updated_time, updated_by, deleted_time, deleted_by, status.phase, status.observed_generation, status.last_transition_time, status.last_updated_time, labels.<key>, spec.<path>, status.conditions.<Type>[.<subfield>].',
  ],
  ["status = 'x'", 1, 'Expected a field, found "status" at character 1. The fields are: id, '],
  ["labels = 'x'", 1, 'Expected a field, found "labels" at character 1. The fields are: id, '],
  [
    "constructor = 'x'",
    1,
    'Expected a field, found "constructor" at character 1. The fields are: id, ',
  ],
  ["Name = 'x'", 1, 'Expected a field, found "Name" at character 1. The fields are: id, '],
  ["owner_id = 'x'", 1, 'Expected a field, found "owner_id" at character 1. The fields are: id, '],
  [
    "status.conditions.ready = 'True'",
    19,
    'Expected a condition type that starts with an upper-case letter, found "ready" at character 19. Any other type must be in quotes.',
  ],
  [
    "status.conditions.Ready.colour = 'x'",
    25,
    'Expected a field of a condition, found "colour" at character 25. The fields are: last_updated_time, last_transition_time, created_time, observed_generation, reason, message. A condition type with a dot must be in quotes.',
  ],
  [
    "status.conditions.Ready.reason.x = 'x'",
    32,
    'Expected a field of a condition, found "x" at character 32.',
  ],
  // Values that do not fit their field
  ["generation = 'two'", 14, 'Expected a number for "generation", found "two" at character 14.'],
  [
    'generation in (1, true)',
    19,
    'Expected a number for "generation", found "true" at character 19.',
  ],
  ['generation > 1e400', 14, 'The number "1e400" is too large at character 14.'],
  ['spec.a = -1e400', 10, 'The number "-1e400" is too large at character 10.'],
  [
    "status.observed_generation < ''",
    30,
    'Expected a number for "status.observed_generation", found "" at character 30.',
  ],
  [
    "generation like '1%'",
    1,
    'Expected a string field for "like", found the number "generation" at character 1.',
  ],
  [
    "created_time ilike '2026%'",
    1,
    'Expected a string field for "like", found the time "created_time" at character 1.',
  ],
  [
    "created_time > 'yesterday'",
    16,
    'Expected a date or an RFC 3339 time for "created_time", found "yesterday" at character 16. Examples: 2026-01-31, \'2026-01-31T12:00:00Z\'.',
  ],
  [
    'created_time = 2026-02-30',
    16,
    'Expected a date or an RFC 3339 time for "created_time", found "2026-02-30" at character 16.',
  ],
  [
    'created_time = 2026',
    16,
    'Expected a date or an RFC 3339 time for "created_time", found "2026" at character 16.',
  ],
  [
    "created_time = '2026-01-31T12:00:00 02:00'",
    16,
    'Expected a date or an RFC 3339 time for "created_time", found "2026-01-31T12:00:00 02:00" at character 16. Examples: 2026-01-31, \'2026-01-31T12:00:00Z\'. In a URL, write "+" as %2B.',
  ],
  [
    "created_time = '2026-01-31T12:00:00'",
    16,
    'Expected a date or an RFC 3339 time for "created_time"',
  ],
  ["created_time = '0000-01-01'", 16, 'Expected a date or an RFC 3339 time for "created_time"'],
  [
    "created_time = '9999-12-31T23:59:59-01:00'",
    16,
    'Expected a date or an RFC 3339 time for "created_time"',
  ],
  [
    "status.conditions.Ready = 'true'",
    27,
    "Expected the status of a condition ('True', 'False' or 'Unknown'), found \"true\" at character 27.",
  ],
  [
    "status.conditions.DnsSuccessful in ('True', 'Maybe')",
    45,
    "Expected the status of a condition ('True', 'False' or 'Unknown'), found \"Maybe\" at character 45.",
  ],
  [
    'status.conditions.Ready = 1',
    27,
    "Expected the status of a condition ('True', 'False' or 'Unknown'), found \"1\" at character 27.",
  ],
  [
    "status.conditions.Ready.last_updated_time > 'x'",
    45,
    'Expected a date or an RFC 3339 time for "status.conditions.Ready.',
  ],
];

describe('a search that does not fit the fields is refused, with what was expected and where', () => {
  const cases = REFUSED.map(([phrase, ...rest]) => [phrase.slice(0, 60), phrase, ...rest] as const);
  test.each(cases)('%s', (_title, phrase, position, message) => {
    const error = refusal(phrase, CLUSTERS);
    expect(error.message.slice(0, message.length)).toBe(message);
    expect(error.position).toBe(position);
  });

  test('node pools have an owner, and the message lists it', () => {
    expect(refusal('colour=1', NODE_POOLS).message).toContain(
      'status.last_updated_time, owner_id, labels',
    );
  });

  test('lists of reports have four fields of their own', () => {
    for (const field of ['id', 'labels.a', 'spec.a', 'status.conditions.Ready']) {
      expect(refusal(`${field}='x'`, REPORT_LISTING).message).toBe(
        `Expected a field, found "${field}" at character 1. The fields are: adapter, observed_generation, created_time, last_report_time.`,
      );
    }
  });

  test('what is found is cut when it is long', () => {
    expect(refusal(`${'x'.repeat(1000)}=1`, CLUSTERS).message).toContain(
      `found "${'x'.repeat(40)}…" at`,
    );
  });
});
