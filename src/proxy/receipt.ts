/**
 * Where the time went of a request that waited for a start, as Server-Timing
 * (W3C Server Timing): `fc-queue` until the start had its turn, `fc-start`
 * until the app listened, `fc-app` until its answer began; then the parts of `fc-start` (start-parts.ts). Milliseconds.
 */
import type { Waited } from './generation.ts';
import { addParts, type Part } from './start-parts.ts';

export interface Receipt {
  readonly queueMs: number;
  readonly startMs: number;
  readonly appMs: number;
  readonly parts: readonly Part[];
}

/** Adds up the waits of one request: a retry may have waited for another start. */
export function addWait(sum: Waited | null, wait: Waited): Waited | null {
  if (!wait.cold) return sum;
  if (sum === null) return wait;
  const parts = addParts(sum.parts ?? [], wait.parts ?? []);
  return { cold: true, queueMs: sum.queueMs + wait.queueMs, startMs: sum.startMs + wait.startMs, ...(parts.length > 0 && { parts }) };
}

export function serverTiming({ queueMs, startMs, appMs, parts }: Receipt): string {
  return [{ name: 'fc-queue', ms: queueMs }, { name: 'fc-start', ms: startMs }, { name: 'fc-app', ms: appMs }, ...parts]
    .map(({ name, ms }) => `${name};dur=${ms.toFixed(1)}`).join(', ');
}

/** The same for the journal. */
export function receiptFields({ queueMs, startMs, appMs, parts }: Receipt): Record<string, string> {
  return {
    queue_ms: queueMs.toFixed(1), start_ms: startMs.toFixed(1), app_ms: appMs.toFixed(1),
    ...Object.fromEntries(parts.map(({ name, ms }) => [`${name.replace(/^fc-/, '')}_ms`, ms.toFixed(1)])),
  };
}
