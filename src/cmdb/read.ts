import type { Row, Rows } from '../model/rows.ts';
import type { Connection } from './connection.ts';
import { CmdbError } from './error.ts';
import { type History, type Mark, REMEMBERED, spanOf, type Standing } from './history.ts';
import { READ_COLUMNS } from './schema.ts';
import { requireSchema } from './version.ts';

/** The rows of one moment, and where in which history that moment is. */
export interface Reading extends Rows {
  readonly history: History;
}

/**
 * Reads the whole CMDB as of one moment. SELECT on the database is enough.
 * `standing`: what the reader has applied, so that it can tell whether this is older.
 * @throws CmdbError; the connection can be used again if it is alive
 */
export async function readRows(connection: Connection, standing: Standing | null = null): Promise<Reading> {
  // Whatever the server's default: READ COMMITTED would show each query another moment.
  await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  try {
    await requireSchema(connection);
    const history = await readHistory(connection, standing);
    return {
      hosts: await table(connection, 'hosts', 'name'),
      apps: await table(connection, 'apps', 'name'),
      domains: await table(connection, 'domains', 'fqdn'),
      placements: await table(connection, 'placements', 'app, host'),
      revision: String(history.newest.at(-1)?.id ?? 0n),
      history,
    };
  } finally {
    // Failing here would hide why the read failed.
    if (connection.alive) await connection.query('ROLLBACK').catch(() => { connection.destroy(); });
  }
}

function table(connection: Connection, name: string, order: string): Promise<readonly Row[]> {
  return connection.query(`SELECT ${(READ_COLUMNS.get(name) ?? []).join(', ')} FROM ${name} ORDER BY ${order}`);
}

async function readHistory(connection: Connection, standing: Standing | null): Promise<History> {
  const [row] = await connection.query('SELECT origin FROM history');
  const newest = await marks(connection, `ORDER BY id DESC LIMIT ${REMEMBERED}`, []);
  const span = standing === null ? null : spanOf(standing);
  const known = span === null ? [] : await marks(connection, 'WHERE id BETWEEN ? AND ?', [span.first, span.last]);
  return { origin: row?.['origin'] ?? '', newest: [...newest].reverse(), known };
}

async function marks(connection: Connection, which: string, values: readonly bigint[]): Promise<readonly Mark[]> {
  const rows = await connection.query(`SELECT id, stamp FROM changes ${which}`, values);
  return rows.map(({ id, stamp }) => {
    if (!/^[0-9]+$/.test(id ?? '')) throw new CmdbError(`${connection.address}: the change log has an id that is no number: is it a MySQL or MariaDB server?`);
    return { id: BigInt(id ?? ''), stamp: stamp ?? '' };
  });
}
