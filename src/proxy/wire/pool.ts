/** The connections to one place: a free one for each request, or a new one; idle ones are closed soon. */
import type { OnReadOpts, Socket } from 'node:net';
import { asError } from '../as-error.ts';
import type { Alarm, Clock } from '../clock.ts';
import { atTurnEnd, type Task } from '../turn.ts';
import { headOf, type Request } from './request.ts';
import { Wire, WireClosed, type Answered, type Sending, type WireOwner } from './wire.ts';

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

export class Pool implements WireOwner, Task {
  readonly #options: PoolOptions;
  readonly #wires = new Set<Wire>();
  /** Requests that get a connection at the end of this turn, … */
  #new: Sending[] = [];
  /** … and those that wait until one is made. */
  readonly #connecting = new Set<Sending>();
  /** The one that became free last is used first. */
  readonly #free: Wire[] = [];
  #alarm: Alarm | null = null;
  /** Whether it takes no more requests, and why those under way were broken off; null: they were not. */
  closed = false;
  #destroyed: Error | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Sends a request at the end of this turn; what becomes of it is told to `answered`. By then it is known which
   * connections the other side has closed before the request came: it gets none of those.
   */
  dispatch(request: Request, answered: Answered): void {
    try {
      if (this.closed) throw this.#destroyed ?? new WireClosed('the connections have been closed');
      if (this.#new.push({ request, head: headOf(request), answered }) === 1) atTurnEnd(this);
    } catch (error) {
      answered.failed(asError(error));
    }
  }

  turnEnds(): void {
    const sendings = this.#new;
    this.#new = [];
    for (const sending of sendings) {
      const wire = this.#free.pop();
      if (wire === undefined) this.#connect(sending);
      else wire.send(sending);
    }
  }

  #connect(sending: Sending): void {
    const wire = new Wire(this);
    this.#connecting.add(sending);
    this.#options.connect(wire.onread, (error, socket) => {
      if (!this.#connecting.delete(sending)) {
        socket?.on('error', () => undefined).destroy();
      } else if (error !== null) {
        sending.answered.failed(error);
      } else {
        this.#wires.add(wire);
        wire.connected(socket, this.#options.silenceMs);
        wire.send(sending);
      }
    });
  }

  /** Takes no more requests; those it has may finish. */
  close(): void {
    this.closed = true;
    this.#alarm?.cancel();
    for (const wire of this.#free.splice(0)) wire.abort(new WireClosed('the connections are closed'));
  }

  /** Breaks off what is under way. */
  destroy(error: Error): void {
    this.close();
    this.#destroyed = error;
    for (const wire of [...this.#wires]) wire.abort(error);
    const waiting = [...this.#new, ...this.#connecting];
    this.#new = [];
    this.#connecting.clear();
    for (const { answered } of waiting) answered.failed(error);
  }

  free(wire: Wire): void {
    const { clock, idleMs, marginMs } = this.#options;
    if (this.closed || (wire.hintS !== null && wire.hintS * 1000 - marginMs < idleMs)) {
      wire.abort(new WireClosed('the connection is not used again'));
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
      oldest.abort(new WireClosed('the connection is not used again'));
      oldest = this.#free[0];
    }
    this.#alarm = oldest === undefined ? null : clock.after(oldest.freeSince + idleMs - now, () => { this.#sweep(); });
  }
}
