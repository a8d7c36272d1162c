/** Connections to one generation: pooled, and worthless once its container has ended. */
import { connect, type Socket } from 'node:net';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { Alarm, Clock } from './clock.ts';
import { Pool, type Connected } from './wire/pool.ts';
import { WireClosed } from './wire/wire.ts';

/** How a generation is reached. */
export type Path =
  /** Straight to the app, at its own address. */
  | 'direct'
  /** Through systemd's socket and the gate: for apps that listen on loopback only. */
  | 'socket';

/** How long an app may say nothing before its request is given up: longer than any long poll, shorter than for ever. */
export const SILENCE_MS = 3_600_000;

const CONNECT_TIMEOUT_MS = 5000;

/** After this long without a byte, TCP asks whether the app is still there. */
const TCP_KEEP_ALIVE_MS = 60_000;

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
    const where = path === 'socket' ? { path: socketPath } : { host: address, port };
    return new Pool({
      connect: (onread, connected) => {
        const socket = connect({ ...where, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS });
        whenConnected(socket, this.#clock, connected);
      },
      clock: this.#clock,
      idleMs: KEEP_ALIVE_MS,
      marginMs: KEEP_ALIVE_MS,
      silenceMs: SILENCE_MS,
    });
  }

  /** The container has ended: nothing new goes to it, what it still answers may finish. */
  containerEnded(): void {
    this.#drop();
    for (const pool of Object.values(this.#pools)) {
      this.#ended.push(pool);
      pool.close();
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
    for (const pool of this.#ended) pool.destroy(new WireClosed('the container has ended'));
    this.#ended = [];
  }
}

function whenConnected(socket: Socket, clock: Clock, connected: Connected): void {
  const settle = (): void => {
    alarm.cancel();
    socket.removeListener('error', fail).removeListener('connect', done);
  };
  const fail = (error: Error): void => {
    settle();
    socket.on('error', () => undefined).destroy();
    connected(error, null);
  };
  const done = (): void => {
    settle();
    connected(null, socket);
  };
  const alarm = clock.after(CONNECT_TIMEOUT_MS, () => { fail(new WireClosed(`no connection within ${CONNECT_TIMEOUT_MS} ms`, 'ETIMEDOUT')); });
  socket.once('error', fail).once('connect', done);
}
