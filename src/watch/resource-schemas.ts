import Ajv, { type ValidateFunction } from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Document } from '../contract/document';
import { isDateTime, withoutExamples } from '../contract/validator';

const CONTRACT = 'contract';

/** Holds resources against the contract, as the validator does in a response: a stream has no body that it could see. */
export class ResourceSchemas {
  // The contract was checked when it was generated.
  private readonly ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
  private readonly validators = new Map<string, ValidateFunction>();

  /** @param document the contract; what it needs of it is compiled at first use */
  constructor({ components: { schemas } }: Document) {
    addFormats(this.ajv, { mode: 'full' });
    this.ajv.addFormat('date-time', isDateTime);
    this.ajv.addSchema({ components: { schemas: withoutExamples(schemas) } }, CONTRACT);
  }

  /** @throws Error that says how the resource differs from the schema of its kind */
  assertValid(kind: string, resource: object): void {
    let validate = this.validators.get(kind);
    if (validate === undefined) {
      validate = this.ajv.compile({ $ref: `${CONTRACT}#/components/schemas/${kind}` });
      this.validators.set(kind, validate);
    }
    if (!validate(resource)) throw new Error(`${kind}: ${this.ajv.errorsText(validate.errors)}`);
  }
}
