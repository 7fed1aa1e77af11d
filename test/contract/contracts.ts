import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readContract } from '../../src/contract/document';
import { expandContract } from '../../src/contract/expand';
import { declareKinds } from '../../src/kinds/declare';
import type { Kinds } from '../../src/kinds/kind';
import { WAITING_ENTITIES } from '../support/all-kinds';
import { kindsFile } from '../support/declared-kinds';
import type { Document } from './json-schema';

/** A contract that a service can have, with the kinds it is made for. */
export interface KindContract {
  /** As an operator declares them, beside the built-in ones. */
  entities: readonly object[];
  kinds: Kinds;
  document: Document;
}

/** The contract that is published. */
export const BUILT_IN: KindContract = {
  entities: [],
  kinds: declareKinds([], {}).kinds,
  document: JSON.parse(
    readFileSync(join(__dirname, '..', '..', 'generated', 'openapi.json'), 'utf8'),
  ) as Document,
};

/** The contract of five kinds. */
export const DECLARED: KindContract = contractOf(WAITING_ENTITIES);

function contractOf(entities: readonly object[]): KindContract {
  const { kinds } = declareKinds(entities, {});
  const { document } = expandContract(readContract(20), kinds);
  return { entities, kinds, document: document };
}

/** The variables of a service that has these kinds. */
export function serving(entities: readonly object[]): Record<string, string> {
  return entities.length === 0 ? {} : { HYPERFLEET_KINDS_FILE: kindsFile(entities) };
}
