/** fc-admin says how a host and its apps stand, and counts every request once, whatever is restarted meanwhile. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { adminAnswer, appStateOf, hostStatusOf, inFlightOf, untilApp } from '../support/admin.ts';
import { bootHost, type TestHost } from '../support/host.ts';
import { assertWhole, openDownload, openSocket } from '../support/streams.ts';
import { asleep } from '../support/units.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('admin');
  await host.addApp('shop', { idle_timeout_s: 60 }, ['shop.test', '*.shop.test']);
  await host.addApp('napper', { idle_timeout_s: 1 });
  await host.addApp('broken', { command: ['/usr/bin/node', '-e', 'process.exit(3)'] });
  await host.addApp('sleeper');
  await host.addApp('counted', { idle_timeout_s: 60 });
  const { code, stdout, stderr } = await host.sync();
  assert.equal(code, 0, stdout + stderr);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

test('before anybody came: all sleep, and fc-proxy reports', async () => {
  await host.until(async () => {
    const { proxy, counts, sync } = await hostStatusOf(host);
    return (proxy.processes === 1 && counts.asleep === 5 && sync !== null) || JSON.stringify({ proxy, counts, sync });
  }, { timeoutMs: 20_000, what: 'fc-admin knows the apps, fc-proxy and fc-sync' });
  const { host: name, apps, sync } = await hostStatusOf(host);
  assert.equal(name, 'web1');
  assert.deepEqual(apps.map((app) => app.name), ['broken', 'counted', 'napper', 'shop', 'sleeper']);
  assert.equal(sync?.error, null);
  const { domains, state, requests, running, generation } = await appStateOf(host, 'shop');
  assert.deepEqual({ domains: [...domains].sort(), state, requests, running }, { domains: ['*.shop.test', 'shop.test'], state: 'asleep', requests: 0, running: [] });
  assert.match(generation ?? '', /^[0-9a-f]{8}$/);
});

test('an app that wakes, and who woke it', async () => {
  const before = Date.now();
  assert.equal((await host.request('www.shop.test', '/pid?secret=1', { headers: { 'User-Agent': 'Mozilla/5.0 Firefox/1' } })).status, 200);
  const state = await untilApp(host, 'shop', 'it is awake', ({ state, requests }) => state === 'awake' && requests === 1);
  assert.deepEqual(state.running, [state.generation]);
  assert.ok(state.since !== null && state.since >= before - 1000 && state.since <= Date.now() + 1000, `since ${state.since}`);
  assert.deepEqual([state.starts.done, state.starts.failed], [1, 0]);
  assert.ok((state.starts.p50Ms ?? 0) > 10 && state.starts.p50Ms === state.starts.lastMs);
  const { at: _at, client, ...last } = state.last ?? { at: 0, client: '' };
  assert.deepEqual(last, { method: 'GET', host: 'www.shop.test', path: '/pid', userAgent: 'Mozilla/5.0 Firefox/1', bot: false });
  assert.match(client, /^10\.198\./);
  const [event] = (await hostStatusOf(host)).events;
  assert.ok(event?.kind === 'woke' && event.app === 'shop' && event.generation === state.generation);
  assert.equal(event.request?.path, '/pid');
  const { queue, start, ...parts } = event.times;
  assert.ok(queue >= 0 && start > 10);
  const sum = Object.values(parts).reduce((total, ms) => total + ms, 0);
  assert.ok((parts.podman ?? 0) > 0 && sum <= start + 5, JSON.stringify(event.times));
});

test('an app that falls asleep, and one that somebody wakes at its own socket', async () => {
  assert.equal((await host.request('napper.test', '/')).status, 200);
  await asleep(host, 'napper');
  const { since } = await untilApp(host, 'napper', 'it sleeps', ({ state, requests, since }) => state === 'asleep' && requests === 1 && since !== null);
  const slept = (await hostStatusOf(host)).events.find((event) => event.kind === 'slept' && event.app === 'napper');
  assert.ok(slept?.kind === 'slept' && slept.at === since && slept.awakeMs > 500, JSON.stringify(slept));
  await host.ok('curl -s --unix-socket /run/fastcontainer/sleeper.sock http://sleeper.test/');
  const { starts, requests } = await untilApp(host, 'sleeper', 'its start is counted', ({ starts }) => starts.done === 1);
  assert.equal(requests, 0, 'fc-proxy has seen none');
  assert.ok((starts.lastMs ?? 0) > 10);
  const events = (await hostStatusOf(host)).events.filter(({ app, kind }) => app === 'sleeper' && kind === 'woke');
  assert.deepEqual(events.map((event) => event.kind === 'woke' && event.request), [null]);
});

test('an app that does not start, and why', async () => {
  // The first quarantines are over before one has looked twice.
  let asked = 0;
  let state = await appStateOf(host, 'broken');
  await host.until(async () => {
    asked++;
    assert.ok((await host.request('broken.test', '/')).status >= 500);
    state = await appStateOf(host, 'broken');
    return state.state === 'quarantined' || `it is ${state.state}`;
  }, { timeoutMs: 60_000, what: 'broken is quarantined' });
  assert.match(state.why ?? '', /exited with status 3/);
  assert.ok((state.retryAt ?? 0) > Date.now() - 60_000);
  assert.deepEqual([state.starts.done, state.running], [0, []]);
  await untilApp(host, 'broken', 'its visitors count', ({ requests }) => requests === asked);
  const failures = (await hostStatusOf(host)).events.filter((event) => event.kind === 'start-failed');
  assert.deepEqual(failures.slice(0, 2).map((event) => event.kind === 'start-failed' && event.failures), [1, 2]);
});

test('who is in flight', async () => {
  const download = await openDownload({ address: host.address, domain: 'shop.test' }, 30);
  const socket = await openSocket({ address: host.address, domain: 'shop.test' });
  const { count, requests } = await inFlightOf(host, 'shop');
  assert.equal(count, 2);
  assert.deepEqual(requests.map(({ doing }) => doing).sort(), ['request', 'upgrade']);
  await untilApp(host, 'shop', 'two are in flight', ({ inFlight }) => inFlight === 2);
  await assertWhole(download, 30);
  await socket.close();
  await untilApp(host, 'shop', 'none is', ({ inFlight }) => inFlight === 0);
});

/** Requests for an app, one after the other. */
async function ask(app: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) assert.equal((await host.request(`${app}.test`, '/')).status, 200);
}

