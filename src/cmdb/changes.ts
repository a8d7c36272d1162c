/** Follows the change log, for `fc-sync --watch`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../config/error.ts';
import { HistoryError } from './accept.ts';
import type { Connection } from './connection.ts';
import { LogCursor, type LogEntry } from './cursor.ts';
import { CmdbError } from './error.ts';
import type { Reached, Use } from './reach.ts';

/** A little over half a second: two queries a second at most, and a change is seen within one. */
const POLL_MS = 550;
const POLL_TIMEOUT_MS = 5_000;
/** Entries of one answer; more are asked for at once. */
const PAGE = 10_000;
/** How far back the log is searched, at the start, for ids that have not come yet. */
const LOOK_BACK = 1_000;
const BACKOFF_MS = { first: 500, most: 5_000 };
/**
 * After this time all begins anew, from the first address: everything is read, so that what no trigger has seen
 * (TRUNCATE) is found too; and where an address is followed only because an earlier one would not do, it is asked again.
 */
const ANEW_MS = { first: 300_000, other: 60_000 };

/** What has changed since the last call. */
export interface Change {
  /** Everything may have: the first look, the database was away, or its log is another one. */
  readonly full: boolean;
  readonly apps: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
}

export interface FollowOptions {
  /** Finds an address that will do: reach(). */
  readonly reach: <T>(use: Use<T>) => Promise<Reached<T>>;
  /** Ends follow(); an onChange under way is waited for. */
  readonly signal: AbortSignal;
  /**
   * Called at the start, and then for what has been committed since; awaited
   * before the next look, so what happens meanwhile comes together in one call.
   * It may use the connection. When it throws a CmdbError, the address counts
   * as lost, and the call is repeated, with `full` and perhaps for another
   * address, until it succeeds. `adopt`: see Use.
   */
  readonly onChange: (change: Change, connection: Connection, adopt: boolean) => Promise<void>;
  /** Asked before each look: whether what onChange read last holds no more, so that it is to be called for everything. */
  readonly stale?: () => boolean;
  /** Called when a look has found nothing new. */
  readonly onNothing?: () => void;
  /** Called after each try that failed, whether or not the reason is known already. */
  readonly onFailed?: (error: Error) => void;
  /** Called when the database is lost, and again when the reason is another one. */
  readonly onLost: (error: CmdbError) => void;
  /** Called when the database is back: connected, and onChange has succeeded. */
  readonly onReturn: () => void;
  /** Called when another address is followed than before (at the start: than the first), with why not those before it. */
  readonly onMove: (address: string, passedOver: readonly CmdbError[]) => void;
  /** After how long all begins anew, ms. */
  readonly anewMs?: { readonly first: number; readonly other: number };
}

const EVERYTHING: Change = { full: true, apps: new Set(), hosts: new Set() };

/**
 * Follows the change log until `signal` is aborted, and finds an address again
 * whenever the one that was followed is lost.
 * @throws what onChange throws, if that is no CmdbError
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { signal, anewMs = ANEW_MS } = options;
  let lost: string | null = null;
  let backoffMs = BACKOFF_MS.first;
  let followed: string | null = null;
  while (!signal.aborted) {
    try {
      const { connection, first, value: cursor, passedOver } = await options.reach((candidate, adopt) => begin(options, candidate, adopt));
      const { address } = connection;
      if (address !== followed && (followed !== null || !first)) options.onMove(address, passedOver);
      followed = address;
      if (lost !== null) options.onReturn();
      lost = null;
      backoffMs = BACKOFF_MS.first;
      await session(options, connection, cursor, spread(first ? anewMs.first : anewMs.other));
    } catch (error) {
      // A password file that is just being replaced is no end either.
      if (!(error instanceof CmdbError || error instanceof ConfigError)) throw error;
      if (signal.aborted) return;
      // It has gone back while it was followed. Whether another has more, and what to do if none has, reach() tells.
      if (error instanceof HistoryError) continue;
      options.onFailed?.(error);
      const reason = sameness(error);
      if (lost !== reason) options.onLost(error instanceof CmdbError ? error : new CmdbError(error.message, { cause: error }));
      lost = reason;
      await pause(spread(backoffMs), signal);
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.most);
    }
  }
}

/** A fleet does not do the same all at once. */
function spread(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}

/** A reason that tells of progress is another text each time. */
function sameness({ message }: Error): string {
  return message.replace(/change [0-9]+/g, 'change');
}

/** The place in the log comes first: what is committed after it is seen as a change, what was before, by onChange. */
async function begin({ signal, onChange }: FollowOptions, connection: Connection, adopt: boolean): Promise<LogCursor> {
  const cursor = await interruptible(connection, signal, () => logEnd(connection));
  await onChange(EVERYTHING, connection, adopt);
  return cursor;
}

/** Follows one connection for `forMs`. Returns then or when aborted, throws when it is lost. */
async function session({ signal, onChange, onNothing, stale }: FollowOptions, connection: Connection, start: LogCursor, forMs: number): Promise<void> {
  let cursor = start;
  let lookedAt = performance.now();
  const end = lookedAt + forMs;
  try {
    while (lookedAt < end) {
      await pause(lookedAt + POLL_MS - performance.now(), signal);
      if (signal.aborted) return;
      lookedAt = performance.now();
      const changed = stale?.() === true ? null : await interruptible(connection, signal, () => look(connection, cursor));
      if (changed === null) {
        cursor = await interruptible(connection, signal, () => logEnd(connection));
        await onChange(EVERYTHING, connection, false);
      } else if (changed.apps.size + changed.hosts.size > 0) {
        await onChange(changed, connection, false);
      } else {
        onNothing?.();
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
