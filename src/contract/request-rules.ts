import type { Request, Response } from 'express';
import { describeRule } from '../problems/broken-rule';
import type { Contract } from './document';
import { ProblemError, type ProblemField } from '../problems/problem';
import { type EovError, fieldsOfValidatorErrors, validationDetail } from './field-errors';
import { fieldName } from '../problems/field-path';

const LABEL_PREFIX =
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_NAME = /^(?=.{1,63}$)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  return (
    (slash === -1 || LABEL_PREFIX.test(key.slice(0, slash))) &&
    LABEL_NAME.test(key.slice(slash + 1))
  );
}

type Json = Record<string, unknown>;

const INTEGER = /^-?\d{1,15}$/;

/** As the contract says. */
const MAX_CONDITIONS = 100;
const MAX_LABELS = 64;
/** Enough to replace every label by another. */
const MAX_MERGED_LABELS = 2 * MAX_LABELS;

/**
 * Holds a request against the contract; the body is parsed, the operation known.
 * @throws ProblemError VAL-000 with every field at fault
 */
export async function validateRequest(
  contract: Contract,
  req: Request,
  res: Response,
): Promise<void> {
  const query = req.query as Record<string, unknown>;
  const fields = [...takeOutBadParameters(req, query), ...cutOverfull(req)];
  const input = { query, params: req.context.pathParams, body: req.body as unknown };
  const errors = await validatorErrors(contract, req, res);
  fields.push(...fieldsOfValidatorErrors(errors, input), ...labelKeyProblems(req));
  if (fields.length === 0) return;
  throw new ProblemError('VAL-000', validationDetail(fields), { errors: fields });
}

/** The validator stops at the first parameter it does not know; so they are named, all, before it runs. */
function takeOutBadParameters(req: Request, query: Record<string, unknown>): ProblemField[] {
  const { queryParameters: known, integerParameters } = req.context.operation!;
  const fields: ProblemField[] = [];
  const good: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    if (!known.has(name)) {
      const list = [...known].join(', ');
      fields.push({
        field: name,
        message: `query parameter '${name}' is not known here (${list || 'none'})`,
        constraint: 'unknown',
      });
    } else if (Array.isArray(value)) {
      fields.push({
        field: name,
        message: `query parameter '${name}' must be given once`,
        constraint: 'single',
      });
    } else if (integerParameters.has(name) && !INTEGER.test(String(value))) {
      // The validator would take Infinity, 1e3 and 0x10 for whole numbers.
      fields.push(
        describeRule({ path: [name], keyword: 'type', message: 'must be integer', value }),
      );
    } else {
      good[name] = value;
    }
  }
  if (fields.length > 0) Object.defineProperty(req, 'query', { value: good, configurable: true });
  return fields;
}

/**
 * The time the validator takes grows with the square of the number of errors: a list of 32,000 bad conditions would
 * keep everybody waiting for half a minute. So it gets no more members of anything than there may be.
 */
function cutOverfull(req: Request): ProblemField[] {
  const labels = labelsOf(req);
  const merge = req.context.mediaType === 'application/merge-patch+json';
  const maxLabels = merge ? MAX_MERGED_LABELS : MAX_LABELS;
  const entries = Object.entries(labels ?? {});
  if (entries.length > maxLabels) {
    (req.body as Json).labels = Object.fromEntries(entries.slice(0, maxLabels));
    return [overfull('labels', 'maxProperties', maxLabels, labels)];
  }
  const { conditions } = (req.body ?? {}) as Json;
  if (Array.isArray(conditions) && conditions.length > MAX_CONDITIONS && isReport(req)) {
    (req.body as Json).conditions = conditions.slice(0, MAX_CONDITIONS);
    return [overfull('conditions', 'maxItems', MAX_CONDITIONS, conditions)];
  }
  return [];
}

function isReport(req: Request): boolean {
  return req.context.operation!.id.endsWith('Statuses');
}

/** The labels in a body, where it may have some. */
function labelsOf(req: Request): Json | undefined {
  if (isReport(req)) return undefined;
  const { labels } = (req.body ?? {}) as Json;
  const isObject = typeof labels === 'object' && labels !== null && !Array.isArray(labels);
  return isObject ? (labels as Json) : undefined;
}

function overfull(name: string, keyword: string, limit: number, value: unknown): ProblemField {
  const message = `must NOT have more than ${limit} ${keyword === 'maxItems' ? 'items' : 'properties'}`;
  return describeRule({ path: [name], keyword, message, value });
}

function validatorErrors(contract: Contract, req: Request, res: Response): Promise<EovError[]> {
  return new Promise((resolve, reject) => {
    contract.validateRequest(req, res, (error?: unknown) => {
      if (!error) resolve([]);
      else if (isValidatorError(error)) resolve(error.errors);
      else reject(error instanceof Error ? error : new Error('the validator failed'));
    });
  });
}

function isValidatorError(error: unknown): error is { status: number; errors: EovError[] } {
  const { status, errors } = error as { status?: unknown; errors?: unknown };
  return status === 400 && Array.isArray(errors);
}

/** OpenAPI 3.0 cannot say what the keys of an object look like. */
function labelKeyProblems(req: Request): ProblemField[] {
  return Object.keys(labelsOf(req) ?? {})
    .filter((key) => !isLabelKey(key))
    .map((key) => {
      const field = fieldName(['labels', key]);
      return {
        field,
        message: `${field} is no label key: that is a name of up to 63 letters, digits, '-', '_' or '.', optionally after a DNS name and '/'`,
        constraint: 'pattern',
      };
    });
}
