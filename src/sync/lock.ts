/** One run of fc-sync at a time on a host: flock(2) on a file, given back by the kernel however the run ends. */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';

/** Another run holds the lock and did not end in time. */
export class LockedError extends Error {}

/** Exit status of flock(1). */
const TIMED_OUT = 1;

/**
 * Waits for the lock.
 * @returns a function that gives it back
 * @throws LockedError after `timeoutS` seconds; an AbortError when `signal` is aborted meanwhile
 */
export async function lock(path: string, timeoutS: number, signal?: AbortSignal): Promise<() => Promise<void>> {
  const file = await open(path, 'a', 0o600);
  try {
    // Node has no flock(2). flock(1) takes it on the open file description that it inherits, so it is ours
    // once it has ended.
    const child = spawn('flock', ['--exclusive', '--timeout', String(timeoutS), '3'], { stdio: ['ignore', 'inherit', 'inherit', file.fd], signal });
    const how = await new Promise<number | string | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, endedBy) => { resolve(code ?? endedBy); });
    });
    if (how !== 0 && how !== TIMED_OUT) throw new Error(`flock ended with ${how} (it was to lock ${path})`);
    if (how === TIMED_OUT) throw new LockedError(`another fc-sync has been running for more than ${timeoutS} s (it holds ${path})`);
  } catch (error) {
    await file.close();
    throw error;
  }
  return async () => await file.close();
}
