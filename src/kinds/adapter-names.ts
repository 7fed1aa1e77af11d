/** What is a valid name of an adapter. */
export const ADAPTER_NAME = /^[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;

/** B3. The condition type of an adapter: `gcp-provisioner` → `GcpProvisionerSuccessful`. */
export function conditionTypeOf(adapter: string): string {
  const parts = adapter.split('-').map((part) => part.charAt(0).toUpperCase() + part.slice(1));
  return `${parts.join('')}Successful`;
}

/** Why these adapters cannot all be required, if so; it continues a sentence about their list. */
export function adaptersFault(adapters: readonly string[]): string | undefined {
  const types = new Map<string, string>();
  for (const adapter of adapters) {
    const type = conditionTypeOf(adapter);
    const other = types.get(type);
    if (other === adapter) return `contains '${adapter}' twice`;
    if (other !== undefined) {
      return `contains '${other}' and '${adapter}', which share the condition type ${type}`;
    }
    types.set(type, adapter);
  }
  return undefined;
}
