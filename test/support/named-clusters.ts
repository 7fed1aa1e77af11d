import { api } from './api';
import { newCluster } from './factories';

export const NAMES = ['delta', 'alpha', 'echo', 'bravo', 'charlie', 'golf', 'foxtrot'];

export interface NamedCluster {
  id: string;
  name: string;
  generation: number;
}

/**
 * Creates a cluster of each name, in this order. They have generations 1, 2 and 3 in turn, so that ordering by
 * generation has ties, and a label `half`.
 */
export async function createNamedClusters(app: { url: string }): Promise<NamedCluster[]> {
  const clusters: NamedCluster[] = [];
  for (const [index, name] of NAMES.entries()) {
    const body = newCluster({ name, labels: { half: name < 'd' ? 'first' : 'second' } });
    const created = await api(app).post('/clusters').send(body).expect(201);
    const { id } = created.body as NamedCluster;
    const changes = index % 3;
    for (let change = 0; change < changes; change++) {
      await api(app).patch(`/clusters/${id}`).send({ spec: { change } }).expect(200);
    }
    clusters.push({ id, name, generation: 1 + changes });
  }
  return clusters;
}
