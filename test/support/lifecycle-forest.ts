import fc from 'fast-check';
import { CLUSTER, NODE_POOL } from '../../src/kinds/built-in';
import type { KindDeclaration, ReferenceDeclaration } from '../../src/kinds/declaration';

const ADAPTERS = ['validation', 'dns'];

const anyNumber = fc.nat(1000);
const anyAdapters = fc.subarray(ADAPTERS);
const anyReferences = fc.array(
  fc.record({ target: anyNumber, required: fc.boolean(), max: fc.constantFrom(0, 1, 2) }),
  { minLength: 1, maxLength: 2 },
);
const anyTraits = fc.record({ adapters: anyAdapters, references: anyReferences });
const anyForest = fc.record({
  parents: fc.array(anyTraits, { minLength: 2, maxLength: 3 }),
  children: fc.array(fc.record({ under: anyNumber, traits: anyTraits }), {
    minLength: 3,
    maxLength: 4,
  }),
});

const PARENTS: KindDeclaration[] = [CLUSTER, ...['Alder', 'Birch'].map(declarationOf)];
const CHILDREN: KindDeclaration[] = [NODE_POOL, ...['Ivy', 'Moss', 'Fern'].map(declarationOf)];

function declarationOf(kind: string): KindDeclaration {
  return { kind, plural: `${kind.toLowerCase()}s` };
}

/**
 * Random kinds, the built-in ones among them: some with several kinds of children, some of which restrict; some without
 * adapters; references between any two of them. Only kinds that come later require a reference to earlier ones.
 */
export function randomForest(seed: number): KindDeclaration[] {
  const { parents, children } = fc.sample(anyForest, { seed, numRuns: 1 })[0]!;
  const names = [...PARENTS.slice(0, parents.length), ...CHILDREN.slice(0, children.length)].map(
    ({ kind }) => kind,
  );
  const declared = (
    { kind, plural }: KindDeclaration,
    { adapters, references }: (typeof parents)[number],
  ) => ({
    ...{ kind, plural, required_adapters: adapters },
    references: references.map((it, index): ReferenceDeclaration => {
      const target = it.target % names.length;
      const min = it.required && target < names.indexOf(kind) ? 1 : 0;
      return { ref_type: `ref_${index}`, target_kind: names[target]!, min, max: it.max };
    }),
  });
  return [
    ...parents.map((traits, index) => declared(PARENTS[index]!, traits)),
    ...children.map(({ under, traits }, index): KindDeclaration => {
      const parent_kind = CHILDREN[index]!.parent_kind ?? names[under % parents.length]!;
      const on_parent_delete = index % 2 === 0 ? 'cascade' : 'restrict';
      return { ...declared(CHILDREN[index]!, traits), parent_kind, on_parent_delete };
    }),
  ];
}
