import type { Manifest } from './manifest';

/** Values that the chart accepts, and what it makes of them. */
export interface ValueSet {
  name: string;
  values: object;
  check: (manifests: Manifest[]) => void;
}

/** Names of the volumes that the values add; what they refer to is the operator's. */
export const extraVolumesOf = ({ extraVolumes = [] }: { extraVolumes?: { name: string }[] }) =>
  extraVolumes.map(({ name }) => name);

interface Sidecars {
  sidecars?: { name: string }[];
  nativeSidecars?: { name: string }[];
}

/** Names of the containers that the values add to the pods of the API. */
export const sidecarsOf = ({ sidecars = [], nativeSidecars = [] }: Sidecars): string[] =>
  [...nativeSidecars, ...sidecars].map(({ name }) => name);
