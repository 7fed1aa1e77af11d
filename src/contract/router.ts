import { ProblemError } from '../problems/problem';
import type { Operation } from './document';

export interface Match {
  operation: Operation;
  pathParams: Record<string, string>;
}

/** Finds the operation of a request. @throws ProblemError NTF-000, MTH-001, VAL-006 */
export type Router = (method: string, path: string) => Match;

interface RouteNode {
  fixed: Map<string, RouteNode>;
  parameter?: { name: string; node: RouteNode };
  operations: Map<string, Operation>;
}

/**
 * Matches segment by segment, case-sensitively. Fixed segments are compared as they are in the URL, so an
 * encoded one does not match; parameters are decoded after the path has been split.
 */
export function createRouter(operations: readonly Operation[]): Router {
  const newNode = (): RouteNode => ({ fixed: new Map(), operations: new Map() });
  const root = newNode();
  for (const operation of operations) {
    let node = root;
    for (const segment of operation.path.split('/').slice(1)) {
      const name = /^\{(.+)\}$/.exec(segment)?.[1];
      let next = name === undefined ? node.fixed.get(segment) : node.parameter?.node;
      if (next === undefined) {
        next = newNode();
        if (name === undefined) node.fixed.set(segment, next);
        else node.parameter = { name, node: next };
      }
      node = next;
    }
    node.operations.set(operation.method, operation);
  }

  return (method, path) => {
    const pathParams: Record<string, string> = {};
    const segments = (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path).split('/');
    let node: RouteNode | undefined = segments[0] === '' ? root : undefined;
    for (let index = 1; index < segments.length && node; index++) {
      const segment = segments[index]!;
      const fixed: RouteNode | undefined = node.fixed.get(segment);
      if (fixed === undefined && node.parameter && segment !== '') {
        pathParams[node.parameter.name] = decodeSegment(segment);
        node = node.parameter.node;
      } else {
        node = fixed;
      }
    }
    if (!node || node.operations.size === 0) {
      throw new ProblemError('NTF-000', 'There is no such route.');
    }
    const operation = node.operations.get(method === 'HEAD' ? 'GET' : method);
    if (operation) return { operation, pathParams };
    const allowed = [...node.operations.keys()].flatMap((name) =>
      name === 'GET' ? ['GET', 'HEAD'] : [name],
    );
    const known = allowed.join(', ');
    throw new ProblemError('MTH-001', `This route does not allow the method; it allows ${known}.`, {
      headers: { Allow: known },
    });
  };
}

function decodeSegment(segment: string): string {
  try {
    // PostgreSQL refuses a NUL in a value. No id contains the replacement either, so the result is the same.
    return decodeURIComponent(segment).replaceAll('\0', '\uFFFD');
  } catch {
    throw new ProblemError('VAL-006', 'The path is not correctly percent-encoded.');
  }
}
