/** Load while things change under it: generations, lifetimes, fc-proxy itself, and containers that are killed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootHost, type TestHost } from '../support/host.ts';
import { Load, socketsOf, summary, throughProxy, type Target } from '../support/load.ts';
import { assertWhole, openDownload, openSocket } from '../support/streams.ts';

let host: TestHost;
let socket: (app: string) => Target;

before(async () => {
  host = await bootHost('changes', { sync: 'watch' });
  socket = await socketsOf(host);
  for (const app of ['switched', 'aged']) await host.addApp(app, { idle_timeout_s: 5, env: { APP_VERSION: 'v0' }, ...(app === 'aged' ? { lifetime_s: 10 } : {}) });
  for (const app of ['steady', 'victim']) await host.addApp(app);
  assert.equal((await host.sync()).code, 0);
  for (const app of ['switched', 'aged', 'steady', 'victim']) await served(app);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Waits until fc-proxy answers for an app, in the version given. */
async function served(app: string, version = ''): Promise<void> {
  await host.until(async () => {
    const { status, body } = await host.request(`${app}.test`, '/');
    return status === 200 && body.includes(version) ? true : `${status} ${body}`;
  }, { timeoutMs: 20_000, what: `${app} ${version} serves` });
}

/** Runs fc-sync again and again until told to stop. @returns what the runs that failed said */
function syncAllTheWhile(): () => Promise<{ readonly runs: number; readonly complaints: readonly string[] }> {
  let more = true;
  const complaints: string[] = [];
  const loop = (async () => {
    let runs = 0;
    for (; more && runs < 200; runs++) {
      const { code, stderr } = await host.sync();
      if (code !== 0) complaints.push(`${code}: ${stderr.trim()}`);
      await sleep(1000);
    }
    return { runs, complaints };
  })();
  return async () => {
    more = false;
    return await loop;
  };
}

/** Units of a kind that started, by generation. */
async function starts(app: string): Promise<number> {
  return (await host.journal(`fc-ctr-${app}-*`)).filter(({ message }) => message.startsWith(`Started fc-ctr-${app}-`)).length;
}

/** That have not ended: unit files alone are nothing. */
async function generationsOf(app: string): Promise<readonly string[]> {
  return (await host.ok(`ls -1 /var/lib/fastcontainer/net | grep '^${app}-' || true`)).split('\n').filter((name) => name !== '');
}

test('a generation switch every 3 s for a minute, a lifetime that ends, and fc-sync all the while', { timeout: 200_000 }, async (t) => {
  const before = { switched: await starts('switched'), aged: await starts('aged') };
  const targets = ['switched', 'aged'].flatMap((app) => [throughProxy(host, app), throughProxy(host, app), socket(app)]);
  const load = new Load({ perSecond: 110, targets });
  const stopSync = syncAllTheWhile();
  // Now and then back to the generation before, which is still there.
  const versions = Array.from({ length: 20 }, (_, n) => `v${n % 5 === 3 ? n - 1 : n + 1}`);
  for (const version of versions) {
    const until = performance.now() + 3000;
    await host.sql(`UPDATE apps SET env = '{"APP_VERSION":"${version}"}' WHERE name = 'switched'`);
    await served('switched', version);
    await sleep(Math.max(0, until - performance.now()));
  }
  const report = await load.stop();
  const syncs = await stopSync();
  const after = { switched: await starts('switched'), aged: await starts('aged') };
  t.diagnostic(`${versions.length} switches (${after.switched - before.switched} starts), ${after.aged - before.aged} recycles, ${syncs.runs} runs of fc-sync; ${summary(report)}`);
  assert.deepEqual(syncs.complaints, []);
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
  assert.ok(after.aged - before.aged >= 3, 'a lifetime of 10 s ends at least three times in a minute');
  for (const app of ['switched', 'aged']) {
    await host.until(async () => {
      const left = await generationsOf(app);
      return left.length === 1 ? true : `there are ${left.join(', ')}`;
    }, { timeoutMs: 30_000, what: `old generations of ${app} are gone` });
  }
});

