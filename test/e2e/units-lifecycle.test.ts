/** An app's life by its units: awake while it is used, asleep by itself, and nothing of it left behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { bootHost, type TestHost } from '../support/host.ts';
import { asleep, containerOf, instanceOf, jsonOf, PROBE_COMMAND, reasonOf } from '../support/units.ts';

let host: TestHost;

/** Perl is in every Debian: a first process that blocks SIGTERM and looks for it, as tini and dumb-init do. */
const BLOCKS_TERM = `
use POSIX; use Socket; $| = 1;
POSIX::sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM));
socket(my $door, PF_INET, SOCK_STREAM, 0); bind($door, sockaddr_in(8080, INADDR_ANY)); listen($door, 9);
for (;;) {
  my $ready = ''; vec($ready, fileno($door), 1) = 1;
  if (select($ready, undef, undef, 0.05)) { accept(my $client, $door); sysread($client, my $request, 9999); syswrite($client, "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n"); close($client); }
  my $pending = POSIX::SigSet->new; POSIX::sigpending($pending);
  if ($pending->ismember(SIGTERM)) { print "tidied up\\n"; exit 0 }
}`;

// Node handles SIGTERM until the last listener of its own is gone.
const NO_HANDLER = "const f = () => {}; process.on('SIGTERM', f); process.off('SIGTERM', f); import('node:http').then(({ createServer }) => createServer((_, response) => response.end('ok')).listen(8080));";

