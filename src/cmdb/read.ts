import type { Row, Rows } from '../model/rows.ts';
import type { Connection } from './connection.ts';
import { CmdbError } from './error.ts';
import { type History, type Mark, REMEMBERED, spanOf, type Standing } from './history.ts';
import { sameRows } from './same-rows.ts';
import { READ_COLUMNS } from './schema.ts';
import { requireSchema } from './version.ts';

/** The rows of one moment, and where in which history that moment is. */
export interface Reading extends Rows {
  readonly history: History;
}

/**
 * Reads the whole CMDB as of one moment. SELECT on the database is enough.
 * `standing`: what the reader has applied, so that it can tell whether this is older.
 * `before`: what was read last; rows that say the same are the same objects.
 * @throws CmdbError; the connection can be used again if it is alive
 */
export function readRows(connection: Connection, standing: Standing | null = null, before: Rows | null = null): Promise<Reading> {
  return asOfOneMoment(connection, async () => await everything(connection, await readHistory(connection, standing), before));
}

/** Only where in its history the CMDB is, without the rows. @throws CmdbError */
export function readPlace(connection: Connection, standing: Standing | null): Promise<History> {
  return asOfOneMoment(connection, () => readHistory(connection, standing));
}

/** More names than this are not worth asking for one by one. */
const MOST_NAMES = 500;

/**
 * The same, as of a later moment than `before`, reading again only the rows of apps that changed in between: those that
 * the change log has more of than it had then, and `touched`. Rows that did not change are the same objects as before.
 */
export function readChanged(connection: Connection, standing: Standing | null, before: Reading, touched: ReadonlySet<string>): Promise<Reading> {
  return asOfOneMoment(connection, async () => {
    const history = await readHistory(connection, standing);
    const since = await touchedSince(connection, before.history, history);
    const names = since === null ? null : [...new Set([...since, ...touched])];
    if (names === null || names.length > MOST_NAMES) return await everything(connection, history, before);
    if (names.length === 0) return { ...before, revision: revisionOf(history), history };
    const named = new Set(names);
    const again = async (table: 'apps' | 'domains' | 'placements', column: 'name' | 'app'): Promise<readonly Row[]> => {
      const isNamed = (row: Row): boolean => named.has(row[column] ?? '');
      const found = await select(connection, table, `WHERE ${column} IN (${names.map(() => '?').join(', ')})`, names);
      // To the database, blanks at the end make no other name.
      return [...before[table].filter((row) => !isNamed(row)), ...found.filter(isNamed)];
    };
    return {
      hosts: before.hosts,
      apps: await again('apps', 'name'),
      domains: await again('domains', 'app'),
      placements: await again('placements', 'app'),
      revision: revisionOf(history),
      history,
    };
  });
}

/** Apps that the change log names since `before`; null: that does not say everything, or a host was touched (renamed, say, with all its placements). */
async function touchedSince(connection: Connection, before: History, now: History): Promise<readonly string[] | null> {
  const seen = new Set(before.newest.map(({ id }) => id));
  const fresh = now.newest.filter(({ id }) => !seen.has(id)).map(({ id }) => id);
  const [first] = fresh;
  if (before.origin !== now.origin) return null;
  if (first === undefined) return [];
  // All that is remembered is new: there may be more before it.
  if (fresh.length === now.newest.length && now.newest.length >= REMEMBERED) return null;
  const entries = await connection.query('SELECT id, tbl, name FROM changes WHERE id >= ?', [first]);
  const wanted = new Set(fresh.map(String));
  const news = entries.filter(({ id }) => wanted.has(id ?? ''));
  if (news.length < fresh.length || news.some(({ tbl }) => tbl === 'hosts')) return null;
  return news.map(({ name }) => name ?? '');
}

/** @throws CmdbError; the connection can be used again if it is alive */
export async function asOfOneMoment<T>(connection: Connection, read: () => Promise<T>): Promise<T> {
  // Whatever the server's default: READ COMMITTED would show each query another moment.
  await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  try {
    await requireSchema(connection);
    return await read();
  } finally {
    // Failing here would hide why the read failed.
    if (connection.alive) await connection.query('ROLLBACK').catch(() => { connection.destroy(); });
  }
}

async function everything(connection: Connection, history: History, before: Rows | null): Promise<Reading> {
  // One after the other: what was read before is let go before more comes.
  const all = async (table: Table, order: string): Promise<readonly Row[]> => sameRows(await select(connection, table, `ORDER BY ${order}`), before?.[table] ?? [], KEYS[table]);
  return {
    hosts: await all('hosts', 'name'),
    apps: await all('apps', 'name'),
    domains: await all('domains', 'fqdn'),
    placements: await all('placements', 'app, host'),
    revision: revisionOf(history),
    history,
  };
}

type Table = 'hosts' | 'apps' | 'domains' | 'placements';

/** What names a row. */
const KEYS: Readonly<Record<Table, (row: Row) => string>> = {
  hosts: (row) => row['name'] ?? '',
  apps: (row) => row['name'] ?? '',
  domains: (row) => row['fqdn'] ?? '',
  placements: (row) => `${row['app']}/${row['host']}`,
};

function revisionOf({ newest }: History): string {
  return String(newest.at(-1)?.id ?? 0n);
}

/** @param which of the rows: what follows `FROM table` */
export function select(connection: Connection, table: string, which: string, values: readonly string[] = []): Promise<readonly Row[]> {
  return connection.query(`SELECT ${(READ_COLUMNS.get(table) ?? []).join(', ')} FROM ${table} ${which}`, values);
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
