// @ts-check
/**
 * What every ratio refers to: a bare node:http + pg server that serves three of the requests with
 * the same bytes from the same tables. Nothing is validated, logged or counted.
 */
const http = require('node:http');
const pg = require('pg');

pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => new Date(text).toISOString());
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });

const SELECT = `SELECT r.*, s.conditions, s.phase, s.observed_generation, s.last_updated_time, s.last_transition_time
  FROM resources r JOIN resource_status s ON s.resource_id = r.id`;
const LABELLED = `FROM resource_labels WHERE kind = 'Cluster' AND key = 'tenth' AND value = 'yes'`;

/** @param {any} row */
function present(row) {
  const [available, ready, ...adapters] = row.conditions;
  return {
    kind: row.kind,
    id: row.id,
    href: `/api/hyperfleet/v1/clusters/${row.id}`,
    name: row.name,
    generation: row.generation,
    spec: row.spec,
    labels: row.labels,
    created_time: row.created_time,
    updated_time: row.updated_time,
    created_by: row.created_by,
    updated_by: row.updated_by,
    status: {
      phase: row.phase,
      observed_generation: row.observed_generation,
      last_transition_time: row.last_transition_time,
      last_updated_time: row.last_updated_time,
      conditions: [
        available,
        ready,
        { ...ready, type: 'Reconciled' },
        { ...available, type: 'LastKnownReconciled' },
        ...adapters,
      ],
    },
  };
}

/** @param {string} count @param {string} page */
async function list(count, page) {
  const [total, items] = await Promise.all([pool.query(count), pool.query(page)]);
  return {
    kind: 'ClusterList',
    page: 1,
    size: items.rows.length,
    total: Number(total.rows[0].count),
    items: items.rows.map(present),
  };
}

/** @param {string} url */
async function respond(url) {
  const [path, query] = url.split('?');
  if (query !== undefined) {
    return list(
      `SELECT count(*) ${LABELLED}`,
      `${SELECT} WHERE r.id IN (SELECT resource_id ${LABELLED} ORDER BY resource_id DESC LIMIT 100) ORDER BY r.id DESC`,
    );
  }
  if (path.endsWith('/clusters')) {
    return list(
      `SELECT count(*) FROM resources WHERE kind = 'Cluster'`,
      `${SELECT} WHERE r.kind = 'Cluster' ORDER BY r.id DESC LIMIT 20`,
    );
  }
  const id = path.slice(path.lastIndexOf('/') + 1);
  const { rows } = await pool.query(`${SELECT} WHERE r.id = $1`, [id]);
  return present(rows[0]);
}

const server = http.createServer(async (req, res) => {
  const body = JSON.stringify(await respond(req.url ?? ''));
  const length = Buffer.byteLength(body);
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': length });
  res.end(body);
});
server.keepAliveTimeout = 95_000;
server.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit());
