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

function driverOptions(address: CmdbAddress, password: string | undefined, timeoutMs: number): ConnectionOptions {
  return {
    ...(address.socketPath === null ? { host: address.host, port: address.port } : { socketPath: address.socketPath }),
    user: address.user,
    database: address.database,
    ...(password === undefined ? {} : { password }),
    charset: 'utf8mb4',
    // Until the server has let us in, not only until TCP is connected.
    connectTimeout: timeoutMs,
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
  #lost: CmdbError | null = null;

  private constructor(address: string, driver: Driver) {
    this.address = address;
    this.#driver = driver;
    // Some protocol errors are told here only, and not to the query that waits.
    driver.on('error', (error: unknown) => { this.#lose(cmdbError(`${address}: lost the connection`, error)); });
    driver.on('end', () => { this.#lose(new CmdbError(`${address}: lost the connection: the server closed it`)); });
  }

  /**
   * Connects and logs in.
   * @throws CmdbError, at the latest after `timeoutMs`
   */
  static async open(address: CmdbAddress, password: string | undefined, timeoutMs: number): Promise<Connection> {
    const text = addressText(address);
    const driver = createConnection(driverOptions(address, password, timeoutMs));
    // Must be there before anything can fail: an 'error' without listener ends the process.
    const connection = new Connection(text, driver);
    try {
      await connection.#login(timeoutMs);
    } catch (cause) {
      connection.destroy();
      throw cmdbError(text, timedOut(cause) ? new Error(`no answer within ${timeoutMs} ms`, { cause }) : cause);
    }
    // To mysql2 a stream of zeros is a server that lets everyone in.
    const [row] = await connection.query('SELECT CONNECTION_ID() AS id', [], timeoutMs);
    if (!/^[1-9][0-9]*$/.test(row?.['id'] ?? '')) {
      connection.destroy();
      throw new CmdbError(`${text}: no answer that makes sense: is it a MySQL or MariaDB server?`);
    }
    return connection;
  }

  /** mysql2 stays silent, for ever, when the server says something else than MySQL and hangs up: hence a deadline of our own. */
  #login(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { end(new Error(`no login within ${timeoutMs} ms: is it a MySQL or MariaDB server?`)); }, timeoutMs);
      const end = (error: Error | null): void => {
        clearTimeout(timer);
        this.#pending.delete(end);
        if (error === null) resolve();
        else reject(error);
      };
      this.#pending.add(end);
      this.#driver.connect(end);
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
    return new Promise((resolve, reject) => {
      if (this.#lost !== null) {
        reject(this.#lost);
        return;
      }
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending.delete(fail);
      };
      const fail = (error: CmdbError): void => {
        settle();
        reject(error);
      };
      const timer = setTimeout(() => {
        this.#lose(new CmdbError(`${this.address}: no answer within ${timeoutMs} ms to: ${brief(sql)}`));
      }, timeoutMs);
      this.#pending.add(fail);
      this.#driver.query({ sql, values: [...values] }, (error, result: unknown) => {
        if (error !== null) {
          fail(this.#lost ?? cmdbError(this.address, error));
          return;
        }
        settle();
        resolve(Array.isArray(result) ? result.map((row: unknown) => toRow(row)) : []);
      });
    });
  }

  /** Takes leave of the server; not waited for. Queries under way fail. */
  close(): void {
    if (this.#lost !== null) return;
    this.#driver.end(() => { this.#driver.destroy(); });
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

function timedOut(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT';
}

function brief(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim().slice(0, 80);
}

function toRow(row: unknown): Row {
  const columns: Record<string, string | null> = {};
  if (typeof row === 'object' && row !== null) {
    const entries: [string, unknown][] = Object.entries(row);
    for (const [name, value] of entries) {
      if (typeof value === 'string' || value === null) columns[name] = value;
    }
  }
  return columns;
}
