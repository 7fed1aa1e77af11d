import type { Service, Streaming } from '../contract/handler';
import type { ListScope } from '../lists/lists';
import { resourceListing } from '../search/fields';
import { type ListRequest, searchOf } from './list-options';

/** What the lists of resources have in common that can be watched. */
export interface WatchableRequest extends ListRequest {
  query: ListRequest['query'] & { watch?: boolean; since?: string; fields?: string };
  headers: NodeJS.Dict<string | string[]>;
  tokenExpiresAt: number | undefined;
  signal: () => AbortSignal;
}

/** Streams a list and its changes. */
export async function watchList(
  { query, headers, operation, tokenExpiresAt, signal }: WatchableRequest,
  scope: ListScope,
  { watches }: Service,
): Promise<Streaming> {
  const { fields, since } = query;
  const lastEventId = headers['last-event-id'] as string | undefined;
  const stream = await watches.begin({
    operation,
    scope,
    search: searchOf(query, resourceListing(scope.kinds)),
    since: lastEventId ?? since,
    fields,
    tokenExpiresAt,
    signal: signal(),
  });
  return { status: 200, stream };
}
