/** Follows the change log, for `fc-sync --watch`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { LogCursor, type LogEntry } from './cursor.ts';
import { CmdbError } from './error.ts';

/** A little over half a second: two queries a second at most, and a change is seen within one. */
const POLL_MS = 550;
const POLL_TIMEOUT_MS = 5_000;
/** Entries of one answer; more are asked for at once. */
const PAGE = 10_000;
/** How far back the log is searched, at the start, for ids that have not come yet. */
const LOOK_BACK = 1_000;
const BACKOFF_MS = { first: 500, most: 5_000 };

/** What has changed since the last call. */
export interface Change {
  /** Everything may have: the first look, the database was away, or its log is another one. */
  readonly full: boolean;
  readonly apps: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
}

export interface FollowOptions {
  readonly connect: () => Promise<Connection>;
  /** Ends follow(); an onChange under way is waited for. */
  readonly signal: AbortSignal;
  /**
   * Called at the start, and then for what has been committed since; awaited
   * before the next look, so what happens meanwhile comes together in one call.
   * It may use the connection. When it throws a CmdbError, the database counts
   * as lost, and the call is repeated, with `full`, until it succeeds.
   */
  readonly onChange: (change: Change, connection: Connection) => Promise<void>;
  /** Called when the database is lost, and again when the reason is another one. */
  readonly onLost: (error: CmdbError) => void;
  /** Called when the database is back: connected, and onChange has succeeded. */
  readonly onReturn: () => void;
}

const EVERYTHING: Change = { full: true, apps: new Set(), hosts: new Set() };

/**
 * Follows the change log until `signal` is aborted, and connects again
 * whenever the database is lost.
 * @throws what onChange throws, if that is no CmdbError
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { signal } = options;
  let lost: string | null = null;
  let backoffMs = BACKOFF_MS.first;
  const recovered = (): void => {
    if (lost !== null) options.onReturn();
    lost = null;
    backoffMs = BACKOFF_MS.first;
  };
  while (!signal.aborted) {
    try {
      await session(options, recovered);
    } catch (error) {
      if (!(error instanceof CmdbError)) throw error;
      if (signal.aborted) return;
      if (lost !== error.message) options.onLost(error);
      lost = error.message;
      // Spread, so that a fleet does not come back all at once.
      await pause(backoffMs * (0.75 + Math.random() / 2), signal);
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.most);
    }
  }
}

/** One connection's life. Returns when aborted, throws when lost. */
async function session({ connect, signal, onChange }: FollowOptions, recovered: () => void): Promise<void> {
  const connection = await connect().catch((cause: unknown) => {
    // A password file that is just being replaced, for one.
    throw cause instanceof CmdbError || !(cause instanceof Error) ? cause : new CmdbError(cause.message, { cause });
  });
  try {
    // The place in the log comes first: what is committed after it is seen as a change, what was before, by onChange.
    let cursor = await interruptible(connection, signal, () => logEnd(connection));
    await onChange(EVERYTHING, connection);
    recovered();
    let lookedAt = performance.now();
    while (!signal.aborted) {
      await pause(lookedAt + POLL_MS - performance.now(), signal);
      if (signal.aborted) return;
      lookedAt = performance.now();
      const changed = await interruptible(connection, signal, () => look(connection, cursor));
      if (changed === null) {
        cursor = await interruptible(connection, signal, () => logEnd(connection));
        await onChange(EVERYTHING, connection);
      } else if (changed.apps.size + changed.hosts.size > 0) {
        await onChange(changed, connection);
      }
    }
  } finally {
    connection.close();
  }
}

/** What is new in the log; null when it is not the log it was. */
async function look(connection: Connection, cursor: LogCursor): Promise<Change | null> {
  const apps = new Set<string>();
  const hosts = new Set<string>();
  for (;;) {
    const { sql, values } = cursor.where();
    const entries = await read(connection, `SELECT id, tbl, name FROM changes WHERE ${sql} ORDER BY id LIMIT ${PAGE}`, values);
    const fresh = cursor.take(entries, performance.now());
    if (fresh === null) return null;
    for (const { tbl, name } of fresh) (tbl === 'hosts' ? hosts : apps).add(name);
    if (entries.length < PAGE) return { full: false, apps, hosts };
  }
}

/** A place at the end of the log. */
async function logEnd(connection: Connection): Promise<LogCursor> {
  const last = await read(connection, `SELECT id, tbl, name FROM changes ORDER BY id DESC LIMIT ${LOOK_BACK}`, []);
  return new LogCursor(last.map(({ id }) => id).reverse(), last.length < LOOK_BACK, performance.now());
}

async function read(connection: Connection, sql: string, values: readonly bigint[]): Promise<readonly LogEntry[]> {
  const rows = await connection.query(sql, values, POLL_TIMEOUT_MS);
  return rows.map(({ id, tbl, name }) => {
    if (!/^[0-9]+$/.test(id ?? '')) throw new CmdbError(`${connection.address}: the change log has an id that is no number: run fc-sync migrate`);
    return { id: BigInt(id ?? ''), tbl: tbl ?? '', name: name ?? '' };
  });
}

/** Ends the connection when aborted: nobody waits for a slow database in order to stop. */
async function interruptible<T>(connection: Connection, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const stop = (): void => { connection.destroy(); };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  try {
    return await ask();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
