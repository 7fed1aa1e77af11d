import type { operations } from '../../generated/openapi';
import type { Config } from '../config/config';
import type { Database } from '../postgres/database';
import type { RequiredAdapters } from '../repositories/resources';
import type { Logger } from '../telemetry/log';
import type { Metrics } from '../telemetry/metrics';
import type { Contract, OperationId } from './document';
import type { SpecValidator } from '../specs/spec-validator';

/** What every handler works with; one per process. */
export interface Service {
  config: Config;
  contract: Contract;
  db: Database;
  log: Logger;
  metrics: Metrics;
  required: RequiredAdapters;
  specs: SpecValidator;
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

/** A request the contract has accepted. */
export interface ValidRequest<Op extends OperationId> {
  params: Parameters<Op, 'path'>;
  query: Parameters<Op, 'query'>;
  body: BodyContent<Op>;
  /** Lower case, without parameters; empty when the operation takes no body. */
  mediaType: string;
  headers: NodeJS.Dict<string | string[]>;
  actor: string;
  traceId: string;
  /** Aborted when the client goes away before it is answered. */
  signal: AbortSignal;
}

type Responses<Op extends OperationId> = operations[Op]['responses'];
type Success = 200 | 201 | 202 | 204 | 304;
type JsonOf<Answer> = Answer extends { content: { 'application/json': infer Body } }
  ? Body
  : undefined;

interface Headers {
  headers?: Record<string, string>;
}

/** An answer the contract documents; problems are thrown instead. */
export type Reply<Op extends OperationId> =
  | {
      [Status in keyof Responses<Op> & Success]: Headers & {
        status: Status;
      } & (JsonOf<Responses<Op>[Status]> extends undefined
          ? { body?: undefined }
          : { body: JsonOf<Responses<Op>[Status]> });
    }[keyof Responses<Op> & Success]
  | Raw;

/** An answer that is not JSON, or is the contract itself. */
export interface Raw extends Headers {
  status: 200;
  contentType: string;
  content: string;
}

/** Any reply, for the code that sends it. */
export type AnyReply = Raw | (Headers & { status: Success; body?: unknown });

export type Handler<Op extends OperationId> = (
  request: ValidRequest<Op>,
  service: Service,
) => Promise<Reply<Op>> | Reply<Op>;

/** One handler per operation of the contract: a missing one does not compile. */
export type Handlers = { readonly [Op in OperationId]: Handler<Op> };
