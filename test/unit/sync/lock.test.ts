/** The lock of fc-sync, by real flock(1). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lock, LockedError } from '../../../src/sync/lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'fc-lock-'));
const path = join(folder, 'sync.lock');
after(() => { rmSync(folder, { recursive: true }); });

test('one has it at a time, and the next gets it when it is given back', async () => {
  const unlock = await lock(path, 5);
  await assert.rejects(lock(path, 0), (error: unknown) => error instanceof LockedError && /more than 0 s \(it holds .*sync\.lock\)/.test(error.message));
  const next = lock(path, 5);
  await unlock();
  await (await next)();
});

test('who is told to stop waits no longer, and does not say that another had it too long', async () => {
  const unlock = await lock(path, 5);
  const stop = new AbortController();
  const waiting = lock(path, 60, stop.signal);
  stop.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  await unlock();
  await (await lock(path, 0))();
});

test('a flock(1) that somebody ends is no lock that was held too long', async () => {
  const unlock = await lock(path, 5);
  const waiting = lock(path, 60);
  const refused = assert.rejects(waiting, (error: unknown) => error instanceof Error && !(error instanceof LockedError) && /ended with SIGTERM/.test(error.message));
  // Its own child, and nobody else's.
  for (let ended = false; !ended;) {
    ended = await new Promise<boolean>((resolve) => {
      spawn('pkill', ['--parent', String(process.pid), '--exact', 'flock'], { stdio: 'ignore' }).once('exit', (code) => { resolve(code === 0); });
    });
  }
  await refused;
  await unlock();
});
