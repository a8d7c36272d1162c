/**
 * Brings the schema of a database up to date.
 *
 * MySQL commits each DDL statement by itself, so a migration can stop half
 * way. Therefore every statement can be run again: CREATE TABLE IF NOT EXISTS,
 * DROP TRIGGER IF EXISTS before CREATE TRIGGER, and of the others "it is so
 * already" (below) is no error. The version is recorded after the last one.
 */
import type { Connection } from './connection.ts';
import { CmdbError, cmdbError, isServerError } from './error.ts';
import { loadMigrations, SCHEMA_COLUMNS, SCHEMA_VERSION, TRIGGERS, type Migration } from './schema.ts';
import { schemaVersion } from './version.ts';

const ALREADY_SO = ['ER_DUP_FIELDNAME', 'ER_DUP_KEYNAME', 'ER_FK_DUP_NAME', 'ER_CANT_DROP_FIELD_OR_KEY'];

/** How long to wait for another migrate, and for transactions that hold the tables. */
const LOCK_TIMEOUT_S = 60;
/** An ALTER copies the whole table. */
const STATEMENT_TIMEOUT_MS = 600_000;

export interface Migrated {
  /** The version before; 0: there was none. */
  readonly from: number;
  readonly to: number;
  /** Files that were run, in order; those of older versions too when something of them was missing. */
  readonly ran: readonly string[];
}

/**
 * Creates or upgrades the schema. Can be repeated, also by several at once:
 * the second waits for the first and finds nothing to do.
 * @throws CmdbError
 */
export async function migrate(connection: Connection, migrations: readonly Migration[] = loadMigrations()): Promise<Migrated> {
  // Locks have one name space for the whole server, and at most 64 characters.
  const lock = "CONCAT('fc-migrate-', SHA1(DATABASE()))";
  const [got] = await connection.query(`SELECT GET_LOCK(${lock}, ${LOCK_TIMEOUT_S}) AS got`, [], (LOCK_TIMEOUT_S + 10) * 1000);
  if (got?.['got'] !== '1') {
    throw new CmdbError(`${connection.address}: another fc-sync migrate has been at work for ${LOCK_TIMEOUT_S} s: try again once it has ended`);
  }
  try {
    return await migrateLocked(connection, migrations);
  } finally {
    if (connection.alive) await connection.query(`DO RELEASE_LOCK(${lock})`);
  }
}

async function migrateLocked(connection: Connection, migrations: readonly Migration[]): Promise<Migrated> {
  // Triggers keep the mode they were created under.
  await connection.query("SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'");
  await connection.query(`SET SESSION lock_wait_timeout = ${LOCK_TIMEOUT_S}`);
  await connection.query(`CREATE TABLE IF NOT EXISTS schema_versions (
    version INT NOT NULL,
    name VARCHAR(255) NOT NULL,
    applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (version)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);

  const from = await schemaVersion(connection);
  if (from > SCHEMA_VERSION) {
    throw new CmdbError(`${connection.address}: the schema is of version ${from}, and this fc-sync knows ${SCHEMA_VERSION}: upgrade fc-sync`);
  }
  const ran: string[] = [];
  const run = async (pending: readonly Migration[]): Promise<void> => {
    for (const migration of pending) {
      await runOne(connection, migration);
      ran.push(migration.name);
    }
  };
  await run(migrations.filter(({ version }) => version > from));
  const to = await schemaVersion(connection);
  // Somebody has dropped something, or taken a table's name first.
  if (to === SCHEMA_VERSION && (await missing(connection)).length > 0) {
    await run(migrations);
    await requireComplete(connection);
  }
  return { from, to, ran };
}

async function runOne(connection: Connection, { version, name, statements }: Migration): Promise<void> {
  for (const statement of statements) {
    try {
      await connection.query(statement, [], STATEMENT_TIMEOUT_MS);
    } catch (error) {
      if (isServerError(error, ...ALREADY_SO)) continue;
      // It changes a column that no statement has made, as the table was there before.
      if (isServerError(error, 'ER_BAD_FIELD_ERROR')) await requireComplete(connection);
      throw cmdbError(`migration ${name} failed`, error);
    }
  }
  await connection.query(
    'INSERT INTO schema_versions (version, name) VALUES (?, ?) ON DUPLICATE KEY UPDATE name = ?', [version, name, name]);
}

async function requireComplete(connection: Connection): Promise<void> {
  const lacks = await missing(connection);
  if (lacks.length === 0) return;
  throw new CmdbError(`${connection.address}: the schema lacks ${lacks.join(', ')}: is a table of that name in the database that is not FastContainer's? Give FastContainer a database of its own, or rename that table`);
}

/** What the schema should have and has not: `apps.image`, `trigger fc_apps_insert`. */
async function missing(connection: Connection): Promise<readonly string[]> {
  const columns = await connection.query(
    "SELECT CONCAT(table_name, '.', column_name) AS name FROM information_schema.columns WHERE table_schema = DATABASE()");
  const triggers = await connection.query(
    "SELECT CONCAT('trigger ', trigger_name) AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE()");
  const present = new Set([...columns, ...triggers].map((row) => row['name']));
  return [
    ...[...SCHEMA_COLUMNS].flatMap(([table, names]) => names.map((name) => `${table}.${name}`)),
    ...TRIGGERS.map((name) => `trigger ${name}`),
  ].filter((name) => !present.has(name));
}
