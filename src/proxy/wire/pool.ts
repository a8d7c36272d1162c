/** The connections to one place: a free one for each request, or a new one; idle ones are closed soon. */
import type { OnReadOpts, Socket } from 'node:net';
import type { Alarm, Clock } from '../clock.ts';
import { headOf, type Request } from './request.ts';
import { Wire, WireClosed, type Answered, type WireOwner } from './wire.ts';

/** Gets a connection, or why there is none. */
export type Connected = (...result: [null, Socket] | [Error, null]) => void;

export interface PoolOptions {
  /** Makes a connection that reads as `onread` says. */
  readonly connect: (onread: OnReadOpts, connected: Connected) => void;
  readonly clock: Clock;
  /** An idle connection is closed after this, … */
  readonly idleMs: number;
  /** … and this long before the server closes it, if that says when. */
  readonly marginMs: number;
  /** How long the other side may say nothing while it has a request. */
  readonly silenceMs: number;
}

export class Pool implements WireOwner {
  readonly #options: PoolOptions;
  readonly #wires = new Set<Wire>();
  /** Those who wait for a connection. */
  readonly #waiting = new Set<Answered>();
  /** The one that became free last is used first. */
  readonly #free: Wire[] = [];
  #alarm: Alarm | null = null;
  /** Whether it takes no more requests, and why those under way were broken off; null: they were not. */
  closed = false;
  #destroyed: Error | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Sends a request; what becomes of it is told to `answered`. */
  dispatch(request: Request, answered: Answered): void {
    let head: string;
    try {
      if (this.closed) throw this.#destroyed ?? new WireClosed('the connections have been closed', 'ECONNRESET');
      head = headOf(request);
    } catch (error) {
      answered.failed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const wire = this.#free.pop();
    if (wire !== undefined) {
      wire.send(request, head, answered);
      return;
    }
    const made = new Wire(this);
    this.#waiting.add(answered);
    this.#options.connect(made.onread, (error, socket) => {
      if (!this.#waiting.delete(answered)) {
        socket?.on('error', () => undefined).destroy();
      } else if (error !== null) {
        answered.failed(error);
      } else {
        this.#wires.add(made);
        made.connected(socket, this.#options.silenceMs);
        made.send(request, head, answered);
      }
    });
  }

  /** Takes no more requests; those under way may finish. */
  close(): void {
    this.closed = true;
    this.#alarm?.cancel();
    for (const wire of this.#free.splice(0)) wire.abort(new WireClosed('the connections are closed', 'ECONNRESET'));
  }

  /** Breaks off what is under way. */
  destroy(error: Error): void {
    this.close();
    this.#destroyed = error;
    for (const wire of [...this.#wires]) wire.abort(error);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const answered of waiting) answered.failed(error);
  }

  free(wire: Wire): void {
    const { clock, idleMs, marginMs } = this.#options;
    if (this.closed || (wire.hintS !== null && wire.hintS * 1000 - marginMs < idleMs)) {
      wire.abort(new WireClosed('the connection is not used again', 'ECONNRESET'));
      return;
    }
    wire.freeSince = clock.now();
    this.#free.push(wire);
    this.#alarm ??= clock.after(idleMs, () => { this.#sweep(); });
  }

  gone(wire: Wire): void {
    this.#wires.delete(wire);
    const at = this.#free.indexOf(wire);
    if (at >= 0) this.#free.splice(at, 1);
  }

  /** Closes those that have been idle for long: the first ones, as the last are used first. */
  #sweep(): void {
    const { clock, idleMs } = this.#options;
    const now = clock.now();
    let oldest = this.#free[0];
    while (oldest !== undefined && now - oldest.freeSince >= idleMs) {
      oldest.abort(new WireClosed('the connection is not used again', 'ECONNRESET'));
      oldest = this.#free[0];
    }
    this.#alarm = oldest === undefined ? null : clock.after(oldest.freeSince + idleMs - now, () => { this.#sweep(); });
  }
}
