/** A run of fc-sync that ends by itself: as many passes as it takes until only sleep is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { finishInMs } from './due.ts';
import type { PassReport, Sync } from './sync.ts';

/** Enough for fetching, hand-over, settling, closing and removing; a fleet that changes all the time is for later runs. */
const MAX_PASSES = 7;

/** A run waits this long for images in all: most are there, or their registry says at once that it has none. */
const IMAGES_WITHIN_MS = 30_000;

export interface RunReport {
  /** Of the first pass: what the run set out to do. */
  readonly first: PassReport;
  /** Of the last pass: what is left. */
  readonly last: PassReport;
}

/**
 * @param pass makes one pass of `sync`, under the lock; what is waited for in between is waited for without, so that it
 * holds up no other run
 * @throws what `pass` throws
 */
export async function runOnce(sync: Pick<Sync, 'handOvers' | 'images'>, pass: () => Promise<PassReport>): Promise<RunReport> {
  const first = await pass();
  let last = first;
  const imagesBy = performance.now() + IMAGES_WITHIN_MS;
  for (let passes = 1; passes < MAX_PASSES; passes++) {
    const waitMs = finishInMs(last.plan);
    // Those that this pass had looked for may be here by now, and it knows nothing of that.
    const images = (last.plan.images.start.length > 0 || !sync.images.idle) && performance.now() < imagesBy;
    if (waitMs === null && !images) break;
    await sync.handOvers.settled();
    await sync.images.settled(Math.max(0, imagesBy - performance.now()));
    await sleep(waitMs ?? 0);
    last = await pass();
  }
  await sync.handOvers.settled();
  return { first, last };
}
