/** Looks at each address of the CMDB by itself: whether it lets us in, what it has, and what we may do there. */
import { requireNewer } from '../cmdb/accept.ts';
import { Connection } from '../cmdb/connection.ts';
import { CmdbError } from '../cmdb/error.ts';
import type { Standing } from '../cmdb/history.ts';
import { readPlace, readRows } from '../cmdb/read.ts';
import { SCHEMA_VERSION } from '../cmdb/schema.ts';
import { schemaVersion } from '../cmdb/version.ts';
import { addressText, type CmdbAddress } from '../config/cmdb-address.ts';
import type { CmdbConfig } from '../config/config.ts';
import { ConfigError } from '../config/error.ts';
import { readPassword } from '../config/password.ts';
import type { Rows } from '../model/rows.ts';
import { readStanding } from '../sync/standing.ts';
import { NotLooked } from './check.ts';

export interface CmdbAddressView {
  readonly address: CmdbAddress;
  readonly text: string;
  /** Why it cannot be used; null: it can. */
  readonly error: string | null;
  /** Null: it was not got that far. */
  readonly schema: number | null;
  /** Lines of SHOW GRANTS. */
  readonly grants: readonly string[];
  /** How far its clock is ahead of the host's, in seconds; null: it was not asked. */
  readonly aheadS: number | null;
  /** Why its rows would not be taken (it is behind, or another database); null: they would. */
  readonly history: string | null;
}

export interface CmdbView {
  readonly addresses: readonly CmdbAddressView[];
  /** Of the first address that can be read. */
  readonly rows: Rows | null;
  /** Owners in uid_ranges; null: they may not be seen. */
  readonly ranges: readonly string[] | null;
}

const TIMEOUT_MS = 3_000;

/** @throws NotLooked without [cmdb] url, or a password file that can be used */
export async function lookAtCmdb({ addresses, passwordFile }: CmdbConfig, standingFile: string): Promise<CmdbView> {
  if (addresses.length === 0) throw new NotLooked('no [cmdb] url is configured (check "config")');
  let password: string | undefined;
  try {
    password = passwordFile === null ? undefined : readPassword(passwordFile);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw permissionOf(cause) ?? new NotLooked('the password of the CMDB cannot be used (check "config")');
  }
  const standing = await readStanding(standingFile);
  const looks = await Promise.all(addresses.map((address) => lookAtOne(address, password, standing)));
  const read = looks.find(({ rows }) => rows !== null);
  return { addresses: looks.map(({ view }) => view), rows: read?.rows ?? null, ranges: read?.ranges ?? null };
}

/** What only root may read is no fault of the file's. */
function permissionOf(error: ConfigError): NotLooked | null {
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && cause.code === 'EACCES' ? new NotLooked('only root may look there') : null;
}

interface Looked {
  readonly view: CmdbAddressView;
  readonly rows: Rows | null;
  readonly ranges: readonly string[] | null;
}

async function lookAtOne(address: CmdbAddress, password: string | undefined, standing: Standing | null): Promise<Looked> {
  const found = { address, text: addressText(address), error: null, schema: null, grants: [], aheadS: null, history: null };
  let connection: Connection;
  try {
    connection = await Connection.open(address, password, TIMEOUT_MS);
  } catch (cause) {
    return { view: { ...found, error: asCmdbError(cause).message }, rows: null, ranges: null };
  }
  try {
    const aheadS = await clockOf(connection);
    const grants = (await connection.query('SHOW GRANTS', [], TIMEOUT_MS)).flatMap((row) => Object.values(row)).filter((line) => line !== null);
    const schema = await schemaVersion(connection);
    const view: CmdbAddressView = { ...found, aheadS, grants, schema };
    if (schema !== SCHEMA_VERSION) return { view, rows: null, ranges: null };
    const history = await historyOf(connection, standing);
    const rows = await readRows(connection, standing);
    const ranges = await connection.query('SELECT app FROM uid_ranges', [], TIMEOUT_MS).then((found) => found.map(({ app }) => app ?? ''), () => null);
    return { view: { ...view, history }, rows, ranges };
  } catch (cause) {
    return { view: { ...found, error: asCmdbError(cause).message }, rows: null, ranges: null };
  } finally {
    connection.close();
  }
}

/** By halves of the time that the answer took; milliseconds do not matter here. */
async function clockOf(connection: Connection): Promise<number | null> {
  const before = Date.now();
  const [row] = await connection.query('SELECT UNIX_TIMESTAMP(NOW(3)) AS now', [], TIMEOUT_MS);
  const seconds = Number(row?.['now'] ?? NaN);
  return Number.isFinite(seconds) ? seconds - (before + Date.now()) / 2000 : null;
}

async function historyOf(connection: Connection, standing: Standing | null): Promise<string | null> {
  const history = await readPlace(connection, standing);
  try {
    requireNewer(standing, history, connection.address);
    return null;
  } catch (cause) {
    return asCmdbError(cause).message;
  }
}

/** @throws what is none */
function asCmdbError(cause: unknown): CmdbError {
  if (cause instanceof CmdbError) return cause;
  throw cause;
}
