import type { Row, Rows } from '../model/rows.ts';
import type { Connection } from './connection.ts';
import { CmdbError } from './error.ts';
import { READ_COLUMNS } from './schema.ts';
import { requireSchema } from './version.ts';

/**
 * Reads the whole CMDB as of one moment. SELECT on the database is enough.
 * @throws CmdbError; the connection can be used again if it is alive
 */
export async function readRows(connection: Connection): Promise<Rows> {
  // Whatever the server's default: READ COMMITTED would show each query another moment.
  await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  try {
    await requireSchema(connection);
    return {
      hosts: await table(connection, 'hosts', 'name'),
      apps: await table(connection, 'apps', 'name'),
      domains: await table(connection, 'domains', 'fqdn'),
      placements: await table(connection, 'placements', 'app, host'),
      revision: await revision(connection),
    };
  } finally {
    // Failing here would hide why the read failed.
    if (connection.alive) await connection.query('ROLLBACK').catch(() => { connection.destroy(); });
  }
}

function table(connection: Connection, name: string, order: string): Promise<readonly Row[]> {
  return connection.query(`SELECT ${(READ_COLUMNS.get(name) ?? []).join(', ')} FROM ${name} ORDER BY ${order}`);
}

async function revision(connection: Connection): Promise<string> {
  const [row] = await connection.query('SELECT COALESCE(MAX(id), 0) AS revision FROM changes');
  const text = row?.['revision'] ?? '';
  if (!/^[0-9]+$/.test(text)) throw new CmdbError(`${connection.address}: the change log has no position: is it a MySQL or MariaDB server?`);
  return text;
}
