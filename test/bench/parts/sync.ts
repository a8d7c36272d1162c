/** Many apps: what it costs to look at all of them, and to change one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestHost } from '../../support/host.ts';
import { importTiny, TINY } from '../apps.ts';
import { addApps } from '../cold/ours.ts';
import type { BenchContext } from '../context.ts';
import type { Measured } from '../result.ts';
import { changeOne, type Effect, memoryOfWatch, nameOf, type Run, setApps, timedSync } from '../sync/on-host.ts';
import { type AtCount, report } from '../sync/report.ts';
import { Stream } from '../sync/stream.ts';

/** About as long as a change is under way. */
const QUIET_MS = { full: 3_000, toy: 300 };

export async function run(context: BenchContext): Promise<Measured> {
  const { host, size, log } = context;
  await importTiny(host);
  await addApps(host, { 'warm-sync': { app: TINY } });
  const counts: AtCount[] = [];
  for (const count of size([10, 100, 1000, 10_000], [5, 20])) {
    log(`${count} apps`);
    counts.push(await measure(context, count));
  }
  await setApps(host, 0, TINY);
  await timedSync(host, '--allow-removals');
  return report(counts);
}

async function measure({ host, size, log }: BenchContext, count: number): Promise<AtCount> {
  await setApps(host, 0, TINY);
  await timedSync(host, '--allow-removals');
  await setApps(host, count, TINY);
  const fromNothing = await timedSync(host);
  log(`from nothing in ${fromNothing.ms} ms`);
  // What is left of before is settled, and noted.
  await timedSync(host);
  const unchanged: Run[] = [];
  const whole: Run[] = [];
  for (let round = 0; round < size(7, 1); round++) {
    unchanged.push(await timedSync(host));
    whole.push(await timedSync(host, '--json'));
  }
  return { count, fromNothing, unchanged, whole, ...await changes(host, count, size(9, 1), size(QUIET_MS.full, QUIET_MS.toy)) };
}

async function changes(host: TestHost, count: number, rounds: number, quietMs: number): Promise<Pick<AtCount, 'changed' | 'watchMb' | 'longest' | 'quiet'>> {
  await host.ok('systemctl start fc-sync-watch');
  const stream = new Stream(host.address, 'warm-sync.test');
  try {
    // Its first pass parses and renders all there is.
    await changeOne(host, nameOf(1), 0);
    const changed: Effect[] = [];
    const longest: number[] = [];
    const quiet: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      stream.take();
      await sleep(quietMs);
      quiet.push(Math.max(...stream.take()));
      changed.push(await changeOne(host, nameOf(1 + (round % count)), round));
      longest.push(Math.max(...stream.take()));
    }
    return { changed, watchMb: await memoryOfWatch(host), longest, quiet };
  } finally {
    await host.ok('systemctl stop fc-sync-watch');
    await stream.end();
  }
}
