import type { Handlers } from '../contract/handler';
import * as meta from './meta';
import * as resources from './resources';
import * as statuses from './statuses';

/** Everything the service can do, and the function that does it. */
export const handlers: Handlers = {
  // With resources of every kind, by the verb that the contract gives an operation.
  list: resources.list,
  create: resources.create,
  read: resources.read,
  patch: resources.patch,
  delete: resources.markDeleted,
  'force-delete': resources.forceDelete,
  'list-statuses': statuses.listStatuses,
  report: statuses.report,

  // About the service itself, by operationId.
  getCompatibility: meta.getCompatibility,
  getMetadata: meta.getMetadata,
  getErrors: meta.getErrors,
  getErrorById: meta.getErrorById,
  getOpenapi: meta.getOpenapi,
  getOpenapiAlias: meta.getOpenapi,
  getOpenapiUi: meta.getOpenapiUi,
  getOpenapiUiAlias: meta.getOpenapiUi,
};