test('five restarts of fc-proxy, a download and a WebSocket open across them', { timeout: 120_000 }, async (t) => {
  const load = new Load({ perSecond: 110, targets: [throughProxy(host, 'steady')] });
  const stopSync = syncAllTheWhile();
  const pieces = 220;
  const steady = { address: host.address, domain: 'steady.test' };
  const download = await openDownload(steady, pieces);
  const socket = await openSocket(steady);
  const took: number[] = [];
  for (let n = 0; n < 5; n++) {
    await sleep(3000);
    const began = performance.now();
    await host.ok('systemctl restart fc-proxy');
    took.push(Math.round(performance.now() - began));
    await socket.echo(`restart ${n}`);
  }
  await sleep(3000);
  await socket.close();
  await assertWhole(download, pieces);
  const report = await load.stop();
  const syncs = await stopSync();
  assert.deepEqual(syncs.complaints, []);
  t.diagnostic(`restarts took ${took.join(', ')} ms; ${summary(report)}`);
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
});

test('a container killed by SIGKILL: only what was inside may fail, and no idempotent request', { timeout: 120_000 }, async (t) => {
  const victim = throughProxy(host, 'victim');
  // What has left of an answer cannot be taken back: short ones of known length leave when they are complete.
  const load = new Load({ perSecond: 110, targets: [victim], known: true });
  const kills: { began: number; ended: number }[] = [];
  const before = await starts('victim');
  for (let n = 0; n < 6; n++) {
    await served('victim');
    await sleep(1000);
    for (const method of ['GET', 'PUT', 'POST'] as const) void load.slow(victim, method, 400);
    await sleep(100);
    const began = Date.now();
    // The app alone, as the kernel does for want of memory; or everything in the unit. It is inside until it is gone.
    await host.ok(`
      group=/sys/fs/cgroup$(systemctl show -P ControlGroup 'fc-ctr-victim-*')
      app=$(grep -lx --null-data '/app.mjs' $(sed 's,.*,/proc/&/cmdline,' $group/cgroup.procs) | cut -d/ -f3)
      kill -KILL ${n % 2 === 0 ? '$app' : '$(cat $group/cgroup.procs)'}
      for ((i = 0; i < 500; i++)); do
        [ -e /proc/$app ] || exit 0
        sleep 0.01
      done
      exit 1
    `);
    kills.push({ began, ended: Date.now() });
  }
  await served('victim');
  const report = await load.stop();
  const inside = report.failures.filter((failure) => failure.method === 'POST' && kills.some(({ began, ended }) => failure.beganAt <= ended && failure.failedAt >= began));
  const others = { ...report, failures: report.failures.filter((failure) => !inside.includes(failure)) };
  t.diagnostic(`${kills.length} kills, ${await starts('victim') - before} starts, ${inside.length} POST requests failed that were inside; ${summary(others)}`);
  assert.equal(others.failures.length, 0, summary(others));
  assert.ok(await starts('victim') - before >= kills.length, 'each kill was one');
  assert.ok(inside.every(({ kind, what }) => kind === 'status' ? what.startsWith('502 ') : kind === 'broken'), summary(report));
});

test('the journal holds nothing but what that costs', async () => {
  await host.assertQuiet([
    // The host's row came after the first look at the database.
    /^fc-sync-watch\.service: rejected: hosts 'web1'/,
    // A process of fc-proxy that still finishes what it has when the next one starts.
    /^fc-proxy\.service: (fc-proxy\.service: Found left-over process [0-9]+ \(node\)|This usually indicates unclean termination)/,
    // What was inside the container that was killed.
    /^fc-proxy\.service: (a request failed|the app broke off its answer) generation=victim-[0-9a-f]{8} /,
  ]);
});
