import { randomBytes } from 'node:crypto';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { withClient } from '../support/database';
import { newCluster } from '../support/factories';
import { TOUCH } from '../support/watch-bulk';
import { WatchStream } from '../support/watch-stream';

/* Searches of one client that cost much, beside a watch of another. */

jest.setTimeout(120_000);

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: { DATABASE_STATEMENT_TIMEOUT_MS: '1000' } });
});
afterAll(() => app.stop());

async function create(name: string, spec = {}): Promise<string> {
  const { status, body } = await api(app).post('/clusters').send(newCluster({ name, spec }));
  expect(status).toBe(201);
  return (body as { id: string }).id;
}

const open = (search: string) => WatchStream.open(app, { path: '/clusters', query: { search } });

test('searches that are too slow together do not hold up another watch', async () => {
  // To look into such a spec takes long, because PostgreSQL reads it as a whole for each comparison.
  const large: string[] = [];
  for (let number = 0; number < 10; number++) {
    large.push(await create(`large-${number}`, { data: randomBytes(100_000).toString('hex') }));
  }
  const small = await create('small');
  const other = await open("name = 'small'");
  await other.untilSynced();
  const slow: WatchStream[] = [];
  for (let index = 0; index < 15; index++) {
    const comparisons = Array.from({ length: 99 }, (_, n) => `spec.a${index}.b${n} < 'x'`);
    const stream = await open(["name = 'small'", ...comparisons].join(' or '));
    await stream.untilSynced();
    slow.push(stream);
  }
  await withClient(app.database.directUrl, (client) => client.query(TOUCH, [[...large, small]]));
  const [event] = (await other.until(({ event: name }) => name === 'updated')).slice(-1);
  expect(event!.data).toContain(small);
  // Each of them goes on alone, or has ended, in the time that one statement may take.
  for (const stream of slow) {
    const events = stream.until(({ event: name }) => name === 'updated');
    await Promise.race([events, stream.ended]);
    await events.catch(() => expect(stream.closed).toBe(true));
  }
  for (const stream of [other, ...slow]) stream.close();
});
