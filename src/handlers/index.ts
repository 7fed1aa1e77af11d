import type { Handlers } from '../contract/handler';
import * as meta from './meta';
import * as resources from './resources';
import * as statuses from './statuses';

/** All operations of the service, and their handlers. */
export const handlers: Handlers = {
  // On resources of any kind, by the verb of the operation in the contract.
  list: resources.list,
  create: resources.create,
  read: resources.read,
  patch: resources.patch,
  delete: resources.markDeleted,
  'force-delete': resources.forceDelete,
  'list-statuses': statuses.listStatuses,
  report: statuses.report,

  // On resources of all kinds at once.
  getResources: resources.getResources,

  // On the service itself, by operationId.
  getCompatibility: meta.getCompatibility,
  getMetadata: meta.getMetadata,
  getErrors: meta.getErrors,
  getErrorById: meta.getErrorById,
  getOpenapi: meta.getOpenapi,
  getOpenapiAlias: meta.getOpenapi,
  getOpenapiUi: meta.getOpenapiUi,
  getOpenapiUiAlias: meta.getOpenapiUi,
};