test('every request counts once, whatever is restarted, stopped or killed', async () => {
  await ask('counted', 10);
  await host.ok('systemctl restart fc-proxy fc-admin');
  await ask('counted', 10);
  await host.ok('systemctl restart fc-admin');
  await ask('counted', 5);
  await host.ok('systemctl restart fc-proxy');
  await ask('counted', 5);
  // Nobody to tell it to.
  await host.ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service');
  await ask('counted', 10);
  await host.ok('systemctl start fc-admin.socket fc-admin-report.socket fc-admin.service');
  await untilApp(host, 'counted', 'all of them count', ({ requests }) => requests >= 40);
  // What it has not stored yet, fc-proxy tells anew.
  await ask('counted', 10);
  await untilApp(host, 'counted', 'all of them count', ({ requests }) => requests >= 50);
  await host.ok('systemctl kill --signal=KILL fc-admin.service');
  await untilApp(host, 'counted', 'it counts again', ({ requests }) => requests >= 50);
  const { requests, starts } = await appStateOf(host, 'counted');
  assert.deepEqual([requests, starts.done], [50, 1]);
});

test('two processes add up', async () => {
  await host.ok("printf '[proxy]\\nprocesses = 2\\n' >>/etc/fastcontainer/fastcontainer.ini; systemctl restart fc-proxy");
  await host.until(async () => {
    const { processes } = (await hostStatusOf(host)).proxy;
    return processes === 2 || `${processes} report`;
  }, { timeoutMs: 30_000, what: 'two processes report' });
  await Promise.all(Array.from({ length: 20 }, () => ask('counted', 1)));
  await untilApp(host, 'counted', 'all count', ({ requests }) => requests === 70);
  // A process that goes has told all.
  await host.ok("sed -i '/^processes/d; /^\\[proxy\\]$/d' /etc/fastcontainer/fastcontainer.ini; systemctl restart fc-proxy");
  await ask('counted', 10);
  await untilApp(host, 'counted', 'none is lost, none counts twice', ({ requests }) => requests === 80);
});

