/** Several processes of fc-proxy on one port: what holds for the host holds for all of them together. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootHost, type Response, type TestHost } from '../support/host.ts';
import { Load, summary, throughProxy } from '../support/load.ts';
import { assertWhole, openDownload, openSocket } from '../support/streams.ts';
import { reasonOf, referenceOf } from '../support/units.ts';

const MANY = Array.from({ length: 12 }, (_, n) => `many${n}`);

let host: TestHost;

before(async () => {
  host = await bootHost('processes');
  await host.addApp('steady');
  await host.addApp('broken', { command: ['/usr/bin/node', '-e', 'process.exit(3)'] });
  for (const app of MANY) await host.addApp(app, { env: { START_DELAY_MS: '500' }, idle_timeout_s: 2 });
  assert.equal((await host.sync()).code, 0);
  await processes(3);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Changes their number, and waits until there are so many: at the desk, and with none left that is not to be. */
async function processes(count: number): Promise<void> {
  await host.ok(`
    sed -i '/^processes/d; /^\\[proxy\\]$/d' /etc/fastcontainer/fastcontainer.ini
    printf '[proxy]\\nprocesses = ${count}\\n' >>/etc/fastcontainer/fastcontainer.ini
    systemctl restart fc-proxy`);
  await serving(count);
}

async function serving(count: number): Promise<void> {
  await host.until(async () => {
    const units = (await host.ok("systemctl list-units --no-legend --plain --state=active 'fc-proxy*.service' | cut -d' ' -f1")).trim().split('\n');
    const wanted = ['fc-proxy.service', ...Array.from({ length: count - 1 }, (_, n) => `fc-proxy@${n + 2}.service`)];
    if (units.join(' ') !== wanted.join(' ')) return `there are ${units.join(' ')}`;
    // A process that has come or gone by the last restart says so; each listens on the two ports of the host.
    const desk = (await host.ok("ss -Hxp state established src /run/fc-proxy/desk.sock.* | wc -l")).trim();
    const pids = await Promise.all(units.map(async (unit) => (await host.ok(`systemctl show -P MainPID ${unit}`)).trim()));
    const listening = await host.ok("ss -Hltnp 'sport = :80'");
    const ready = await Promise.all(pids.map(async (pid) => listening.includes(`pid=${(await host.ok(`pgrep -P ${pid} -x node || true`)).trim() || 'none'},`)));
    return ready.every(Boolean) || `listening: ${ready.join(' ')}, at the desk: ${desk}`;
  }, { timeoutMs: 30_000, what: `${count} processes serve` });
}

/** How many containers of these apps were starting at once, by what PID 1 said of them in turn. */
async function mostAtOnce(apps: string): Promise<{ readonly most: number; readonly starts: number }> {
  let [now, most, starts] = [0, 0, 0];
  for (const { message } of await host.journal(`fc-ctr-${apps}-*`)) {
    if (/^Starting /.test(message)) {
      starts++;
      most = Math.max(most, ++now);
    } else if (/^(Started|Failed to start) /.test(message)) now--;
  }
  return { most, starts };
}

async function asleep(): Promise<void> {
  await host.until(async () => (await host.ok("systemctl list-units --no-legend 'fc-ctr-many*' | cat")) === '' || 'awake', { timeoutMs: 30_000, what: 'the apps fall asleep' });
}

test('connections go to all of them', async () => {
  assert.equal((await host.request('steady.test', '/')).status, 200);
  const answers = Promise.all(Array.from({ length: 90 }, () => host.request('steady.test', '/slow?ms=2000')));
  const byProcess = new Map<string, number>();
  await host.until(async () => {
    byProcess.clear();
    for (const [, pid] of (await host.ok("ss -Htnp state established 'sport = :80'")).matchAll(/pid=([0-9]+)/g)) byProcess.set(pid ?? '', (byProcess.get(pid ?? '') ?? 0) + 1);
    return [...byProcess.values()].reduce((sum, count) => sum + count, 0) >= 90 || `connections: ${[...byProcess.values()].join(' ')}`;
  }, { timeoutMs: 10_000, what: '90 connections are accepted' });
  assert.deepEqual(new Set((await answers).map(({ status }) => status)), new Set([200]));
  assert.equal(byProcess.size, 3, `connections: ${[...byProcess.values()].join(' ')}`);
});

test('of twelve apps asked for at once, by several each, no more than max_starts start at a time, and each once', async () => {
  const answers = await Promise.all([0, 1, 2].flatMap(() => MANY.map((app) => host.request(`${app}.test`, '/'))));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const { most, starts } = await mostAtOnce('many*');
  assert.equal(most, 4);
  assert.equal(starts, 12);
});

test('an app that does not start is tried as if there were one process, and the journal says why of all', async () => {
  const answers: Response[] = [];
  const began = performance.now();
  // Tries: the first, one at once, and then after 2 s, 4 s and 8 s.
  while (performance.now() - began < 9000) answers.push(...await Promise.all(Array.from({ length: 12 }, () => host.request('broken.test', '/', { headers: { accept: 'text/plain' } }))));
  const { starts } = await mostAtOnce('broken');
  assert.ok(starts >= 3 && starts <= 4, `${starts} starts`);
  for (const { status, body } of answers) assert.ok(status === 502 || status === 503, `${status} ${body}`);
  // Those who meet the same trouble share its reference.
  const references = new Map(answers.map((answer) => [referenceOf(answer), answer]));
  for (const answer of references.values()) assert.match(await reasonOf(host, answer), /it exited with status 3/);
  assert.ok(answers.filter(({ status }) => status === 503).length > answers.length / 2);
  const told = (await host.journal('fc-proxy*')).filter(({ message }) => /exited with status 3.* generation=broken/.test(message));
  assert.equal(told.length, starts, 'each failure is in the journal once');
});

