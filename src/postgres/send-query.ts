import type pg from 'pg';

/**
 * Sends a query. pg's own promise keeps each answer from being collected while it is young, rows and all, until the
 * next collection of the whole heap (measured: a seventh of the CPU of a page of 100); its callback does not.
 */
export function sendQuery<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  query: string | pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  return new Promise((resolve, reject) => {
    client.query<Row>(query as string, (error: Error | null, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
