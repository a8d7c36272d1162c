/** Rows move, copy and drain an app under load, and no client notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, commit, entrance, leaves, runOn, runThrough } from '../support/fleet-apps.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import type { TestHost } from '../support/host.ts';
import { Load, summary, throughProxy } from '../support/load.ts';
import { assertWhole, openDownload, openSocket } from '../support/streams.ts';
import { Tracer } from '../support/tracer.ts';

const IDLE_S = 5;

let fleet: TestFleet;
let front: TestHost;
let hosts: readonly [a: TestHost, b: TestHost, c: TestHost];

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2', 'web3'] });
  front = fleet.cmdb;
  hosts = [fleet.host('web1'), fleet.host('web2'), fleet.host('web3')];
}, { timeout: 300_000 });

after(async () => {
  await fleet.kill();
});

/** `slowest 812, median 430 ms`. */
function times(ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b);
  return `median ${sorted[Math.floor(sorted.length / 2)] ?? 0}, slowest ${sorted.at(-1) ?? 0} ms`;
}

/** Every request sent from `since` on: when it was sent and answered, ms after that, and who served it. */
function told(tracer: Tracer, since: number): string {
  return tracer.since(since).map((trace) => `${trace.beganAt - since}–${trace.endedAt - since} ${tracer.hostOf(trace)}`).join(', ');
}

test('20 moves to and fro', { timeout: 200_000 }, async (t) => {
  const [a, b] = hosts;
  const pieces = 260;
  await fleet.place('moved', { [a.row]: 100 }, { idle_timeout_s: IDLE_S });
  await answers(front, 'moved');
  const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'moved')] });
  t.after(() => load.stop());
  const tracer = new Tracer(front, 'moved');
  t.after(() => tracer.stop());
  const download = await openDownload(entrance(front, 'moved'), pieces);
  const socket = await openSocket(entrance(front, 'moved'));
  await tracer.meet(a);
  const reached: number[] = [];
  const answered: number[] = [];
  for (let n = 0; n < 20; n++) {
    const to = n % 2 === 0 ? b : a;
    const committedAt = await commit(front, `UPDATE placements SET host = '${to.row}' WHERE app = 'moved'`);
    const first = await tracer.reaches(to, committedAt);
    reached.push(Math.round(first.beganAt - committedAt));
    answered.push(first.endedAt - first.beganAt);
    await socket.echo(`move ${n}`);
    // From the first that was served there on, all are.
    await sleep(200);
    assert.deepEqual(Object.keys(tracer.share(first.beganAt)), [to.row], `move ${n}, ms after the commit: ${told(tracer, committedAt)}`);
  }
  await assertWhole(download, pieces);
  await socket.close();
  await tracer.stop();
  const report = await load.stop();
  t.diagnostic(`from the commit to the first request that the new host served: ${times(reached)}; its answer took: ${times(answered)}; ${summary(report)}`);
  assert.deepEqual(tracer.failures, []);
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
  assert.ok(Math.max(...reached) <= 1000, `a move took longer than a second: ${reached.join(', ')} ms`);
  await leaves(b, 'moved', (IDLE_S + 15) * 1000);
});

test('from one placement to three and back, by weight', { timeout: 200_000 }, async (t) => {
  const [a, b, c] = hosts;
  const pieces = 150;
  await fleet.place('spread', { [a.row]: 100 }, { idle_timeout_s: IDLE_S });
  await answers(front, 'spread');
  const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'spread')] });
  t.after(() => load.stop());
  const tracer = new Tracer(front, 'spread');
  t.after(() => tracer.stop());
  await tracer.meet(a);

  const copiedAt = await commit(front, `INSERT INTO placements (app, host, weight) VALUES ('spread', '${b.row}', 100), ('spread', '${c.row}', 300)`);
  const arrivals = [await tracer.reaches(b, copiedAt), await tracer.reaches(c, copiedAt)].map(({ beganAt }) => Math.round(beganAt - copiedAt));

  // Which of them these two have does not matter: two of the three lose their placements.
  const download = await openDownload(entrance(front, 'spread'), pieces);
  const socket = await openSocket(entrance(front, 'spread'));
  await sleep(2000);
  const removedAt = await commit(front, `DELETE FROM placements WHERE app = 'spread' AND host <> '${a.row}'`);
  const lastElsewhere = Math.max(await tracer.avoids(b, removedAt), await tracer.avoids(c, removedAt));
  await socket.echo('after');
  await assertWhole(download, pieces);
  await socket.close();
  await Promise.all([b, c].map((host) => leaves(host, 'spread', (IDLE_S + 15) * 1000)));
  await tracer.stop();
  const report = await load.stop();
  t.diagnostic(`copies served after ${arrivals.join(' and ')} ms, none that was removed after ${Math.round(lastElsewhere - removedAt)} ms; ${summary(report)}`);
  assert.deepEqual(tracer.failures, []);
  assert.equal(report.failures.length, 0, summary(report));
});

