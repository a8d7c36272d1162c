/** Every fc-proxy restarted, every host rebooted, one after the other, under load: nobody notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, commit, entrance, leaves, runsOn } from '../support/fleet-apps.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import type { TestHost } from '../support/host.ts';
import { Load, summary, throughProxy } from '../support/load.ts';
import { assertWhole, openDownload, openSocket } from '../support/streams.ts';
import { Tracer } from '../support/tracer.ts';

const IDLE_S = 3;

let fleet: TestFleet;
let front: TestHost;
let web1: TestHost;
let web2: TestHost;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2'] });
  front = fleet.cmdb;
  [web1, web2] = [fleet.host('web1'), fleet.host('web2')];
  await fleet.place('steady', { web1: 100, web2: 100 }, { idle_timeout_s: IDLE_S });
  await answers(front, 'steady');
}, { timeout: 300_000 });

after(async () => {
  await fleet.kill();
});

test('a rolling restart of every fc-proxy, twice', { timeout: 120_000 }, async (t) => {
  const pieces = 220;
  const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'steady')] });
  t.after(() => load.stop());
  const download = await openDownload(entrance(front, 'steady'), pieces);
  const socket = await openSocket(entrance(front, 'steady'));
  const took: number[] = [];
  for (const host of [web1, web2, front, web1, web2, front]) {
    await sleep(2500);
    const began = performance.now();
    await host.ok('systemctl restart fc-proxy');
    took.push(Math.round(performance.now() - began));
    await socket.echo(`restart ${took.length}`);
  }
  await assertWhole(download, pieces);
  await socket.close();
  const report = await load.stop();
  t.diagnostic(`restarts took ${took.join(', ')} ms; ${summary(report)}`);
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
});

test('a rolling reboot: a host is drained, rebooted once it is idle, and put back', { timeout: 240_000 }, async (t) => {
  const pieces = 120;
  const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'steady')] });
  t.after(() => load.stop());
  const tracer = new Tracer(front, 'steady');
  t.after(() => tracer.stop());
  const said: string[] = [];
  const drain = async (host: TestHost): Promise<void> => {
    const drainedAt = await commit(front, `UPDATE hosts SET state = 'draining' WHERE name = '${host.row}'`);
    await tracer.avoids(host, drainedAt);
  };
  const putBack = async (host: TestHost): Promise<void> => {
    const activeAt = await commit(front, `UPDATE hosts SET state = 'active' WHERE name = '${host.row}'`);
    said.push(`${host.row} served again ${Math.round((await tracer.reaches(host, activeAt)).beganAt - activeAt)} ms after it was active`);
  };
  const reboot = async (host: TestHost): Promise<void> => {
    await leaves(host, 'steady', (IDLE_S + 15) * 1000, true);
    const began = performance.now();
    await host.reboot();
    said.push(`${host.row} was rebooted in ${Math.round(performance.now() - began)} ms`);
    await putBack(host);
  };
  await Promise.all([tracer.meet(web1), tracer.meet(web2)]);

  // What lasts keeps its host: it is not idle, and so not rebooted, until that has ended.
  await drain(web2);
  const pinned = { download: await openDownload(entrance(front, 'steady'), pieces), socket: await openSocket(entrance(front, 'steady')) };
  await putBack(web2);
  await drain(web1);
  await assertWhole(pinned.download, pieces);
  assert.equal(await runsOn(web1, 'steady'), true);
  await sleep(IDLE_S * 1000);
  await pinned.socket.echo('still there');
  assert.equal(await runsOn(web1, 'steady'), true, 'a WebSocket keeps its host as long as it lasts');
  await pinned.socket.close();
  await reboot(web1);

  // And what lasts on the others goes through.
  await drain(web2);
  const beside = { download: await openDownload(entrance(front, 'steady'), pieces), socket: await openSocket(entrance(front, 'steady')) };
  await reboot(web2);
  await beside.socket.echo('after');
  await assertWhole(beside.download, pieces);
  await beside.socket.close();

  await tracer.stop();
  const report = await load.stop();
  t.diagnostic(`${said.join('; ')}; ${summary(report)}`);
  assert.deepEqual(tracer.failures, []);
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
});

test('the journals hold nothing but what that costs', async () => {
  for (const host of [front, web1, web2]) await host.assertQuiet([
    // The host's row came after the first look at the database.
    /^fc-sync-watch\.service: rejected: hosts /,
    // A process of fc-proxy that still finishes what it has when the next one starts.
    /^fc-proxy\.service: (fc-proxy\.service: Found left-over process [0-9]+ \(node\)|This usually indicates unclean termination)/,
  ]);
});
