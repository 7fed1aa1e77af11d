import { parseAllDocuments } from 'yaml';

/** Properties of Kubernetes objects that are names or other strings, wherever they stand. */
const STRINGS =
  /^(name|namespace|.*Name|image|imagePullPolicy|key|value|interval|replacement|storage|topologyKey|type|host|path|pathType|request|restartPolicy|loadBalancerClass|ipFamilyPolicy)$/;
/** Properties whose values or items are all strings. */
const MAPS = /^(labels|annotations|matchLabels|nodeSelector|data|hosts|hostnames|ipFamilies)$/;

/**
 * Finds what Kubernetes would refuse, or take for another type than text, in rendered manifests: where a string is
 * expected, it must be one by the rules of every version of YAML.
 * @throws for a property that stands twice in one object
 */
export function notStrings(manifests: string): string[] {
  return (['1.1', '1.2'] as const).flatMap((version) =>
    parseAllDocuments(manifests, { version, uniqueKeys: true }).flatMap((document) => {
      const [problem] = document.errors;
      if (problem) throw problem;
      return search(document.toJS(), '');
    }),
  );
}

function search(node: unknown, path: string): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => {
    const at = `${path}.${key}`;
    const expected = MAPS.test(key) && !path.endsWith('.properties') ? Object.values(value) : [];
    // The selector of a Service is a map of labels, others have one.
    if (key === 'selector' && !('matchLabels' in value)) expected.push(...Object.values(value));
    if (STRINGS.test(key)) expected.push(value);
    const wrong = expected.filter((each) => typeof each !== 'string');
    return [...wrong.map((each) => `${at}: ${JSON.stringify(each)}`), ...search(value, at)];
  });
}
