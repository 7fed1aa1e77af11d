import type { Manifest } from './manifest';

/** Values that the chart accepts, and what it makes of them. */
export interface ValueSet {
  name: string;
  values: object;
  check: (manifests: Manifest[]) => void;
}

interface Sidecars {
  sidecars?: { name: string }[];
  nativeSidecars?: { name: string }[];
}

/** Names of the containers that the values add to the pods of the API. */
export const sidecarsOf = ({ sidecars = [], nativeSidecars = [] }: Sidecars): string[] =>
  [...nativeSidecars, ...sidecars].map(({ name }) => name);
