/**
 * What this process counts of an app: numbers that are added to, and nothing else, as every request does it. Whoever
 * reports (reporter.ts) reads them about once a second.
 */
import type { RequestSketch } from '../admin/state.ts';
import { COUNT, latencyIndex, noCounts } from '../report/counts.ts';
import type { Entry } from './entry.ts';

export class Tally {
  /** Null: of no app. */
  readonly app: string | null;
  /** Since this process began; see counts.ts. */
  readonly counts = noCounts();
  inFlight = 0;
  /** The request that came last. Only until it is sketched: it holds on to its connection. */
  last: Entry | null = null;
  /** The last request that was sketched. */
  sketch: RequestSketch | null = null;
  /** Where it notes that it has changed, once until that is reported. */
  readonly #changed: Tally[];
  changed = false;

  constructor(app: string | null, changed: Tally[]) {
    this.app = app;
    this.#changed = changed;
  }

  /** A request begins. */
  enters(entry: Entry): void {
    this.inFlight++;
    this.last = entry;
    this.#touch();
  }

  /** A request that began is over, or has gone elsewhere. */
  leaves(): void {
    this.inFlight--;
    this.#touch();
  }

  /** Its answer has begun, `ms` after it came. */
  answered(status: number, ms: number): void {
    this.#add(COUNT.status + Math.min(5, Math.floor(status / 100)), 1);
    this.#add(COUNT.sumMs, ms);
    this.#add(latencyIndex(ms), 1);
    this.#touch();
  }

  /** Its client left before there was an answer. */
  unanswered(): void {
    this.#add(COUNT.status, 1);
    this.#touch();
  }

  started(well: boolean): void {
    this.#add(well ? COUNT.started : COUNT.failed, 1);
    this.#touch();
  }

  #add(at: number, number: number): void {
    this.counts[at] = (this.counts[at] ?? 0) + number;
  }

  #touch(): void {
    if (this.changed) return;
    this.changed = true;
    this.#changed.push(this);
  }
}
