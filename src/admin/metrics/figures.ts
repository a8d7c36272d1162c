/** What /metrics is made of, at one moment. Pure. */
import type { Usage } from '../meter/run.ts';
import type { AppStateName, HostStatus, SyncState } from '../state.ts';

/** How many values lay in which range; of a histogram. */
export interface Distribution {
  /** Upper bounds in seconds, rising. */
  readonly bounds: readonly number[];
  /** Values of each range, and of all above the last bound; not cumulative. */
  readonly counts: readonly number[];
  readonly sumS: number;
}

/** Requests that are over, by the first digit of their answer's status; at 0 of those whose client left before there was one. */
export type Answers = readonly number[];

export interface AppFigures {
  readonly name: string;
  readonly answers: Answers;
  readonly inFlight: number;
  /** Until the answer begins. */
  readonly latency: Distribution;
  /** Cold starts. */
  readonly started: number;
  readonly failed: number;
}

export interface Figures {
  readonly version: string;
  /** Those that somebody has asked for. */
  readonly apps: readonly AppFigures[];
  /** Requests passed on to other hosts, and such that are for no app. */
  readonly passed: Answers;
  readonly unrouted: Answers;
  readonly proxy: HostStatus['proxy'];
  readonly states: Readonly<Record<AppStateName, number>>;
  /** Apps that are quarantined. */
  readonly quarantined: readonly string[];
  /** Null: fc-sync has said nothing that can be read. */
  readonly sync: SyncState | null;
  /** Since fc-admin began, by part; `total` is all of it. */
  readonly starts: ReadonlyMap<string, Distribution>;
  readonly usage: ReadonlyMap<string, Usage>;
  /** Bytes, of apps that run. */
  readonly memory: ReadonlyMap<string, number>;
}

/** All of them in one. @throws when there is none, or their bounds differ */
export function together(all: readonly Distribution[], bounds: readonly number[]): Distribution {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sumS = 0;
  for (const one of all) {
    one.counts.forEach((count, at) => { counts[at] = (counts[at] ?? 0) + count; });
    sumS += one.sumS;
  }
  return { bounds, counts, sumS };
}

/** The same with fewer bounds, each of which it has. */
export function coarser({ bounds, counts, sumS }: Distribution, fewer: readonly number[]): Distribution {
  const merged = new Array<number>(fewer.length + 1).fill(0);
  let into = 0;
  counts.forEach((count, at) => {
    while (into < fewer.length && (bounds[at] ?? Infinity) > (fewer[into] ?? Infinity)) into++;
    merged[into] = (merged[into] ?? 0) + count;
  });
  return { bounds: fewer, counts: merged, sumS };
}

export function withValue({ bounds, counts, sumS }: Distribution, seconds: number): Distribution {
  const at = bounds.findIndex((bound) => seconds <= bound);
  return { bounds, counts: counts.map((count, index) => (index === (at < 0 ? bounds.length : at) ? count + 1 : count)), sumS: sumS + seconds };
}