test('restarts of all, under load: nothing is lost, a download and a WebSocket included', { timeout: 120_000 }, async (t) => {
  const load = new Load({ perSecond: 110, targets: [throughProxy(host, 'steady')], fresh: 0.5 });
  const steady = { address: host.address, domain: 'steady.test' };
  const download = await openDownload(steady, 200);
  const socket = await openSocket(steady);
  for (let n = 0; n < 3; n++) {
    await sleep(2000);
    const before = await host.ok("systemctl show -P InvocationID fc-proxy.service fc-proxy@2.service fc-proxy@3.service");
    await host.ok('systemctl restart fc-proxy');
    await host.until(async () => {
      const now = (await host.ok("systemctl show -P InvocationID fc-proxy.service fc-proxy@2.service fc-proxy@3.service")).split('\n');
      return before.split('\n').every((id) => id === '' || !now.includes(id)) || 'some have not been restarted';
    }, { timeoutMs: 30_000, what: 'all are restarted' });
    await serving(3);
    await socket.echo(`restart ${n}`);
  }
  await socket.close();
  await assertWhole(download, 200);
  const report = await load.stop();
  t.diagnostic(summary(report));
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
});

test('fewer and more of them, under load: nothing is lost', { timeout: 120_000 }, async (t) => {
  const load = new Load({ perSecond: 110, targets: [throughProxy(host, 'steady')], fresh: 0.5 });
  for (const count of [1, 3, 2, 3]) {
    await sleep(1000);
    await processes(count);
  }
  const report = await load.stop();
  t.diagnostic(summary(report));
  assert.equal(report.failures.length, 0, summary(report));
  assert.ok(report.requests >= 100 * report.seconds, summary(report));
});

test('a restart in the middle of twelve starts: all answer, and no more start at a time', async () => {
  await asleep();
  const before = (await mostAtOnce('many*')).starts;
  const answers = [0, 1, 2].flatMap(() => MANY.map((app) => host.request(`${app}.test`, '/')));
  await host.until(async () => (await mostAtOnce('many*')).starts > before || 'none has begun', { timeoutMs: 10_000, what: 'starts' });
  await host.ok('systemctl restart fc-proxy');
  assert.deepEqual(new Set((await Promise.all(answers)).map(({ status }) => status)), new Set([200]));
  assert.equal((await mostAtOnce('many*')).most, 4);
  await serving(3);
});

test('the first is killed in the middle of twelve starts: what it had breaks, all else answers, and no more start at a time', async () => {
  await asleep();
  const before = (await mostAtOnce('many*')).starts;
  const answers = Promise.allSettled([0, 1, 2].flatMap(() => MANY.map((app) => host.request(`${app}.test`, '/'))));
  await host.until(async () => (await mostAtOnce('many*')).starts > before || 'none has begun', { timeoutMs: 10_000, what: 'starts' });
  await host.ok('kill -KILL "$(pgrep -P "$(systemctl show -P MainPID fc-proxy)")"');
  // How many connections it had is chance.
  const ends = (await answers).map((end) => (end.status === 'fulfilled' ? end.value.status : /ECONNRESET|socket hang up/.test(String(end.reason)) ? 'reset' : String(end.reason)));
  assert.deepEqual(ends.filter((end) => end !== 200 && end !== 'reset'), []);
  const again = await Promise.all(MANY.map((app) => host.request(`${app}.test`, '/')));
  assert.deepEqual(new Set(again.map(({ status }) => status)), new Set([200]));
  assert.equal((await mostAtOnce('many*')).most, 4);
  await serving(3);
});

test('stopped, none is left, and the next request brings all back', async () => {
  await host.ok('systemctl stop fc-proxy.service');
  await host.until(async () => (await host.ok("systemctl list-units --no-legend --state=active 'fc-proxy*.service' | cat")) === '' || 'they run', { timeoutMs: 15_000, what: 'all processes are stopped' });
  assert.equal((await host.request('steady.test', '/')).status, 200);
  await serving(3);
  // With the port they go at once.
  await host.ok('systemctl stop fc-proxy.socket');
  assert.equal(await host.ok("systemctl list-units --no-legend --state=active 'fc-proxy*.service' | cat"), '');
  await host.ok('systemctl start fc-proxy.socket fc-proxy.service');
  await serving(3);
});

test('the journal of our units has no line that nobody expected', async () => {
  await host.assertQuiet([
    /^fc-proxy(@[23])?\.service: fc-proxy(@[23])?\.service: (Found left-over process [0-9]+ \(node\)|Unit process [0-9]+ \(node\) remains running after unit stopped)/,
    /^fc-proxy(@[23])?\.service: This usually indicates unclean termination/,
    // The app that does not start.
    /broken[-_]/,
    // The process that was killed, and those that missed it, or fc-proxy.service when it was stopped.
    /^fc-proxy\.service: .*(Main process exited, code=exited, status=137|Failed with result 'exit-code'|Killed)/,
    /^fc-proxy(@[23])?\.service: the desk for starts is (not )?there/,
  ]);
});
