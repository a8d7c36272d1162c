import type { Connection } from './connection.ts';
import { CmdbError, isServerError } from './error.ts';
import { SCHEMA_VERSION } from './schema.ts';

/** The schema's version; 0: there is none yet. */
export async function schemaVersion(connection: Connection): Promise<number> {
  try {
    const [row] = await connection.query('SELECT COALESCE(MAX(version), 0) AS version FROM schema_versions');
    const version = row?.['version'] ?? '';
    if (!/^[0-9]{1,9}$/.test(version)) throw new CmdbError(`${connection.address}: schema_versions has a version that is no number: run fc-sync migrate`);
    return Number(version);
  } catch (error) {
    if (isServerError(error, 'ER_NO_SUCH_TABLE')) return 0;
    throw error;
  }
}

/** @throws CmdbError unless the schema is the one this program reads */
export async function requireSchema(connection: Connection): Promise<void> {
  const version = await schemaVersion(connection);
  if (version === SCHEMA_VERSION) return;
  const what = version === 0 ? 'the database has no FastContainer schema' : `the schema is of version ${version}, and this fc-sync reads ${SCHEMA_VERSION}`;
  throw new CmdbError(`${connection.address}: ${what}: ${version > SCHEMA_VERSION ? 'upgrade fc-sync' : 'run fc-sync migrate'}`);
}
