/** What is a valid name of an adapter. */
export const ADAPTER_NAME = /^[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;

/** B3. The condition type of an adapter: `gcp-provisioner` → `GcpProvisionerSuccessful`. */
export function conditionTypeOf(adapter: string): string {
  const parts = adapter.split('-').map((part) => part.charAt(0).toUpperCase() + part.slice(1));
  return `${parts.join('')}Successful`;
}
