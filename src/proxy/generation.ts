/** What fc-proxy knows of a generation while it runs here. Activator changes it; Exchange reads it. */
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { Alarm, Clock } from './clock.ts';
import type { Entry } from './entry.ts';
import type { Part } from './start-parts.ts';
import type { Tally } from './tally.ts';
import { Upstream } from './upstream.ts';

/** What a request waited for. */
export interface Waited {
  /** Whether it was for a start; a mere renewal is not worth telling. */
  readonly cold: boolean;
  /** Milliseconds until the start had its turn, and that the start took from then (or from the request's arrival) on. */
  readonly queueMs: number;
  readonly startMs: number;
  /** Where the time of the start went, where systemd has told. Who came while it was under way has waited for its last parts only. */
  readonly parts?: readonly Part[];
}

export interface Waiter {
  readonly since: number;
  readonly resolve: (waited: Waited) => void;
  readonly reject: (error: Error) => void;
}

/** A job under way, however many wait for it. */
export interface Flight {
  /** Whether the app is believed asleep. */
  readonly cold: boolean;
  /** Whether it is one of the starts that are made a few at a time. */
  readonly queues: boolean;
  /** Whether the host's desk gave, or is to give, it its turn. */
  turn: boolean;
  readonly since: number;
  /** The request that was the first to wait for it; null: none does. */
  readonly asked: Entry | null;
  /** When the start began, here or in another process; null: it still queues. */
  sentAt: number | null;
  readonly waiters: Set<Waiter>;
}

export class Generation {
  spec: SnapshotGeneration;
  /** Of its app. */
  readonly tally: Tally;
  upstream: Upstream;
  /** When the lease began; null: none held. */
  grantedAt: number | null = null;
  /** Whether a connection, or systemd, said that the container may be gone: the lease counts for nothing until it is renewed. */
  doubted = false;
  /** Leases granted so far. An attempt that fails under the n-th says nothing against the n+1-th. */
  epoch = 0;
  /** Times that its container was seen to have ended. */
  ends = 0;
  /** The start of its socket unit under way. */
  opening: Promise<void> | null = null;
  /** How long its last start took from its turn on, in milliseconds, as far as this process knows. */
  startMs: number | null = null;
  /** Whether systemd had it running before we first asked. */
  foundAwake = false;
  /** Requests and upgraded connections that are being forwarded. */
  inFlight = 0;
  lastUse = 0;
  /** Serves no more: a newer generation does, or the app has left this host. */
  retired = false;
  flight: Flight | null = null;
  /** Ends the watch over the container. */
  unwatch: (() => void) | null = null;
  alarm: Alarm | null = null;

  constructor(spec: SnapshotGeneration, tally: Tally, clock: Clock) {
    this.spec = spec;
    this.tally = tally;
    this.upstream = new Upstream(spec, clock);
  }

  /** Milliseconds a lease lasts. */
  get leaseMs(): number {
    return this.spec.leaseS === null ? Infinity : this.spec.leaseS * 1000;
  }
}
