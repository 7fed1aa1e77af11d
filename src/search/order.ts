import type { Direction, Listing, OrderTerm } from './fields';
import { SearchError, characters, quote } from './search-error';

/**
 * Reads `orderBy` and `order` of a list. The field that makes the order total is always last, in the direction of the
 * field before it, so that pages never overlap.
 * @throws SearchError
 */
export function parseOrder(
  orderBy: string | undefined,
  order: string | undefined,
  listing: Listing,
): OrderTerm[] {
  const direction = order === undefined ? undefined : readDirection(order.trim());
  const orderIsExpression = direction === undefined && !isBlank(order);
  if (orderIsExpression && !isBlank(orderBy)) {
    throw new SearchError(
      `Expected "asc" or "desc" for order, because orderBy is given too, found ${quote(order)}`,
      1,
    );
  }
  const { identity, defaultOrder } = listing;
  const terms = orderIsExpression
    ? readTerms(order, 'asc', listing)
    : isBlank(orderBy)
      ? [{ ...defaultOrder, direction: direction ?? defaultOrder.direction }]
      : readTerms(orderBy, direction ?? 'asc', listing);

  // Nothing after the field that identifies can change the order.
  const end = terms.findIndex(({ field }) => field === identity);
  if (end >= 0) return terms.slice(0, end + 1);
  return [...terms, { field: identity, direction: terms.at(-1)?.direction ?? 'asc' }];
}

function isBlank(text: string | undefined): text is undefined | '' {
  return text === undefined || text.trim() === '';
}

function readDirection(word: string): Direction | undefined {
  const lower = word.toLowerCase();
  return lower === 'asc' || lower === 'desc' ? lower : undefined;
}

function readTerms(text: string, implied: Direction, { sortable }: Listing): OrderTerm[] {
  const known = [...sortable.keys()];
  const terms: OrderTerm[] = [];
  let start = 0;
  for (const part of text.split(',')) {
    const words = [...part.matchAll(/\S+/g)];
    const positionOf = (index: number): number =>
      characters(text.slice(0, start + (words[index]?.index ?? part.length))).length + 1;
    const [field, direction] = words.map((word) => word[0]);

    if (field === undefined || !known.includes(field)) {
      throw new SearchError(
        `Expected a field to order by, found ${field === undefined ? 'none' : quote(field)}`,
        positionOf(0),
        `The fields are: ${known.join(', ')}.`,
      );
    }
    const read = direction === undefined ? implied : readDirection(direction);
    if (read === undefined || words.length > 2) {
      const wrong = read === undefined ? 1 : 2;
      throw new SearchError(
        `Expected ${wrong === 1 ? '"asc", "desc" or a comma' : 'a comma'} after the field, found ${quote(words[wrong]?.[0] ?? '')}`,
        positionOf(wrong),
      );
    }
    if (terms.some((term) => term.field === field)) {
      throw new SearchError(`Expected each field once, found ${quote(field)} again`, positionOf(0));
    }
    terms.push({ field, direction: read });
    start += part.length + 1;
  }
  return terms;
}
