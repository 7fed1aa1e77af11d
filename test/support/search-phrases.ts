import fc from 'fast-check';

/** Fields of resources, among them some that only one kind has. */
export const RESOURCE_FIELDS = [
  'id',
  'name',
  'href',
  'kind',
  'owner_id',
  'created_by',
  'deleted_by',
  'generation',
  'created_time',
  'deleted_time',
  'colour',
  'labels.shard',
  'labels.app.kubernetes.io/name',
  'labels."a.b/c"',
  "labels.'?'",
  'spec.region',
  'spec.nodes',
  'spec.a.b',
  'spec."x y".0',
  'spec.list.0',
  'spec.""',
  'status.phase',
  'status.observed_generation',
  'status.last_updated_time',
  'status.conditions.Ready',
  'status.conditions.LastKnownReconciled',
  'status.conditions.DnsSuccessful',
  'status.conditions.Ready.last_updated_time',
  'status.conditions.Reconciled.created_time',
  'status.conditions.DnsSuccessful.observed_generation',
  'status.conditions."9?Successful".message',
  'references.wif_config',
  'references.replaces',
];

export const STATUS_FIELDS = ['adapter', 'observed_generation', 'created_time', 'last_report_time'];

const LITERALS = [
  "'x'",
  "''",
  "'it''s'",
  '"a ""b"""',
  "'True'",
  "'Unknown'",
  "'3'",
  "'%'",
  "'_\\'",
  "'\\'",
  "'?'",
  "'$1'",
  "'{}'",
  "'/api/hyperfleet/v1/clusters/2x'",
  "'20000000000000000000000000m'",
  "'2026-01-31T12:00:00.123456+02:00'",
  "'0001-01-01'",
  "'9999-12-31T23:59:59Z'",
  '2026-01-31',
  '2026-01-31T12:00:00Z',
  '0',
  '1',
  '-1',
  '+2',
  '.5',
  '5.',
  '1e3',
  '1e-400',
  '1e400',
  '1e308',
  '-0',
  '2147483648',
  '9223372036854775808',
  '9007199254740993',
  '007',
  '123456789012345678901234567890',
  'true',
  'FALSE',
];

const literal = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...LITERALS) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'grapheme' }).map((text) => `'${text.replaceAll("'", "''")}'`),
  },
  { weight: 1, arbitrary: fc.double().map(String) },
  { weight: 1, arbitrary: fc.bigInt().map(String) },
);
const negation = fc.constantFrom('', 'not ');

/** One comparison, well-formed, whose value its field may still refuse. */
function condition(fields: readonly string[]): fc.Arbitrary<string> {
  const field = fc.constantFrom(...fields);
  return fc.oneof(
    fc
      .tuple(field, fc.constantFrom('=', '==', '!=', '<>', '<', '<=', '>', '>='), literal)
      .map((parts) => parts.join(' ')),
    fc
      .tuple(field, negation, fc.array(literal, { maxLength: 4 }))
      .map(([name, not, values]) => `${name} ${not}in (${values.join(', ')})`),
    fc
      .tuple(field, negation, literal, literal)
      .map(([name, not, low, high]) => `${name} ${not}between ${low} and ${high}`),
    fc
      .tuple(field, negation, fc.constantFrom('like', 'ilike'), literal)
      .map(([name, not, like, pattern]) => `${name} ${not}${like} ${pattern}`),
    fc.tuple(field, negation).map(([name, not]) => `${name} is ${not}null`),
  );
}

/** Well-formed phrases over these fields. */
export function phraseOver(fields: readonly string[]): fc.Arbitrary<string> {
  const leaf = condition(fields);
  return fc.letrec<{ phrase: string }>((tie) => ({
    phrase: fc.oneof(
      { maxDepth: 3 },
      leaf,
      tie('phrase').map((operand) => `not (${operand})`),
      fc
        .tuple(tie('phrase'), fc.constantFrom('and', 'or'), tie('phrase'))
        .map(([left, word, right]) => `(${left}) ${word} (${right})`),
      fc.tuple(leaf, fc.constantFrom('and', 'or'), leaf).map((parts) => parts.join(' ')),
    ),
  })).phrase;
}

/** Tokens of the language in any order. */
export const phraseOfTokens = fc
  .array(
    fc.oneof(
      fc.constantFrom(...RESOURCE_FIELDS, ...STATUS_FIELDS),
      literal,
      fc.constantFrom(
        'and',
        'or',
        'not',
        'in',
        'between',
        'is',
        'null',
        'like',
        'ilike',
        '(',
        ')',
        '[',
        ']',
        ',',
        '.',
        '=',
        '!=',
        '<',
        '>=',
        '~=',
        '+',
        '-',
        '*',
        ';',
        '--',
        "'",
        '"',
        '`',
      ),
    ),
    { maxLength: 40 },
  )
  .map((tokens) => tokens.join(' '));

/** Any bytes that UTF-8 can decode, and any UTF-16 at all. */
export const phraseOfBytes = fc.oneof(
  fc.uint8Array({ maxLength: 4200 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.tuple(condition(RESOURCE_FIELDS), fc.string({ maxLength: 5 })).map((parts) => parts.join('')),
);
