import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { ProblemField } from '../problems/problem';
import type { Config } from '../config/config';
import type { Logger } from '../telemetry/log';
import { activeTraceId } from '../telemetry/tracing';
import type { Operation } from '../contract/document';
import type { Shown } from '../contract/written';

/** What is known about a request while it is served. */
export class RequestContext {
  readonly startedAt = performance.now();
  operation?: Operation;
  /** It is a HEAD, which is handled as a GET. */
  isHead = false;
  pathParams: Record<string, string> = {};
  actor?: string;
  /** When the token expires, in ms since the epoch. */
  tokenExpiresAt?: number;
  mediaType = '';
  /** What the rules of this service, beyond the validator, have found wrong with it. */
  faults: ProblemField[] = [];
  /** Id of the resource that it created, for the log. */
  resourceId?: string;
  /** The response is a stream, which lasts as long as the client wants. */
  streams?: boolean;
  /** It is a list that the client accepts compressed. */
  mayBeCompressed?: boolean;
  /** What the response shows: one thing as a whole, or the items of a list. */
  shown?: Shown | readonly Shown[] | undefined;
  /** Sends a body that has passed the contract before. */
  sendValid?: (body: object) => void;
  private abort?: AbortController;

  constructor(readonly traceId: string) {}

  /** Aborted when the client disconnects before the response is complete. */
  get signal(): AbortSignal {
    // Created on demand, because few requests need it and a controller is not cheap.
    this.abort ??= new AbortController();
    return this.abort.signal;
  }

  /** The client has disconnected before the response was complete. */
  disconnected(): void {
    this.abort?.abort();
  }
}

declare module 'express-serve-static-core' {
  interface Request {
    context: RequestContext;
  }
}

const TRACE_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Creates the context of a request, and logs the request when it is over. */
export function requestContext(config: Config, log: Logger) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const given = req.headers['x-request-id'];
    const requestId = typeof given === 'string' && TRACE_ID.test(given) ? given : undefined;
    const context = new RequestContext(activeTraceId() ?? requestId ?? randomUUID());
    req.context = context;
    res.setHeader('X-Request-Id', context.traceId);
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Cache-Control', 'no-store');
    const { socket } = req;
    const bytesBefore = socket.bytesWritten;
    res.once('close', () => {
      if (!res.writableFinished) context.disconnected();
      const seconds = (performance.now() - context.startedAt) / 1000;
      const route = context.operation?.path ?? 'unknown';
      const isList = context.operation?.defaultPageSize !== undefined;
      const isPoll = isList && context.streams !== true;
      if (isPoll && res.writableFinished && res.statusCode < 400 && !config.logPolls) return;
      log.info('request', {
        method: req.method,
        route,
        path: req.path,
        // A client ends a stream by leaving.
        status: res.writableFinished || context.streams ? res.statusCode : 499,
        duration_ms: Math.round(seconds * 1e6) / 1e3,
        bytes: socket.bytesWritten - bytesBefore,
        request_id: requestId ?? context.traceId,
        trace_id: context.traceId,
        actor: context.actor,
        resource_id: context.resourceId ?? innermostId(context),
      });
    });
    next();
  };
}

/** For `/clusters/{cluster_id}/nodepools/{nodepool_id}` the id of the node pool. */
function innermostId({ operation, pathParams }: RequestContext): string | undefined {
  return operation?.on && Object.values(pathParams).at(-1);
}
