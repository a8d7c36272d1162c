/** One connection to the CMDB: every value as text, every query with a deadline, every failure a CmdbError. */
import { createConnection, type ConnectionOptions } from 'mysql2';
import { addressText, type CmdbAddress } from '../config/cmdb-address.ts';
import type { Row } from '../model/rows.ts';
import { CmdbError, cmdbError } from './error.ts';

type Driver = ReturnType<typeof createConnection>;

/** How long a query may take, unless it says otherwise. */
export const QUERY_TIMEOUT_MS = 30_000;
/** How long the server has to confirm that we leave. */
const CLOSE_TIMEOUT_MS = 1_000;

function driverOptions(address: CmdbAddress, password: string | undefined): ConnectionOptions {
  return {
    ...(address.socketPath === null ? { host: address.host, port: address.port } : { socketPath: address.socketPath }),
    user: address.user,
    database: address.database,
    ...(password === undefined ? {} : { password }),
    charset: 'utf8mb4',
    // None: it does not end every silence (a server that is none and hangs up). The deadline is #login's.
    connectTimeout: 0,
    // The text protocol sends every value as text; JSON columns call themselves binary (MySQL) or text (MariaDB).
    typeCast: (field) => field.string('utf8'),
    disableEval: true,
    flags: ['-LOCAL_FILES'],
  };
}

export class Connection {
  /** What the connection is called in messages. */
  readonly address: string;
  readonly #driver: Driver;
  readonly #pending = new Set<(error: CmdbError) => void>();
  #loggedIn = false;
  #lost: CmdbError | null = null;

  private constructor(address: string, driver: Driver) {
    this.address = address;
    this.#driver = driver;
    // Some errors are told here only, and not to the login or query that waits.
    driver.on('error', (error: unknown) => { this.#lose(cmdbError(this.#loggedIn ? `${address}: lost the connection` : address, error)); });
    driver.on('end', () => {
      this.#lose(new CmdbError(this.#loggedIn
        ? `${address}: lost the connection: the server closed it`
        : `${address}: the server closed the connection before the login: is it a MySQL or MariaDB server?`));
    });
  }

  /**
   * Connects and logs in.
   * @throws CmdbError, at the latest after twice `timeoutMs`
   */
  static async open(address: CmdbAddress, password: string | undefined, timeoutMs: number): Promise<Connection> {
    // The listeners must be there before anything can fail: an 'error' that nobody listens to ends the process.
    const connection = new Connection(addressText(address), createConnection(driverOptions(address, password)));
    try {
      await connection.#login(timeoutMs);
      // To mysql2 a stream of zeros is a server that lets everyone in.
      const [row] = await connection.query('SELECT CONNECTION_ID() AS id', [], timeoutMs);
      if (/^[1-9][0-9]*$/.test(row?.['id'] ?? '')) return connection;
      throw new CmdbError(`${connection.address}: no answer that makes sense: is it a MySQL or MariaDB server?`);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async #login(timeoutMs: number): Promise<void> {
    await this.#within<undefined>(timeoutMs, `no login within ${timeoutMs} ms: is it a MySQL or MariaDB server?`, (resolve, reject) => {
      this.#driver.connect((error) => {
        if (error === null) resolve(undefined);
        else reject(cmdbError(this.address, error));
      });
    });
    this.#loggedIn = true;
  }

  /** What `start` comes to, unless the connection is lost before; after `timeoutMs` it is, as `late`. */
  #within<T>(timeoutMs: number, late: string, start: (resolve: (value: T) => void, reject: (error: CmdbError) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost);
        return;
      }
      const timer = setTimeout(() => { this.#lose(new CmdbError(`${this.address}: ${late}`)); }, timeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending.delete(fail);
      };
      const fail = (error: CmdbError): void => {
        settle();
        reject(error);
      };
      this.#pending.add(fail);
      start((value) => {
        settle();
        resolve(value);
      }, fail);
    });
  }

  /** Whether queries can still be asked. */
  get alive(): boolean {
    return this.#lost === null;
  }

  /**
   * Asks one query. Values replace the `?` in it.
   * @returns the rows, none for a statement that has none; every value is text or null
   * @throws CmdbError; when the answer did not come in time, the connection is lost too
   */
  query(sql: string, values: readonly (string | number | bigint)[] = [], timeoutMs = QUERY_TIMEOUT_MS): Promise<readonly Row[]> {
    return this.#within(timeoutMs, `no answer within ${timeoutMs} ms to: ${brief(sql)}`, (resolve, reject) => {
      this.#driver.query({ sql, values: [...values] }, (error, result: unknown) => {
        if (error?.fatal === true) this.#lose(cmdbError(`${this.address}: lost the connection`, error));
        if (error !== null) reject(this.#lost ?? cmdbError(this.address, error));
        else resolve(Array.isArray(result) ? toRows(result) : []);
      });
    });
  }

  /** Takes leave of the server; not waited for. Queries under way fail. */
  close(): void {
    if (this.#lost !== null) return;
    // The server hangs up once it has read the good-bye; destroyed at once, it would log an aborted connection.
    this.#driver.end();
    setTimeout(() => { this.#driver.destroy(); }, CLOSE_TIMEOUT_MS).unref();
    this.#fail(new CmdbError(`${this.address}: the connection has been closed`));
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#lose(new CmdbError(`${this.address}: the connection has been closed`));
  }

  #lose(error: CmdbError): void {
    if (this.#lost !== null) return;
    this.#driver.destroy();
    this.#fail(error);
  }

  #fail(error: CmdbError): void {
    this.#lost = error;
    for (const fail of [...this.#pending]) fail(error);
  }
}

function brief(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim().slice(0, 80);
}

/** What thousands of rows say alike is kept once. */
function toRows(result: readonly unknown[]): readonly Row[] {
  const texts = new Map<string, string>();
  const once = (text: string): string => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  return result.map((row) => toRow(row, once));
}

function toRow(row: unknown, once: (text: string) => string): Row {
  const columns: Record<string, string | null> = {};
  if (typeof row === 'object' && row !== null) {
    const entries: [string, unknown][] = Object.entries(row);
    for (const [name, value] of entries) {
      if (typeof value === 'string') columns[name] = once(value);
      else if (value === null) columns[name] = null;
    }
  }
  return columns;
}
