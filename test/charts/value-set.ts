import type { Manifest } from './manifest';

/** Values that the chart accepts, and what it makes of them. */
export interface ValueSet {
  name: string;
  values: object;
  check: (manifests: Manifest[]) => void;
}
