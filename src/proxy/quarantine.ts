/**
 * Backoff of an app that fails to start. The first failure may be chance; from
 * the second in a row on, requests are answered at once until the next try is
 * due. Pure.
 */

const FIRST_MS = 2000;
const LONGEST_MS = 300_000;

export interface Quarantine {
  /** Failures in a row. */
  readonly failures: number;
  /** When the next try is due. */
  readonly until: number;
}

export const HEALTHY: Quarantine = { failures: 0, until: -Infinity };

/** After one more failure, at `now`. */
export function afterFailure({ failures }: Quarantine, now: number): Quarantine {
  const count = failures + 1;
  if (count < 2) return { failures: count, until: -Infinity };
  return { failures: count, until: now + Math.min(LONGEST_MS, FIRST_MS * 2 ** (count - 2)) };
}

/** Milliseconds until the next try; 0: it is due. */
export function remaining({ until }: Quarantine, now: number): number {
  return Math.max(0, until - now);
}
