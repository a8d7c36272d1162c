/** Apps that do not start, die, or listen in the wrong place: the client hears why, and nothing else suffers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, TEST_ROOTFS, type TestHost } from '../support/host.ts';
import { reasonOf } from '../support/units.ts';

let host: TestHost;

/** An app that starts only while /srv/fastcontainer/flags/<name> is there. */
const flagged = (name: string): Record<string, string | number> => ({
  image: 'localhost/fc-test-app',
  command: JSON.stringify(['/usr/bin/node', '-e', "if (!require('node:fs').existsSync('/flags/" + name + "')) process.exit(7); import('/app.mjs')"]),
  volumes: JSON.stringify(['/srv/fastcontainer/flags:/flags:ro']),
  idle_timeout_s: 2,
  start_timeout_s: 5,
});

before(async () => {
  host = await bootHost('failure', { sync: 'watch' });
  await host.ok('mkdir -p /srv/fastcontainer/flags');
  await host.addApp('exits', { env: { EXIT_AT_START: '3' }, start_timeout_s: 5 });
  await host.addApp('mute', { env: { NEVER_LISTEN: '1' }, start_timeout_s: 5 });
  await host.addApp('elsewhere', { env: { LISTEN_PORT: '9090' }, start_timeout_s: 5 });
  await host.addApp('shy', { env: { LISTEN_HOST: '127.0.0.1' }, idle_timeout_s: 2 });
  await host.addApp('noimage', { image: 'localhost/nothing-here:1', start_timeout_s: 5 });
  await host.addApp('nocommand', { rootfs: TEST_ROOTFS, command: ['/usr/bin/no-such-program'], start_timeout_s: 5 });
  await host.addApp('fickle', flagged('fickle'));
  await host.addApp('direct', flagged('direct'));
  await host.addApp('sound', { idle_timeout_s: 60 });
  await host.until(async () => (await host.ok('ls /run/fastcontainer/*.sock | wc -l')).trim() === '18' || 'not all', { timeoutMs: 20_000, what: 'all apps are there' });
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** What a visitor must not read: how the app is run, and what of that went wrong. */
const INTERNALS = /podman|systemd|exit|status \d|port \d|image|unit|fc-|\/usr|localhost/i;

describe('a client hears in plain words that it does not work, and the journal why, within the start time-out', () => {
  const cases: readonly [string, number, readonly number[], RegExp][] = [
    ['exits', 5, [502, 503], /exited with status 3/],
    ['mute', 5, [502, 503, 504], /nothing listens on port 8080/],
    ['elsewhere', 5, [502, 503, 504], /nothing listens on port 8080.*9090/],
    ['noimage', 5, [502, 503], /fc-image@[0-9a-f]{16}\.service could not fetch its image localhost\/nothing-here:1: no registry has it/],
    ['nocommand', 5, [502, 503], /did not start/],
  ];
  for (const [app, limitS, statuses, reason] of cases) {
    test(app, async () => {
      const began = performance.now();
      const response = await host.request(`${app}.test`, '/', { headers: { accept: 'application/json' } });
      const tookMs = performance.now() - began;
      assert.ok(statuses.includes(response.status), `${response.status} ${response.body}`);
      assert.equal(response.headers['content-type'], 'application/problem+json');
      const { detail } = JSON.parse(response.body) as { detail: string };
      assert.doesNotMatch(detail, INTERNALS);
      assert.match(await reasonOf(host, response), reason);
      assert.ok(tookMs < limitS * 1000, `${Math.round(tookMs)} ms`);
    });
  }

  test('a person gets a page', async () => {
    const { status, headers, body } = await host.request('exits.test', '/', { headers: { accept: 'text/html,application/xhtml+xml' } });
    assert.ok(status >= 500);
    assert.match(String(headers['content-type']), /^text\/html/);
    assert.match(body, /<!doctype html>/i);
    assert.doesNotMatch(body.replace(/^.*<main>/s, ''), INTERNALS);
    assert.match(await reasonOf(host, { status, headers, body }), /exited with status 3/);
  });
});

describe('repeated failure', () => {
  test('is answered from quarantine with a growing Retry-After, and starts nothing meanwhile', async () => {
    const waits: number[] = [];
    await host.until(async () => {
      const { status, headers } = await host.request('fickle.test', '/');
      if (status === 503 && headers['retry-after'] !== undefined) waits.push(Number(headers['retry-after']));
      return Math.max(0, ...waits) >= 7 || `Retry-After was ${waits.join(' ')}`;
    }, { timeoutMs: 40_000, what: 'a pause of more than four seconds' });
    const starts = async (): Promise<number> => (await host.journal('fc-ctr-fickle-*')).filter(({ message }) => /^Starting /.test(message)).length;
    const before = await starts();
    const answers = await Promise.all(Array.from({ length: 20 }, () => host.request('fickle.test', '/')));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([503]));
    assert.equal(await starts(), before);
    assert.equal((await host.request('sound.test', '/')).status, 200, 'other apps do not notice');
  });

  test('ends by itself as soon as the app starts again: no operator, no reset-failed', async () => {
    await host.ok('touch /srv/fastcontainer/flags/fickle');
    await host.until(async () => {
      const { status, body } = await host.request('fickle.test', '/');
      return status === 200 || `${status} ${body}`;
    }, { timeoutMs: 30_000, what: 'fickle serves' });
    assert.equal((await host.request('fickle.test', '/')).status, 200);
  });
});

describe('straight to the socket of an app that does not start', () => {
  const connect = async (): Promise<number> => (await host.sh('curl -s -m 20 -o /dev/null --unix-socket /run/fastcontainer/direct.sock http://x/')).code;
  const starts = async (): Promise<number> => (await host.journal('fc-ctr-direct-*')).filter(({ message }) => /^Starting /.test(message)).length;

  test('a client is turned away, and PID 1 does not go on trying', async () => {
    assert.notEqual(await connect(), 0);
    await host.until(async () => (await host.ok("systemctl is-active 'fc-refuse@direct-*' || true")).trim() !== 'active' || 'refusing', { timeoutMs: 20_000, what: 'the door opens again' });
    const before = await starts();
    assert.ok(before >= 1 && before <= 3, `${before} starts for one client`);
    const cpu = async (): Promise<number> => Number((await host.ok("cut -d' ' -f14,15 /proc/1/stat | tr ' ' +")).split('+').reduce((sum, part) => sum + Number(part), 0));
    const ticks = await cpu();
    await host.ok('sleep 2'); // The time over which PID 1 is watched.
    assert.ok((await cpu()) - ticks < 40, 'PID 1 uses less than a fifth of a CPU (100 ticks a second)');
    assert.equal(await starts(), before);
  });

  test('the socket comes back by itself, and so does the app', async () => {
    await host.ok('touch /srv/fastcontainer/flags/direct');
    await host.until(async () => (await connect()) === 0 || 'refused', { timeoutMs: 40_000, what: 'the socket answers again' });
    assert.equal((await host.request('direct.test', '/')).status, 200, 'and through fc-proxy');
  });
});

describe('an app that listens on loopback only', () => {
  test('works through its gate: GET, POST with a body, and again after it has slept', async () => {
    for (let round = 0; round < 2; round++) {
      assert.equal((await host.request('shy.test', '/')).status, 200);
      const body = 'a body '.repeat(10_000);
      const echo = await host.request('shy.test', '/echo', { method: 'POST', body });
      assert.equal(echo.body, body);
      await host.until(async () => (await host.ok("systemctl is-active 'fc-ctr-shy-*' || true")).trim() !== 'active' || 'awake', { timeoutMs: 20_000, what: 'shy falls asleep' });
    }
  });
});

describe('a container that is killed', () => {
  test('between requests costs none', async () => {
    for (let round = 0; round < 5; round++) {
      assert.equal((await host.request('sound.test', '/')).status, 200);
      // Dead is it once the kernel has closed its sockets: a request that reaches those is inside.
      await host.ok('kill -KILL "$(cat /run/fastcontainer/sound-*.pid)"; while [ -n "$(nsenter --net="$(echo /run/netns/fc-sound-*)" ss -Hltn)" ]; do sleep 0.01; done', { timeoutMs: 10_000 });
      assert.equal((await host.request('sound.test', '/echo', { method: 'POST', body: 'x' })).status, 200, `round ${round}`);
    }
  });

  test('with a request inside: a GET is asked again, a POST is told that it broke', async () => {
    assert.equal((await host.request('sound.test', '/')).status, 200);
    const get = host.request('sound.test', '/slow?ms=1500');
    const post = host.request('sound.test', '/slow?ms=1500', { method: 'POST', body: 'x' });
    await host.ok('sleep 0.7'); // Both are inside by then, and neither is answered.
    await host.ok('kill -KILL "$(cat /run/fastcontainer/sound-*.pid)"');
    assert.equal((await get).status, 200);
    assert.equal((await post).status, 502);
  });
});

test('no unit is left in a state from which only reset-failed helps', async () => {
  for (const app of ['exits', 'mute', 'elsewhere', 'noimage', 'nocommand']) {
    await host.ok(`systemctl start fc-app-${app}-*.socket`).catch(() => undefined);
    const sockets = await host.ok(`cd /etc/systemd/system && ls fc-app-${app}-*.socket`);
    for (const socket of sockets.trim().split('\n')) assert.equal((await host.exec('systemctl', 'start', socket)).code, 0, socket);
  }
  // A plain start is tried again each time: "start-limit-hit" is what only reset-failed would end.
  const limits = (await host.journal('fc-*')).filter(({ message }) => /start-limit-hit|repeated too quickly/.test(message));
  assert.deepEqual(limits, []);
});
