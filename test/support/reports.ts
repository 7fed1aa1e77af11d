import type { Response } from 'supertest';
import type { components } from '../../generated/openapi';
import { api } from './api';
import { type newReport } from './factories';

type Schemas = components['schemas'];
export type ReportBody = Partial<ReturnType<typeof newReport>> & Record<string, unknown>;
export type Condition = Schemas['ResourceCondition'];
type Status = Schemas['ConditionStatus'];

/** A cluster or node pool a test reports about, and its path below the base path. */
export interface Subject {
  path: string;
  id: string;
  createdTime: string;
}

export async function createSubject(
  app: { url: string },
  path: string,
  body: object,
): Promise<Subject> {
  const answer = await api(app).post(path).send(body);
  expect(answer.status).toBe(201);
  const { id, created_time } = answer.body as { id: string; created_time: string };
  return { path: `${path}/${id}`, id, createdTime: created_time };
}

/** The moment that many seconds after the creation. */
export function after({ createdTime }: Subject, seconds: number): string {
  return new Date(Date.parse(createdTime) + seconds * 1000).toISOString();
}

/** Only what a report must have, with `conditions` by type. */
export function minimalReport(
  adapter: string,
  conditions: Record<string, Status> = { Available: 'True' },
  more: Record<string, unknown> = {},
): ReportBody {
  return {
    adapter,
    observed_generation: 1,
    conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })),
    ...more,
  };
}

export function sendReport(
  app: { url: string },
  { path }: Pick<Subject, 'path'>,
  body: object,
  method: 'post' | 'put' = 'post',
): Promise<Response> {
  return api(app)[method](`${path}/statuses`).send(body);
}

export async function listReports(app: { url: string }, { path }: Subject) {
  const { body } = await api(app).get(`${path}/statuses`);
  return (body as Schemas['AdapterStatusList']).items;
}

/** The resource as it is served now. */
export async function statusOf(app: { url: string }, { path }: Subject) {
  const { body } = await api(app).get(path);
  return (body as { status: Schemas['ClusterStatus'] }).status;
}

export async function conditionOf(app: { url: string }, subject: Subject, type: string) {
  const { conditions } = await statusOf(app, subject);
  return conditions.find((condition) => condition.type === type);
}
