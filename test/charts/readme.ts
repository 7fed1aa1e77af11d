import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART } from './helm';
import type { ValueSet } from './value-set';

/** Every string and number in the values, as it appears in JSON. */
const leaves = (node: unknown): string[] =>
  typeof node === 'object' && node !== null
    ? Object.values(node).flatMap(leaves)
    : typeof node === 'boolean'
      ? []
      : [JSON.stringify(node).replace(/^"|"$/g, '')];

const README = readFileSync(join(CHART, 'README.md'), 'utf8');

/** The values that the readme shows. */
export const README_EXAMPLES: ValueSet[] = [...README.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(
  ({ 1: text = '', index }) => {
    const heading = README.slice(0, index)
      .match(/^## .*$/gm)
      ?.at(-1);
    const values = parse(text) as object;
    return {
      name: `the readme's values for ${Object.keys(values).join(', ')} (${heading})`,
      values,
      check: (manifests) => {
        const rendered = JSON.stringify(manifests);
        for (const leaf of leaves(values)) expect(rendered).toContain(leaf);
      },
    };
  },
);
