/**
 * What fc-proxy counts of an app, and fc-admin adds up over processes and restarts: a flat list of numbers that only
 * rise. Two lists are added, and compared, number by number. Pure.
 */

/** Upper bounds of the latency histogram in milliseconds; one more for all that is longer. */
export const LATENCY_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000] as const;

/**
 * Where in the list what stands. `status`: six numbers, of answers by the first digit of their status; at digit 0 of
 * requests whose client left before there was one. `started`, `failed`: cold starts. `sumMs`: of latencies, `latency`:
 * their histogram, not cumulative. A latency is the time from a request until its answer begins.
 */
export const COUNT = { status: 0, started: 6, failed: 7, sumMs: 8, latency: 9 } as const;

export const COUNTS = COUNT.latency + LATENCY_MS.length + 1;

/** One of these lists. */
export type Counts = Float64Array;

export function noCounts(): Counts {
  return new Float64Array(COUNTS);
}

/** The place in the histogram. */
export function latencyIndex(ms: number): number {
  let at = 0;
  while (at < LATENCY_MS.length && ms > (LATENCY_MS[at] ?? Infinity)) at++;
  return COUNT.latency + at;
}

/** All requests that are over. */
export function requestsOf(counts: Counts): number {
  let sum = 0;
  for (let digit = 0; digit < COUNT.started; digit++) sum += counts[digit] ?? 0;
  return sum;
}

/**
 * Adds to `total` what `now` has more than `before`, which becomes the same as `now`.
 * @returns the requests among it
 */
export function addNews(total: Counts, before: Counts, now: ArrayLike<number>): number {
  const requests = requestsOf(total);
  for (let at = 0; at < COUNTS; at++) {
    const more = (now[at] ?? 0) - (before[at] ?? 0);
    if (more > 0) {
      total[at] = (total[at] ?? 0) + more;
      before[at] = now[at] ?? 0;
    }
  }
  return requestsOf(total) - requests;
}

/** As JSON has it: sums of milliseconds with three digits. */
export function countsJson(counts: Counts): number[] {
  return Array.from(counts, (number) => Math.round(number * 1000) / 1000);
}
