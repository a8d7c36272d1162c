/** Connections to one generation: pooled, and worthless once its container has ended. */
import { isIPv6 } from 'node:net';
import { Pool } from 'undici';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { Alarm, Clock } from './clock.ts';

/** How a generation is reached. */
export type Path =
  /** Straight to the app, at its own address. */
  | 'direct'
  /** Through systemd's socket and the gate: for apps that listen on loopback only. */
  | 'socket';

/** How long an app may say nothing before its request is given up: longer than any long poll, shorter than for ever. */
export const SILENCE_MS = 3_600_000;

const CONNECT_TIMEOUT_MS = 5000;

/**
 * Idle connections are closed soon: an app that closes them first could do so
 * while a request is on its way, and through the gate an open one would keep
 * the app awake (systemd#23320). A shorter Keep-Alive hint of the app wins.
 */
const KEEP_ALIVE_MS = 1000;

/** How long the connections of an ended container may still be open: its stop may be letting answers finish. */
const LINGER_MS = 60_000;

export class Upstream {
  readonly #spec: SnapshotGeneration;
  readonly #clock: Clock;
  #pools: Partial<Record<Path, Pool>> = {};
  /** Pools of the container that ended last, finishing. */
  #ended: Pool[] = [];
  #linger: Alarm | null = null;
  /** Whether the app has answered at its own address. */
  directWorks = false;
  /** The way that works; found out by the first visit (visit.ts) and remembered for the generation. */
  path: Path = 'direct';

  constructor(spec: SnapshotGeneration, clock: Clock) {
    this.#spec = spec;
    this.#clock = clock;
  }

  /** Whether connections for this description of the generation go where these go. */
  reaches({ address, port, socketPath }: SnapshotGeneration): boolean {
    return address === this.#spec.address && port === this.#spec.port && socketPath === this.#spec.socketPath;
  }

  /** The pool for the present container. */
  pool(path: Path): Pool {
    return this.#pools[path] ??= this.#open(path);
  }

  #open(path: Path): Pool {
    const { address, port, socketPath } = this.#spec;
    const host = isIPv6(address) ? `[${address}]` : address;
    return new Pool(`http://${host}:${port}`, {
      ...(path === 'socket' ? { socketPath } : {}),
      pipelining: 1,
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MS,
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
      maxHeaderSize: 65536,
    });
  }

  /** The container has ended: nothing new goes to it, what it still answers may finish. */
  containerEnded(): void {
    this.#drop();
    for (const pool of Object.values(this.#pools)) {
      this.#ended.push(pool);
      pool.close(() => undefined);
    }
    this.#pools = {};
    if (this.#ended.length > 0) this.#linger = this.#clock.after(LINGER_MS, () => { this.#drop(); });
  }

  /** The container runs: one before it is gone for good, so a connection to it that is still open never answers. */
  containerStarted(): void {
    if (this.#ended.length > 0) this.#drop();
  }

  /** No request is left and none will come. */
  close(): void {
    this.containerEnded();
    this.#drop();
  }

  #drop(): void {
    this.#linger?.cancel();
    this.#linger = null;
    for (const pool of this.#ended) pool.destroy(new Error('the container has ended'), () => undefined);
    this.#ended = [];
  }
}
