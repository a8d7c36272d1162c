/** Waiting in tests: on conditions, with a deadline that says what was still missing. */
import { setTimeout as sleep } from 'node:timers/promises';

/** `true` when it has come about, else what is still missing, for the message. */
export type Verdict = true | string;

/**
 * Asks until the answer is `true`. An error thrown by the condition counts as
 * not yet, and is told when time is up.
 * @throws Error naming `what` and the last verdict
 */
export async function until(
  condition: () => Verdict | Promise<Verdict>,
  { timeoutMs, what, everyMs = 50 }: { readonly timeoutMs: number; readonly what: string; readonly everyMs?: number },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const verdict = await attempt(condition);
    if (verdict === true) return;
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${timeoutMs} ms; at the end: ${verdict}`);
    await sleep(everyMs);
  }
}

async function attempt(condition: () => Verdict | Promise<Verdict>): Promise<Verdict> {
  try {
    return await condition();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
