/** Everybody at once: many clients on one sleeping app, and many sleeping apps. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';
import { Load, summary, throughProxy } from '../support/load.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('crowds');
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Apps whose containers were started, one entry for each start. */
async function starts(): Promise<readonly string[]> {
  return (await host.journal('fc-ctr-*')).flatMap(({ message }) => /^Started fc-ctr-([a-z0-9]+)-/.exec(message)?.[1] ?? []).sort();
}

test('500 clients at once on one sleeping app: one start, 500 answers', { timeout: 60_000 }, async (t) => {
  await host.addApp('crowd');
  assert.equal((await host.sync()).code, 0);
  const load = new Load({ perSecond: 0, targets: [], fresh: 1 });
  await Promise.all(Array.from({ length: 500 }, () => load.request(throughProxy(host, 'crowd'))));
  const report = await load.stop();
  t.diagnostic(summary(report));
  assert.equal(report.requests, 500);
  assert.equal(report.failures.length, 0, summary(report));
  assert.deepEqual(await starts(), ['crowd']);
});

test('40 sleeping apps at once: all answer, each after one start', { timeout: 120_000 }, async (t) => {
  const apps = Array.from({ length: 40 }, (_, n) => `many${String(n).padStart(2, '0')}`);
  for (const app of apps) await host.addApp(app);
  assert.equal((await host.sync()).code, 0);
  const load = new Load({ perSecond: 0, targets: [] });
  // Three visitors each.
  await Promise.all([...apps, ...apps, ...apps].map((app) => load.request(throughProxy(host, app))));
  const report = await load.stop();
  t.diagnostic(summary(report));
  assert.equal(report.requests, 120);
  assert.equal(report.failures.length, 0, summary(report));
  assert.deepEqual(await starts(), ['crowd', ...apps]);
  await host.assertQuiet();
});