test('what was counted outlives a file that makes no sense only where it was set aside, and a request never waits for it', async () => {
  await host.until(async () => {
    const { processes } = (await hostStatusOf(host)).proxy;
    return processes === 1 || `${processes} report`;
  }, { timeoutMs: 30_000, what: 'one process reports' });
  await ask('counted', 10);
  await host.ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service; echo "{" >/var/lib/fastcontainer/admin/counters.json; systemctl start fc-admin.socket fc-admin-report.socket fc-admin.service');
  // What the process counts that lives; those before it have gone.
  const { requests } = await untilApp(host, 'counted', 'what fc-proxy knows is told', ({ requests }) => requests >= 10);
  assert.ok(requests < 90, `${requests}`);
  assert.equal(await host.ok('cat /var/lib/fastcontainer/admin/counters.json.unreadable'), '{\n');
});

test('wrong questions are told what is wrong, and nobody but fc-proxy can report', async () => {
  for (const [path, status, says] of [
    ['/state.json?ap=shop', 400, /no parameter/], ['/state.json?app=nobody', 404, /knows no app nobody/], ['/state.json?limit=x', 400, /limit/],
    ['/inflight.json', 400, /Of which app/], ['/inflight.json?app=A', 400, /name of an app/], ['/etc/passwd', 404, /nothing here/], ['/../state.json', 404, /nothing here/],
  ] as const) {
    const answer = await adminAnswer(host, path.replace('/../', '/%2e%2e/'));
    assert.equal(answer.status, status, path);
    assert.match(answer.body, says);
  }
  const codes = (what: string): Promise<string> => host.ok(`curl -s -o /dev/null -w '%{http_code}' ${what} http://127.0.0.1:8078/state.json`);
  assert.equal(await codes(''), '200');
  assert.equal(await codes('-X POST'), '405');
  assert.equal(await codes('-H "Host: evil.example"'), '421');
  assert.equal(await codes('-H "Host: web1"'), '200');
  assert.equal(await host.ok('stat -c "%a %U" /run/fc-admin/admin.sock /run/fc-admin/report.sock /var/lib/fastcontainer/admin'), '666 root\n600 fc-proxy\n750 fc-proxy\n');
  assert.equal((await host.sh('setpriv --reuid nobody --clear-groups nc -N -U /run/fc-admin/report.sock </dev/null || setpriv --reuid nobody --clear-groups curl -s --unix-socket /run/fc-admin/report.sock http://x/')).code, 7);
  for (const command of ['fc-admin --lisen x', 'fc-admin --listen x', 'fc-admin', 'fc-admin --config /nowhere --listen 127.0.0.1:1']) {
    const { code, stderr } = await host.sh(command);
    assert.equal(code, 2, command);
    assert.match(stderr, command.includes('config') ? /\/nowhere/ : /^fc-admin: .*\nTry fc-admin --help\.\n$/);
  }
  assert.match(await host.ok('fc-admin --help'), /^Usage: fc-admin/);
});

test('the journal of our units has no line that nobody expected', async () => {
  await host.assertQuiet([
    /broken[-_]/,
    /^fc-proxy(@2)?\.service: fc-proxy(@2)?\.service: (Found left-over process [0-9]+ \(node\)|Unit process [0-9]+ \(node\) remains running after unit stopped)/,
    /^fc-proxy(@2)?\.service: This usually indicates unclean termination/,
    /^fc-proxy(@2)?\.service: the desk for starts is (not )?there/,
    /^fc-admin\.service: .*(code=killed, status=9\/KILL|Failed with result 'signal')/,
    /^fc-admin\.service: what was counted before cannot be read, and is set aside/,
  ]);
});
