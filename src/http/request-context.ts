import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Config } from '../config/config';
import type { Logger } from '../telemetry/log';
import { activeTraceId } from '../telemetry/tracing';
import type { Operation } from '../contract/document';

/** What is known of a request while it is served. */
export interface RequestContext {
  traceId: string;
  startedAt: number;
  operation?: Operation;
  pathParams: Record<string, string>;
  actor?: string;
  claims?: Record<string, unknown>;
  mediaType: string;
  /** The resource that was created, for the log. */
  resourceId?: string;
  /** Set once something wants to know when the client goes away: few do, and making one is dear. */
  abort?: AbortController;
}

/** Aborted when the client of this request goes away before it is answered. */
export function abortSignal(context: RequestContext): AbortSignal {
  context.abort ??= new AbortController();
  return context.abort.signal;
}

declare module 'express-serve-static-core' {
  interface Request {
    context: RequestContext;
  }
}

const TRACE_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Opens the context of a request, and writes its line in the log when it is over. */
export function requestContext(config: Config, log: Logger) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const given = req.headers['x-request-id'];
    const requestId = typeof given === 'string' && TRACE_ID.test(given) ? given : undefined;
    const context: RequestContext = {
      traceId: activeTraceId() ?? requestId ?? randomUUID(),
      startedAt: performance.now(),
      pathParams: {},
      mediaType: '',
    };
    req.context = context;
    res.setHeader('X-Request-Id', context.traceId);
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Cache-Control', 'no-store');
    const { socket } = req;
    const bytesBefore = socket.bytesWritten;
    res.once('close', () => {
      if (!res.writableFinished) context.abort?.abort();
      const seconds = (performance.now() - context.startedAt) / 1000;
      const route = context.operation?.path ?? 'unknown';
      const isList = context.operation?.queryParameters.has('page');
      if (isList && res.writableFinished && res.statusCode < 400 && !config.logPolls) return;
      log.info('request', {
        method: req.method,
        route,
        path: req.path,
        status: res.writableFinished ? res.statusCode : 499,
        duration_ms: Math.round(seconds * 1e6) / 1e3,
        // An answer that was compressed on its way says nothing about its length.
        bytes: Number(res.getHeader('Content-Length') ?? socket.bytesWritten - bytesBefore),
        request_id: requestId ?? context.traceId,
        trace_id: context.traceId,
        actor: context.actor,
        resource_id:
          context.resourceId ?? context.pathParams.nodepool_id ?? context.pathParams.cluster_id,
      });
    });
    next();
  };
}
