import type { Response } from 'express';
import type { operations, verbs } from '../../generated/openapi';
import type { Config } from '../config/config';
import type { Kind, Kinds } from '../kinds/kind';
import type { ListScope } from '../lists/lists';
import type { Database } from '../postgres/database';
import type { SearchTree } from '../search/parse';
import type { SpecValidator } from '../specs/spec-validator';
import type { Logger } from '../telemetry/log';
import type { Metrics } from '../telemetry/metrics';
import type { Contract } from './contract';
import type { Operation, OperationId, Verb } from './document';
import type { Shown, WrittenResources } from './written';

/** What handlers use; one per process. */
export interface Service {
  config: Config;
  contract: Contract;
  db: Database;
  kinds: Kinds;
  log: Logger;
  metrics: Metrics;
  specs: SpecValidator;
  watches: WatchOpener;
  written: WrittenResources;
}

/** Streams lists and their changes. */
export interface WatchOpener {
  /**
   * Looks for what comes first in the stream.
   * @returns sends the stream
   * @throws ProblemError NTF-001 parent not found, GON-001 cursor gone, SVC-001
   * @throws SearchError
   */
  begin(request: WatchRequest): Promise<(response: Response) => void>;
}

/** What a client wants to watch. */
export interface WatchRequest {
  operation: Operation;
  scope: ListScope;
  search: SearchTree | undefined;
  /** A cursor: only what has changed after it. Undefined: first everything that matches. */
  since: string | undefined;
  /** The parameter `fields`. */
  fields: string | undefined;
  /** When the token of the client expires, in ms since the epoch. */
  tokenExpiresAt: number | undefined;
  signal: AbortSignal;
}

type Parameters<Op extends OperationId, In extends string> = operations[Op] extends {
  parameters: infer P;
}
  ? In extends keyof P
    ? NonNullable<P[In]>
    : Record<string, never>
  : never;

type BodyContent<Op extends OperationId> = operations[Op] extends {
  requestBody: { content: infer Content };
}
  ? Content[keyof Content]
  : undefined;

/** A request that is valid by the contract. */
export interface ValidRequest<Op extends OperationId> {
  /** What the contract says about it. */
  operation: Operation;
  params: Parameters<Op, 'path'>;
  query: Parameters<Op, 'query'>;
  body: BodyContent<Op>;
  /** Lower case, without parameters; empty when the operation has no body. */
  mediaType: string;
  headers: NodeJS.Dict<string | string[]>;
  /** The media type that the client prefers; false: it accepts none of them. */
  accepts: (types: string[]) => string | false;
  actor: string;
  traceId: string;
  /** When the token expires, in ms since the epoch; undefined: there is none. */
  tokenExpiresAt: number | undefined;
  /** Aborted when the client disconnects before the response is complete. A function, because few need it. */
  signal: () => AbortSignal;
}

/** A request about resources of one kind. */
export type ResourceRequest<V extends Verb> = Omit<ValidRequest<verbs[V]>, 'params'> & {
  kind: Kind;
  /** The id of the resource, from the path; empty for lists and creates. */
  id: string;
  /** The id of the parent, if it is in the path. */
  ownerId: string | undefined;
};

type Responses<Op extends OperationId> = operations[Op]['responses'];
type Success = 200 | 201 | 202 | 204 | 304;
type JsonOf<Response> = Response extends { content: { 'application/json': infer Body } }
  ? Body
  : undefined;

interface Headers {
  headers?: Record<string, string>;
}

/** A response that the contract documents; problems are thrown instead. */
export type HandlerResponse<Op extends OperationId> =
  | {
      [Status in keyof Responses<Op> & Success]: Headers & {
        status: Status;
      } & Body<JsonOf<Responses<Op>[Status]>>;
    }[keyof Responses<Op> & Success]
  | Raw
  | Streaming;

type Body<T> = [T] extends [undefined] ? { body?: undefined } : { body: OfAnyKind<T> | Shown };

/**
 * What the contract says about each kind, with the name of the kind left open. A resource is given in the form in which
 * it is written only once; its mapper holds it against the contract.
 */
type OfAnyKind<T> = T extends { kind?: string; items: (infer Item)[] }
  ? Omit<T, 'kind' | 'items'> & { kind: string; items: OfAnyKind<Item>[] }
  : T extends { generation: number }
    ? Shown
    : T extends { kind?: string }
      ? Omit<T, 'kind'> & { kind?: string }
      : T;

/** A response that is not JSON, or is the contract itself. */
export interface Raw extends Headers {
  status: 200;
  contentType: string;
  content: string;
}

/** A response that is written little by little. */
export interface Streaming extends Headers {
  status: 200;
  /** Writes it; it lasts until either side ends it. */
  stream: (response: Response) => void;
}

/** Any response, for the code that sends it. */
export type AnyResponse = Raw | Streaming | (Headers & { status: Success; body?: unknown });

/** Handles an operation of the service itself. */
export type Handler<Op extends OperationId> = (
  request: ValidRequest<Op>,
  service: Service,
) => Promise<HandlerResponse<Op>> | HandlerResponse<Op>;

/** Handles a verb for resources of any kind. */
export type ResourceHandler<V extends Verb> = (
  request: ResourceRequest<V>,
  service: Service,
) => Promise<HandlerResponse<verbs[V]>>;

/** A handler for every operation of the contract: a missing one does not compile. */
export type Handlers = { readonly [V in Verb]: ResourceHandler<V> } & {
  readonly [Op in Exclude<OperationId, verbs[Verb]>]: Handler<Op>;
};
