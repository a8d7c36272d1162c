/** Requests around the moments at which apps fall asleep and wake: none of them may notice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootHost, type TestHost } from '../support/host.ts';
import { Load, socketsOf, summary, throughProxy, type Target } from '../support/load.ts';

/** A boundary is a container that stopped and was started again. */
const BOUNDARIES = 300;
const FAIR_SHARE = 100;
/** Apps on each path. */
const APPS = 7;
const LONGEST_MS = 150_000;

let host: TestHost;

before(async () => {
  host = await bootHost('edges');
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** App → times that its container stopped and was started again. */
async function boundaries(): Promise<ReadonlyMap<string, number>> {
  const starts = new Map<string, number>();
  for (const line of (await host.ok("journalctl --no-pager -o cat --unit='fc-ctr-*' _PID=1 | grep -oE '^Started fc-ctr-[a-z0-9_]+' || true")).split('\n')) {
    const app = /^Started fc-ctr-([a-z0-9]+)$/.exec(line)?.[1];
    if (app !== undefined) starts.set(app, (starts.get(app) ?? 0) + 1);
  }
  // Started the n-th time, it has stopped n-1 times.
  return new Map([...starts].map(([app, count]) => [app, count - 1]));
}

/** Lets an app come close to sleep, or to just past it, and asks for it then, a few times at once or one after the other. */
async function aim(load: Load, target: Target, more: () => boolean): Promise<void> {
  while (more()) {
    await load.request(target);
    await sleep(950 + Math.random() * 600);
    const burst: Promise<void>[] = [];
    for (let n = Math.floor(Math.random() * 3); n > 0; n--) {
      burst.push(load.request(target));
      await sleep(Math.random() * 60);
    }
    await Promise.all(burst);
  }
}

test(`${BOUNDARIES} sleep and wake boundaries, through fc-proxy and through the app's socket, while another app is under load`, { timeout: 240_000 }, async (t) => {
  const names = (prefix: string): string[] => Array.from({ length: APPS }, (_, n) => `${prefix}${n}`);
  const [proxied, direct] = [names('p'), names('s')];
  for (const app of [...proxied, ...direct]) await host.addApp(app, { idle_timeout_s: 1 });
  await host.addApp('steady');
  assert.equal((await host.sync()).code, 0);

  const socket = await socketsOf(host);
  const load = new Load({ perSecond: 100, targets: [throughProxy(host, 'steady')] });
  const share = (counts: ReadonlyMap<string, number>, apps: readonly string[]): number => apps.reduce((sum, app) => sum + (counts.get(app) ?? 0), 0);
  let counts = await boundaries();
  const enough = (): boolean => {
    const [a, b] = [share(counts, proxied), share(counts, direct)];
    return a >= FAIR_SHARE && b >= FAIR_SHARE && a + b >= BOUNDARIES;
  };
  const began = performance.now();
  const more = (): boolean => !enough() && performance.now() - began < LONGEST_MS;
  const aiming = Promise.all([...proxied.map((app) => throughProxy(host, app)), ...direct.map(socket)].map((target) => aim(load, target, more)));
  while (more()) {
    await sleep(2000);
    // fc-sync, run all the while, is to disturb nobody.
    assert.equal((await host.sync()).code, 0);
    counts = await boundaries();
  }
  await aiming;
  const report = await load.stop();
  counts = await boundaries();
  const seconds = Math.round((performance.now() - began) / 1000);
  t.diagnostic(`${share(counts, proxied)} boundaries through fc-proxy and ${share(counts, direct)} through sockets in ${seconds} s; ${summary(report)}`);
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(enough(), `only ${share(counts, proxied)} and ${share(counts, direct)} boundaries in ${seconds} s`);
  assert.ok(report.requests >= 100 * seconds, summary(report));
  await host.assertQuiet();
});
