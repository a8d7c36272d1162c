/**
 * Where the time went of a request that waited for a start, as Server-Timing
 * (W3C Server Timing): `fc-queue` until the start had its turn, `fc-start`
 * until the app listened, `fc-app` until its answer began. Milliseconds.
 */
import type { Waited } from './generation.ts';

export interface Receipt {
  readonly queueMs: number;
  readonly startMs: number;
  readonly appMs: number;
}

/** Adds up the waits of one request: a retry may have waited for another start. */
export function addWait(sum: Waited | null, wait: Waited): Waited | null {
  if (!wait.cold) return sum;
  return sum === null ? wait : { cold: true, queueMs: sum.queueMs + wait.queueMs, startMs: sum.startMs + wait.startMs };
}

export function serverTiming({ queueMs, startMs, appMs }: Receipt): string {
  return `fc-queue;dur=${queueMs.toFixed(1)}, fc-start;dur=${startMs.toFixed(1)}, fc-app;dur=${appMs.toFixed(1)}`;
}

/** The same for the journal. */
export function receiptFields({ queueMs, startMs, appMs }: Receipt): Record<string, string> {
  return { queue_ms: queueMs.toFixed(1), start_ms: startMs.toFixed(1), app_ms: appMs.toFixed(1) };
}
