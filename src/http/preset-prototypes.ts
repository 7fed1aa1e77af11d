import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import type { Express } from 'express';

type Constructor = (this: object, ...args: unknown[]) => void;

/**
 * Makes Node create requests and responses with the prototypes that Express sets on them. On Node 20 that
 * `Object.setPrototypeOf` is the most expensive part of a request, unless the prototype is already the right
 * one. From Node 22 on the call is cheap and this detour only costs; remove it with the support of Node 20.
 */
export function presetPrototypes(
  app: Express,
): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  if (Number(process.versions.node.split('.', 1)[0]) >= 22) return {};
  const preset = (base: unknown, prototype: object) => {
    function Preset(this: object, ...args: unknown[]): void {
      (base as Constructor).apply(this, args);
    }
    Preset.prototype = prototype;
    return Preset;
  };
  return {
    IncomingMessage: preset(IncomingMessage, app.request) as unknown as typeof IncomingMessage,
    ServerResponse: preset(ServerResponse, app.response) as unknown as typeof ServerResponse,
  };
}
