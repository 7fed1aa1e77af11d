import type { Request, Response } from 'express';
import type { Contract } from './contract';
import { ProblemError, type ProblemField } from './problem';
import { type EovError, fieldsOfValidatorErrors, validationDetail } from './validation-message';
import { fieldName } from './field';

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
  const fields = takeOutBadParameters(req, query);
  const input = { query, params: req.context.pathParams, body: req.body as unknown };
  const errors = await validatorErrors(contract, req, res);
  fields.push(...fieldsOfValidatorErrors(errors, input), ...labelKeyProblems(req.body));
  if (fields.length === 0) return;
  throw new ProblemError('VAL-000', validationDetail(fields), { errors: fields });
}

/** The validator stops at the first parameter it does not know; so they are named, all, before it runs. */
function takeOutBadParameters(req: Request, query: Record<string, unknown>): ProblemField[] {
  const known = req.context.operation!.queryParameters;
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
    } else {
      good[name] = value;
    }
  }
  if (fields.length > 0) Object.defineProperty(req, 'query', { value: good, configurable: true });
  return fields;
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
function labelKeyProblems(body: unknown): ProblemField[] {
  const labels = (body as { labels?: unknown } | undefined)?.labels;
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return [];
  return Object.keys(labels)
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
