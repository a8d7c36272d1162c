/** A run of fc-sync that ends by itself: as many passes as it takes until only sleep is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rows } from '../model/rows.ts';
import { finishInMs } from './due.ts';
import type { PassReport, Sync } from './sync.ts';

/** Enough for hand-over, settling, closing and removing; a fleet that changes all the time is for later runs. */
const MAX_PASSES = 6;

export interface RunReport {
  /** Of the first pass: what the run set out to do. */
  readonly first: PassReport;
  /** Of the last pass: what is left. */
  readonly last: PassReport;
}

/** @throws what Sync.pass throws */
export async function runOnce(sync: Sync, rows: Rows, allowRemovals: boolean): Promise<RunReport> {
  const first = await sync.pass(rows, allowRemovals);
  let last = first;
  for (let passes = 1; passes < MAX_PASSES; passes++) {
    const waitMs = finishInMs(last.plan);
    if (waitMs === null) break;
    await sync.handOvers.settled();
    await sleep(waitMs);
    last = await sync.pass(rows, allowRemovals);
  }
  await sync.handOvers.settled();
  return { first, last };
}
