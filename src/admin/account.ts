/** What fc-admin knows of an app from what processes of fc-proxy report, added up over all of them and all restarts. */
import { COUNT, noCounts, requestsOf, type Counts } from '../report/counts.ts';
import { Recent } from './recent.ts';
import type { RequestSketch, StartsOfApp } from './state.ts';

/** Starts that percentiles are made of. */
const STARTS_KEPT = 100;

export class Account {
  /** Since this host began to count; see report/counts.ts. */
  readonly counts: Counts = noCounts();
  /** In all processes, now. */
  inFlight = 0;
  last: RequestSketch | null = null;
  /** When a container of it was last seen to end, ms since the epoch; 0: not known. */
  sleptAt = 0;
  /** When this host last knew the app, ms since the epoch: rows come back, and bills are written afterwards. */
  knownAt = Date.now();
  /** How long the last cold starts took that succeeded, queue and start, ms; the newest last. */
  readonly startMs: number[] = [];
  /** Null: no request of late. Most apps sleep. */
  #recent: Recent | null = null;
  #starts: StartsOfApp | null = null;

  get requests(): number {
    return requestsOf(this.counts);
  }

  /** Over the last ten seconds. */
  requestsPerS(now: number): number {
    return this.#recent?.perSecond(now) ?? 0;
  }

  /** Of requests just now. */
  came(requests: number, now: number): void {
    if (requests > 0) (this.#recent ??= new Recent()).add(requests, now);
  }

  seen(request: RequestSketch | null): void {
    if (request !== null && request.at >= (this.last?.at ?? 0)) this.last = request;
  }

  started(ms: number): void {
    this.startMs.push(ms);
    if (this.startMs.length > STARTS_KEPT) this.startMs.shift();
    this.#starts = null;
  }

  get starts(): StartsOfApp {
    const [done, failed] = [this.counts[COUNT.started] ?? 0, this.counts[COUNT.failed] ?? 0];
    const known = this.#starts;
    if (known !== null && known.done === done && known.failed === failed) return known;
    const sorted = [...this.startMs].sort((a, b) => a - b);
    return this.#starts = { done, failed, p50Ms: percentile(sorted, 0.5), p95Ms: percentile(sorted, 0.95), lastMs: this.startMs.at(-1) ?? null };
  }
}

/** Nearest rank; null: of nothing. */
export function percentile(sorted: readonly number[], part: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? null;
}
