/** What this process counts, and what happened, until fc-admin has heard of it; all of it since the process began. */
import { parseInstance } from '../model/names.ts';
import type { StartEvent } from '../report/happened.ts';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { StartTimes } from '../admin/state.ts';
import type { Clock } from './clock.ts';
import type { Entry } from './entry.ts';
import type { StartFailure } from './failure.ts';
import type { Quarantine } from './quarantine.ts';
import type { Part } from './start-parts.ts';
import { Tally } from './tally.ts';

/** Events that are kept for an fc-admin that is away; what they count is in the tallies, too. */
const EVENTS_KEPT = 200;

export interface Waking {
  readonly queueMs: number;
  readonly startMs: number;
  readonly parts: readonly Part[];
}

export class Books {
  readonly #clock: Clock;
  readonly #changed: Tally[] = [];
  readonly #apps = new Map<string, Tally>();
  #events: (readonly [seq: number, event: StartEvent])[] = [];
  #seq = 0;
  /** Requests passed on to other hosts, and such that are for no app. */
  readonly passed = new Tally(null, this.#changed);
  readonly unrouted = new Tally(null, this.#changed);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the epoch at the beginning of the proxy's clock. */
  get epoch(): number {
    return Date.now() - this.#clock.now();
  }

  /** The tally of an app of this host. It stays as long as this process: what is reported must not fall. */
  of(app: string): Tally {
    let tally = this.#apps.get(app);
    if (tally === undefined) this.#apps.set(app, tally = new Tally(app, this.#changed));
    return tally;
  }

  woke({ instance, id }: SnapshotGeneration, asked: Entry | null, { queueMs, startMs, parts }: Waking): void {
    const app = appOf(instance);
    this.of(app).started(true);
    this.#happened({ kind: 'woke', at: Date.now(), app, generation: id, times: timesOf(queueMs, startMs, parts), request: asked?.sketch(this.epoch) ?? null });
  }

  failed({ instance, id }: SnapshotGeneration, asked: Entry | null, { message, evidence }: StartFailure, { failures, until }: Quarantine): void {
    const app = appOf(instance);
    this.of(app).started(false);
    this.#happened({
      kind: 'start-failed', at: Date.now(), app, generation: id, why: message, evidence, failures,
      retryAt: until > this.#clock.now() ? Math.round(this.epoch + until) : null, request: asked?.sketch(this.epoch) ?? null,
    });
  }

  #happened(event: StartEvent): void {
    this.#events.push([++this.#seq, event]);
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
  }

  /** Lets go of requests that are held only because they were the last. */
  settle(): void {
    const { epoch } = this;
    for (const tally of this.#changed) {
      if (tally.last === null) continue;
      tally.sketch = tally.last.sketch(epoch);
      tally.last = null;
    }
  }

  /** Whether anything has changed since it was taken. */
  get news(): boolean {
    return this.#changed.length > 0;
  }

  /** Up to so many tallies that have changed since they were taken. */
  take(most: number): readonly Tally[] {
    this.settle();
    const taken = this.#changed.splice(0, most);
    for (const tally of taken) tally.changed = false;
    return taken;
  }

  /** All of it is news again. */
  again(): void {
    for (const tally of this.#changed) tally.changed = false;
    this.#changed.length = 0;
    for (const tally of [this.passed, this.unrouted, ...this.#apps.values()]) {
      tally.changed = true;
      this.#changed.push(tally);
    }
  }

  /** With a higher number. */
  eventsAfter(seq: number): readonly (readonly [seq: number, event: StartEvent])[] {
    return this.#events.filter(([number]) => number > seq);
  }
}

export function appOf(instance: string): string {
  return parseInstance(instance)?.app ?? '';
}

const PARTS: Readonly<Record<string, keyof StartTimes>> = { 'fc-systemd': 'systemd', 'fc-net': 'network', 'fc-prepare': 'prepare', 'fc-run': 'podman', 'fc-ready': 'ready' };

function timesOf(queue: number, start: number, parts: readonly Part[]): StartTimes {
  const tenths = (ms: number): number => Math.round(Math.max(0, ms) * 10) / 10;
  return { queue: tenths(queue), start: tenths(start), ...Object.fromEntries(parts.flatMap(({ name, ms }) => {
    const key = PARTS[name];
    return key === undefined ? [] : [[key, tenths(ms)]];
  })) };
}