test('requests are spread by weight, and by what is in flight', { timeout: 60_000 }, async (t) => {
  const [a, b] = hosts;
  await fleet.place('weighed', { [a.row]: 100, [b.row]: 300 }, { idle_timeout_s: 60 });
  await answers(front, 'weighed');
  const runs = { [a.row]: await runOn(a, 'weighed'), [b.row]: await runOn(b, 'weighed') };

  // One after the other: by chance, three to one. Five standard deviations of 400 throws are 43.
  let heavy = 0;
  for (let n = 0; n < 400; n++) if ((await runThrough(front, 'weighed')).run === runs[b.row]?.run) heavy++;
  assert.ok(heavy > 300 - 43 && heavy < 300 + 43, `${heavy} of 400 went to the host of three times the weight`);

  // Eight that are inside together: the least in flight for its weight each time, so two and six, whatever the order.
  const before = [await runOn(a, 'weighed'), await runOn(b, 'weighed')];
  const load = new Load({ perSecond: 0, targets: [] });
  t.after(() => load.stop());
  await Promise.all(Array.from({ length: 8 }, () => load.slow(throughProxy(front, 'weighed'), 'GET', 2000)));
  const after = [await runOn(a, 'weighed'), await runOn(b, 'weighed')];
  const report = await load.stop();
  const inside = after.map(({ requests }, n) => requests - 1 - (before[n]?.requests ?? 0));
  t.diagnostic(`${heavy} of 400 requests to three quarters of the weight; eight at once were ${inside.join(' and ')}`);
  assert.equal(report.failures.length, 0, summary(report));
  assert.deepEqual(inside, [2, 6]);
});

test('a host that drains takes nothing where there is a choice, idles out, and comes back', { timeout: 120_000 }, async (t) => {
  const [a, b] = hosts;
  const pieces = 100;
  await fleet.place('drained', { [a.row]: 100, [b.row]: 100 }, { idle_timeout_s: IDLE_S });
  await answers(front, 'drained');
  await fleet.place('alone', { [a.row]: 100 }, { idle_timeout_s: IDLE_S });
  await answers(front, 'alone');
  const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'drained'), throughProxy(front, 'drained'), throughProxy(front, 'alone')] });
  t.after(() => load.stop());
  const tracer = new Tracer(front, 'drained');
  t.after(() => tracer.stop());
  await Promise.all([tracer.meet(a), tracer.meet(b)]);
  const download = await openDownload(entrance(front, 'drained'), pieces);
  const socket = await openSocket(entrance(front, 'drained'));

  const drainedAt = await commit(front, `UPDATE hosts SET state = 'draining' WHERE name = '${a.row}'`);
  const stoppedMs = Math.round(await tracer.avoids(a, drainedAt) - drainedAt);
  await socket.echo('draining');
  await assertWhole(download, pieces);
  await socket.close();
  await leaves(a, 'drained', (IDLE_S + 15) * 1000, true);

  const activeAt = await commit(front, `UPDATE hosts SET state = 'active' WHERE name = '${a.row}'`);
  const backMs = Math.round((await tracer.reaches(a, activeAt)).beganAt - activeAt);
  await tracer.stop();
  const report = await load.stop();
  t.diagnostic(`nothing new ${stoppedMs} ms after the host was set to draining; served again ${backMs} ms after it was active; ${summary(report)}`);
  assert.deepEqual(tracer.failures, []);
  assert.equal(report.failures.length, 0, summary(report));
});

test('the journals hold nothing but what that costs', async () => {
  for (const host of [front, ...hosts]) await host.assertQuiet([
    // The host's row came after the first look at the database, or its CMDB after its provisioning.
    /^fc-sync-watch\.service: rejected: hosts /,
    // A process of fc-proxy that still finishes what it has when the next one starts.
    /^fc-proxy\.service: (fc-proxy\.service: Found left-over process [0-9]+ \(node\)|This usually indicates unclean termination)/,
  ]);
});