before(async () => {
  host = await bootHost('lifecycle');
  await host.ok(`
    cd /srv/fastcontainer; cp -a test-app perl
    cp -L --parents /usr/bin/perl $(ldd /usr/bin/perl | grep -o '/[^ ]*') perl; cp -a --parents /usr/lib/*/perl-base perl`);
  const idle = { idle_timeout_s: 2 };
  await host.addApp('idler', { ...idle, env: { SECRET: 'one\ntwo' }, volumes: ['/srv/fastcontainer/data:/data'] });
  await host.addApp('sleepless', { idle_timeout_s: null });
  await host.addApp('graceful', { ...idle, stop_timeout_s: 20 });
  await host.addApp('stubborn', { ...idle, stop_timeout_s: 2, env: { IGNORE_TERM: '1' } });
  await host.addApp('deaf', { ...idle, stop_timeout_s: 20, command: ['/usr/bin/node', '-e', NO_HANDLER] });
  await host.addApp('blocker', { ...idle, stop_timeout_s: 20, rootfs: '/srv/fastcontainer/perl', command: ['/usr/bin/perl', '-e', BLOCKS_TERM] });
  await host.addApp('hasty', { ...idle, stop_timeout_s: 0 });
  await host.addApp('slow-start', { env: { START_DELAY_MS: '1500' }, start_timeout_s: 10 });
  await host.addApp('mute', { env: { NEVER_LISTEN: '1' }, start_timeout_s: 8 });
  await host.addApp('readies', { env: { READY_AFTER_MS: '1200' }, ready_path: '/ready', ...idle });
  await host.addApp('unready', { env: { READY_AFTER_MS: '99999' }, ready_path: '/ready', start_timeout_s: 8 });
  await host.addApp('gone', { ...idle, env: { A: 'x', B: 'a\nb' }, volumes: ['/srv/fastcontainer/data:/data:ro'], command: PROBE_COMMAND });
  await host.ok('mkdir /srv/fastcontainer/data');
  const { stdout, stderr, code } = await host.sync();
  assert.equal(code, 0, stdout + stderr);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

const run = async (app: string): Promise<string> => /^run (.*)$/m.exec((await host.request(`${app}.test`, '/')).body)?.[1] ?? '';

describe('an idle app', () => {
  test('falls asleep by itself, and leaves no container, process, secret, mount or file behind', async () => {
    assert.notEqual(await run('idler'), '');
    const instance = await instanceOf(host, 'idler');
    const left = async (): Promise<string> => await host.ok(`
      podman ps --all --format 'container {{.Names}}' --filter name=fc-${instance}; podman secret ls --format 'secret {{.Name}}' | grep fc-${instance} || true
      ls -d /run/fastcontainer/${instance}.pid /run/fastcontainer/mounts/${instance} 2>/dev/null || true
      grep -l ${instance} /proc/[0-9]*/cmdline /proc/[0-9]*/cgroup 2>/dev/null || true
      findmnt -rno TARGET | grep mounts/${instance} || true
      find /sys/fs/cgroup -path '*fc-ctr-${instance}*'; ls /var/lib/containers/storage/secrets/filedriver/*.lock 2>/dev/null || true`);
    // The search would find them.
    const busy = host.request('idler.test', '/slow?ms=3000');
    const found = await left();
    for (const what of [/^container /m, /^secret /m, /\.pid$/m, /mounts/, /cmdline$/m, /sys\/fs\/cgroup/]) assert.match(found, what);
    assert.equal((await busy).status, 200);
    await asleep(host, 'idler');
    assert.equal((await left()).replace(/^.*\.lock\n/gm, ''), '');
    assert.equal((await host.sh(`ip netns exec fc-${instance} true`)).code, 0, 'its network stays');
  });

  test('wakes again, as another run of the same generation', async () => {
    const instance = await instanceOf(host, 'idler');
    const first = await run('idler');
    await asleep(host, 'idler');
    assert.notEqual(await run('idler'), first);
    assert.equal(await instanceOf(host, 'idler'), instance);
  });
});

describe('an app in use stays awake', () => {
  test('while a request lasts, and while a WebSocket is open', async () => {
    const socket = new WebSocket(`ws://${host.address}/ws`, { headers: { host: 'idler.test' } });
    await once(socket, 'open');
    const first = await run('idler');
    // More than twice the idle time.
    const [slow, stream] = await Promise.all([host.request('idler.test', '/slow?ms=4500'), host.request('idler.test', '/events?ms=900&count=5')]);
    assert.deepEqual([slow.status, stream.status], [200, 200]);
    assert.equal(await run('idler'), first);
    const answered = once(socket, 'message');
    socket.send('still there');
    assert.equal(String((await answered)[0]), 'still there');
    socket.close();
    await asleep(host, 'idler');
  });
});

describe('an app that never sleeps', () => {
  test('is awake from the sync on, under a lease without end', async () => {
    const instance = await instanceOf(host, 'sleepless');
    await host.until(async () => await host.state(`fc-ctr-${instance}.service`) === 'active' || 'not yet', { timeoutMs: 10_000, what: 'it woke without a request' });
    const lease = await host.ok(`systemctl show fc-lease-never@${instance}.timer -p ActiveState -p NextElapseUSecMonotonic -p NextElapseUSecRealtime`);
    assert.match(lease, /NextElapseUSecMonotonic=infinity/);
    assert.match(lease, /ActiveState=active/);
    // Which others slept through by now.
    const upS = Number(await host.ok(`awk -v since="$(systemctl show -P ActiveEnterTimestampMonotonic fc-ctr-${instance}.service)" '{ print $1 - since / 1e6 }' /proc/uptime`));
    assert.ok(upS > 5, String(upS));
  });

  test('stops when an operator stops it, and comes back with a request or the next sync', async () => {
    const unit = await containerOf(host, 'sleepless');
    await host.ok(`systemctl stop ${unit}`);
    assert.equal(await host.state(unit), 'inactive');
    assert.notEqual(await run('sleepless'), '');
    await host.ok(`systemctl stop ${unit}`);
    assert.equal((await host.sync()).code, 0);
    assert.equal(await host.state(unit), 'active');
  });
});

describe('an app that is stopped', { concurrency: true }, () => {
  /** Seconds that systemd took to stop it once its lease ran out. */
  const stopTook = async (app: string): Promise<number> => {
    assert.equal((await host.request(`${app}.test`, '/')).status, 200);
    await asleep(host, app, 20_000);
    const unit = await containerOf(host, app);
    const times = (await host.ok(`systemctl show ${unit} -p ActiveExitTimestampMonotonic -p InactiveEnterTimestampMonotonic | sort | cut -d= -f2`)).trim().split('\n').map(Number);
    assert.equal(await host.ok(`systemctl show -P Result ${unit}`), 'success\n');
    return ((times[1] ?? NaN) - (times[0] ?? NaN)) / 1e6;
  };
  /** Podman's share, on a busy machine; no grace but one is that short. */
  const MARGIN_S = 8;

  test('ends at its own pace when it handles the signal', async () => {
    assert.ok(await stopTook('graceful') < MARGIN_S);
  });

  test('is killed after the grace when it handles the signal and does not end', async () => {
    const seconds = await stopTook('stubborn');
    assert.ok(seconds >= 2 && seconds < 2 + MARGIN_S, String(seconds));
    const said = (await host.journal(await containerOf(host, 'stubborn'))).map(({ message }) => message);
    assert.ok(said.some((line) => /still there 2 s after signal 15/.test(line)), said.join('\n'));
  });

  test('is killed at once when the signal would be lost on it', async () => {
    for (const seconds of await Promise.all([stopTook('deaf'), stopTook('hasty')])) assert.ok(seconds < MARGIN_S, String(seconds));
  });

  test('gets its grace when it blocks the signal to look for it', async () => {
    assert.ok(await stopTook('blocker') < MARGIN_S);
    const said = (await host.journal(await containerOf(host, 'blocker'))).map(({ message }) => message);
    assert.ok(said.includes('tidied up'), said.join('\n'));
  });
});

describe('a start', { concurrency: true }, () => {
  test('may take its time, within start_timeout_s', async () => {
    const response = await host.request('slow-start.test', '/pid');
    assert.equal(response.status, 200);
    assert.ok(Number(/fc-start;dur=([0-9.]+)/.exec(String(response.headers['server-timing']))?.[1]) >= 1500, String(response.headers['server-timing']));
  });

  test('that never listens ends with a reason, within start_timeout_s', async () => {
    const began = performance.now();
    const response = await host.request('mute.test', '/');
    assert.ok(performance.now() - began < 8500);
    assert.ok([502, 504].includes(response.status), String(response.status));
    assert.match(await reasonOf(host, response), /nothing listens on port 8080/);
  });

  test('is over when ready_path answers, not when the port listens', async () => {
    const { uptimeMs } = Object.assign({ uptimeMs: 0 }, jsonOf(await host.request('readies.test', '/pid')));
    assert.ok(uptimeMs >= 1200, String(uptimeMs));
  });

  test('whose ready_path never answers well ends with that as the reason', async () => {
    const response = await host.request('unready.test', '/');
    assert.ok([502, 504].includes(response.status), String(response.status));
    assert.match(await reasonOf(host, response), /GET \/ready answered 503/);
  });
});

test('after its removal nothing is left of an app', async () => {
  assert.equal((await host.request('gone.test', '/', { method: 'POST', body: 'return 1' })).status, 200);
  const instance = await instanceOf(host, 'gone');
  const index = (await host.ok(`. /var/lib/fastcontainer/net/${instance}; echo $FC_INTERFACE`)).trim();
  const left = async (): Promise<string> => await host.ok(`
    systemctl list-units --all --plain --no-legend '*gone*' | grep -v '\\.slice' || true
    find /etc/systemd /run/systemd /run/netns /var/lib/fastcontainer /run/fastcontainer /run/fastcontainer-sys /run/containers -name '*gone*'; podman ps --all | grep gone || true
    grep -l '"gone"' /var/lib/fastcontainer/*.json || true; ip -o link show ${index} 2>/dev/null || true`);
  const busy = host.request('gone.test', '/', { method: 'POST', body: 'await new Promise((resolve) => setTimeout(resolve, 3000))' });
  const found = await left();
  assert.equal((await busy).status, 200);
  for (const what of [/fc-ctr-gone/, /etc\/systemd\/system\/fc-app-gone/, /fc-doors\.target\.wants/, /run\/netns/, /fastcontainer\/net/, /fastcontainer\/env/, /gone\.sock/, /snapshot/, new RegExp(`${index}@`)]) assert.match(found, what);
  await host.sql("DELETE FROM apps WHERE name = 'gone'");
  assert.equal((await host.sync()).code, 0);
  assert.equal((await host.request('gone.test', '/')).status, 404);
  await asleepUnit(`fc-ctr-${instance}.service`);
  assert.equal((await host.sync()).code, 0);
  // systemd looks at the table of mounts only so many times a second.
  await host.until(async () => await left() || true, { timeoutMs: 10_000, what: 'nothing is left' });
});

async function asleepUnit(unit: string): Promise<void> {
  await host.until(async () => ['inactive', 'unknown'].includes(await host.state(unit)) || 'it runs', { timeoutMs: 15_000, what: `${unit} ends` });
}

test('no unit is failed but those that could not start, and the journal holds no line nobody expected', async () => {
  const failed = (await host.ok("systemctl list-units --failed --plain --no-legend | cut -d' ' -f1")).trim().split('\n').map((unit) => unit.replace(/-[0-9a-f]{8}/, ''));
  assert.deepEqual(failed.filter((unit) => !/^(?:|fc-ctr-(?:mute|unready)\.service)$/.test(unit)), []);
  await host.assertQuiet([/^fc-ctr-(?:mute|unready)-.*(?:Failed with result 'exit-code'|Failed to start|Dependency failed|Control process exited)/, /^fc-lease-300s@(?:mute|unready)-.*Dependency failed/, /^fc-proxy\.service: The app did not start: .*(?:mute|unready)/]);
});
