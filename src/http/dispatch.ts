import type { NextFunction, Request, Response } from 'express';
import { abortSignal } from './request-context';
import type { AnyReply, Handlers, Service } from '../contract/handler';

/** Calls the handler of the request's operation and sends what it answers. */
export function dispatch(handlers: Handlers, service: Service) {
  return async (req: Request, res: Response, _next: NextFunction): Promise<void> => {
    const { context } = req;
    // The table holds a handler of the right type for each operation; which one, only the id knows.
    const handler = handlers[context.operation!.id] as unknown as AnyHandler;
    const reply = await handler(
      {
        params: context.pathParams,
        query: req.query,
        body: req.body as unknown,
        mediaType: context.mediaType,
        headers: req.headers,
        actor: context.actor,
        traceId: context.traceId,
        get signal() {
          return abortSignal(context);
        },
      },
      service,
    );
    send(reply, req, res);
  };
}

type AnyHandler = (request: object, service: Service) => Promise<AnyReply> | AnyReply;

function send(reply: AnyReply, req: Request, res: Response): void {
  // Handlers compare ETags. Express would turn `If-None-Match: *` into a 304 even where there is none.
  delete req.headers['if-none-match'];
  res.status(reply.status);
  if (reply.headers) res.set(reply.headers);
  if ('content' in reply) {
    res.setHeader('Content-Type', `${reply.contentType}; charset=utf-8`);
    res.setHeader('Content-Length', Buffer.byteLength(reply.content));
    res.end(reply.content);
  } else if (reply.body === undefined) {
    res.end();
  } else {
    if (reply.status === 201) req.context.resourceId = (reply.body as { id?: string }).id;
    res.json(reply.body);
  }
}
