import type { Request, RequestHandler, Response } from 'express';
import type { AnyResponse, Handlers, Service } from './handler';
import { targetOf } from './target';
import { type Shown, Unwritten, Written } from './written';

type AnyHandler = (request: object, service: Service) => Promise<AnyResponse> | AnyResponse;

/** Calls the handler of the request's operation, by its verb or by its id, and sends the response. */
export function dispatch(handlers: Handlers, service: Service): RequestHandler {
  // The type `Handlers` guarantees that each handler fits its operations.
  const table = handlers as unknown as Record<string, AnyHandler>;
  return async (req, res) => {
    const { id, on } = req.context.operation!;
    const response = await table[on?.verb ?? id]!(validRequest(req, service), service);
    send(response, req, res);
  };
}

function validRequest(req: Request, { kinds }: Service): object {
  const { context, query, headers } = req;
  const { operation, pathParams, mediaType, actor, traceId, tokenExpiresAt } = context;
  const request = {
    operation: operation!,
    ...{ query, headers, body: req.body as unknown, params: pathParams, mediaType, actor, traceId },
    tokenExpiresAt,
    accepts: (types: string[]) => req.accepts(types),
    signal: () => context.signal,
  };
  return operation!.on === undefined ? request : Object.assign(request, targetOf(req, kinds));
}

function send(response: AnyResponse, req: Request, res: Response): void {
  res.status(response.status);
  if (response.headers) res.set(response.headers);
  if ('stream' in response) {
    req.context.streams = true;
    response.stream(res);
  } else if ('content' in response) {
    res.setHeader('Content-Type', `${response.contentType}; charset=utf-8`);
    res.setHeader('Content-Length', Buffer.byteLength(response.content));
    res.end(response.content);
  } else if (response.body === undefined) {
    res.end();
  } else {
    if (response.status === 201) req.context.resourceId = (response.body as { id?: string }).id;
    sendBody(response.body as object, req, res);
  }
}

/** The validator gets what has not passed it before. */
function sendBody(body: object, req: Request, res: Response): void {
  const { context } = req;
  if (body instanceof Written) {
    context.shown = body;
    context.sendValid!(body);
  } else if (body instanceof Unwritten) {
    context.shown = body;
    res.json(body.resource);
  } else if (isList(body)) {
    context.shown = body.items;
    const unwritten = body.items.filter((item) => item instanceof Unwritten);
    res.json({ ...body, items: unwritten.map(({ resource }) => resource) });
  } else {
    res.json(body);
  }
}

function isList(body: object): body is { items: Shown[] } {
  const { items } = body as { items?: object[] };
  return items?.every((item) => item instanceof Written || item instanceof Unwritten) === true;
}
