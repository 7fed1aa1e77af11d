import type { Request, RequestHandler, Response } from 'express';
import { getKind } from '../kinds/kind';
import type { AnyReply, Handlers, Service } from './handler';

type AnyHandler = (request: object, service: Service) => Promise<AnyReply> | AnyReply;

/** Calls the handler of the request's operation, by its verb or by its id, and sends the reply. */
export function dispatch(handlers: Handlers, service: Service): RequestHandler {
  // The type of the table says that each handler fits its operations.
  const table = handlers as unknown as Record<string, AnyHandler>;
  return async (req, res) => {
    const { id, on } = req.context.operation!;
    const reply = await table[on?.verb ?? id]!(validRequest(req, service), service);
    send(reply, req, res);
  };
}

function validRequest(req: Request, { kinds }: Service): object {
  const { context, query, headers } = req;
  const { operation, pathParams, mediaType, actor, traceId } = context;
  const request = {
    operation: operation!,
    ...{ query, headers, body: req.body as unknown, params: pathParams, mediaType, actor, traceId },
    get signal() {
      return context.signal;
    },
  };
  if (operation!.on === undefined) return request;
  const kind = getKind(kinds, operation!.on.kind);
  const ownerId = kind.parent && pathParams[kind.parent.idParameter];
  return Object.assign(request, { kind, id: pathParams[kind.idParameter] ?? '', ownerId });
}

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
