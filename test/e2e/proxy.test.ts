/** fc-proxy on a real host: as its unit, as its user, through polkit, behind systemd's sockets. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { bootHost, type TestHost } from '../support/host.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('proxy');
  await host.addApp('shop', { env: { APP_NAME: 'shop' }, idle_timeout_s: 60 }, ['shop.test', '*.shop.test']);
  await host.addApp('blog', { env: { APP_NAME: 'blog' }, idle_timeout_s: 60 }, ['blog.shop.test']);
  assert.equal((await host.sync()).code, 0);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Bytes to fc-proxy, and all that it answers until it closes. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(80, host.address, () => { socket.write(text); });
    let answer = '';
    socket.setTimeout(20_000, () => socket.destroy(new Error('no end within 20 s')));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => { answer += chunk; });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

const starts = async (app: string): Promise<number> => (await host.journal(`fc-ctr-${app}-*`)).filter(({ message }) => /^Starting /.test(message)).length;

describe('routing', () => {
  const served: readonly [string, string, RegExp][] = [
    ['exact', 'shop.test', /hello from shop/],
    ['case and port ignored', 'SHOP.Test:8080', /hello from shop/],
    ['a trailing dot ignored', 'shop.test.', /hello from shop/],
    ['wildcard', 'www.shop.test', /hello from shop/],
    ['wildcard, several labels', 'a.b.shop.test', /hello from shop/],
    ['exact before wildcard', 'blog.shop.test', /hello from blog/],
  ];
  for (const [what, name, body] of served) {
    test(what, async () => {
      const response = await host.request(name, '/');
      assert.equal(response.status, 200);
      assert.match(response.body, body);
    });
  }

  test('an absolute-form target counts, not Host (RFC 9112 3.2.2)', async () => {
    assert.match(await raw('GET http://blog.shop.test/ HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200[^]*hello from blog/);
  });

  for (const [what, head, status] of [
    ['no Host', 'GET / HTTP/1.1', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: shop.test\r\nHost: blog.shop.test', 400],
    ['an IPv6 literal that no app has', 'GET / HTTP/1.1\r\nHost: [::1]:80', 404],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: shop.test/evil', 400],
  ] as const) {
    test(`${what}: ${status}`, async () => {
      assert.match(await raw(`${head}\r\nConnection: close\r\n\r\n`), new RegExp(`^HTTP/1\\.1 ${status} `));
    });
  }
});

describe('a cold start', () => {
  test('carries its receipt, once, and says the same in the journal', async () => {
    await host.addApp('cold', { idle_timeout_s: 60 });
    assert.equal((await host.sync()).code, 0);
    const first = await host.request('cold.test', '/');
    assert.match(String(first.headers['server-timing']), /fc-queue;dur=[\d.]+, fc-start;dur=[\d.]+, fc-app;dur=[\d.]+/);
    assert.equal((await host.request('cold.test', '/')).headers['server-timing'], undefined);
    const lines = (await host.journal('fc-proxy.service')).filter(({ message }) => /answered after a start generation=cold-/.test(message));
    assert.equal(lines.length, 1);
    assert.match(lines[0]?.message ?? '', /queue_ms=[\d.]+ start_ms=[\d.]+ app_ms=[\d.]+/);
  });

  test('starts at most max_starts containers at once, in the order in which they were asked for, and all answer', async () => {
    const apps = Array.from({ length: 8 }, (_, i) => `many${i}`);
    for (const app of apps) await host.addApp(app, { env: { START_DELAY_MS: '700' }, idle_timeout_s: 60 });
    assert.equal((await host.sync()).code, 0);
    let most = 0;
    let done = false;
    const watching = (async () => {
      while (!done) most = Math.max(most, Number(await host.ok("systemctl list-units --no-legend --state=activating 'fc-ctr-many*' | wc -l")));
    })();
    const answers = await Promise.all(apps.map((app) => host.request(`${app}.test`, '/')));
    done = true;
    await watching;
    assert.deepEqual(answers.map(({ status }) => status), apps.map(() => 200));
    assert.ok(most >= 2 && most <= 4, `${most} at once`);
  });

  test('of an app that too many wait for: the rest get 503 and Retry-After', async () => {
    await host.ok("printf '[proxy]\\nmax_waiting = 8\\n' >> /etc/fastcontainer/fastcontainer.ini && systemctl restart fc-proxy");
    await host.addApp('crowd', { env: { START_DELAY_MS: '1500' }, idle_timeout_s: 60 });
    assert.equal((await host.sync()).code, 0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => host.request('crowd.test', '/')));
    const refused = answers.filter(({ status }) => status === 503);
    assert.equal(answers.filter(({ status }) => status === 200).length, 6, 'three quarters of max_waiting for one app');
    assert.equal(refused.length, 14);
    for (const { headers } of refused) assert.ok(Number(headers['retry-after']) >= 1);
    assert.equal(await starts('crowd'), 1);
    await host.ok("sed -i '/^max_waiting/d; /^\\[proxy\\]$/d' /etc/fastcontainer/fastcontainer.ini && systemctl restart fc-proxy");
  });
});

describe('an unknown host name', () => {
  test('makes fc-sync look before it is denied: a row that is there is found', async () => {
    await host.addApp('fresh', { env: { APP_NAME: 'fresh' } });
    assert.match((await host.request('fresh.test', '/')).body, /hello from fresh/);
  });

  test('makes it look once a second at most, and is answered 404', async () => {
    const runs = async (): Promise<number> => (await host.journal('fc-sync.service')).filter(({ message }) => /^Starting /.test(message)).length;
    const before = await runs();
    const began = performance.now();
    const answers = [];
    for (let i = 0; i < 10; i++) answers.push(await host.request(`nobody${i}.test`, '/'));
    const seconds = (performance.now() - began) / 1000;
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([404]));
    const looked = (await runs()) - before;
    assert.ok(looked >= 1 && looked <= Math.ceil(seconds) + 1, `${looked} runs in ${seconds.toFixed(1)} s`);
  });
});

describe('what fc-proxy may do', () => {
  const ask = (verb: string, unit: string): Promise<{ code: number }> =>
    host.exec('setpriv', '--reuid=fc-proxy', '--regid=fc-proxy', '--init-groups', 'busctl', 'call', '--quiet', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', verb, 'ss', unit, 'replace');

  test('start and restart leases, start doors, start fc-sync: nothing else', async () => {
    const instance = (await host.ok("cd /etc/systemd/system && ls fc-ctr-shop-*.service")).trim().slice('fc-ctr-'.length, -'.service'.length);
    const allowed = [['StartUnit', `fc-lease-60s@${instance}.timer`], ['RestartUnit', `fc-lease-60s@${instance}.timer`], ['StartUnit', `fc-app-${instance}.socket`], ['StartUnit', 'fc-sync.service']] as const;
    const denied = [
      ['StopUnit', `fc-lease-60s@${instance}.timer`], ['StopUnit', `fc-app-${instance}.socket`], ['RestartUnit', `fc-app-${instance}.socket`],
      ['StartUnit', `fc-ctr-${instance}.service`], ['RestartUnit', `fc-ctr-${instance}.service`], ['StopUnit', `fc-ctr-${instance}.service`],
      ['StartUnit', `fc-app-${instance}.service`], ['StartUnit', `fc-net-00@${instance}.service`], ['StopUnit', 'fc-sync.service'], ['RestartUnit', 'fc-sync.service'],
      ['RestartUnit', 'fc-proxy.service'], ['StartUnit', 'mariadb.service'], ['StopUnit', 'mariadb.service'], ['StartUnit', 'rescue.target'],
      ['StartUnit', `fc-lease-60s@${instance}.service`], ['StartUnit', 'fc-apps.target'], ['StopUnit', 'fc-apps.target'],
    ] as const;
    for (const [verb, unit] of allowed) assert.equal((await ask(verb, unit)).code, 0, `${verb} ${unit}`);
    for (const [verb, unit] of denied) assert.notEqual((await ask(verb, unit)).code, 0, `${verb} ${unit}`);
    assert.notEqual((await host.exec('setpriv', '--reuid=fc-proxy', '--regid=fc-proxy', '--init-groups', 'systemd-run', '--quiet', '/bin/true')).code, 0);
  });

  test('and it runs without privileges: user, capabilities, no new ones, files it cannot read', async () => {
    const pid = (await host.ok("systemctl show -P ControlGroup fc-proxy | xargs -I{} cat /sys/fs/cgroup{}/cgroup.procs | while read -r p; do [ \"$(cat /proc/$p/comm)\" = node ] && echo $p; done | tail -n 1")).trim();
    const status = await host.ok(`cat /proc/${pid}/status`);
    assert.match(status, /^CapEff:\s+0+$/m);
    assert.match(status, /^CapBnd:\s+0+$/m);
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    assert.match(status, /^Seccomp:\s+2$/m);
    assert.equal((await host.ok(`stat -c %U /proc/${pid}`)).trim(), 'fc-proxy');
    for (const path of ['/var/lib/fastcontainer/env', '/var/lib/fastcontainer/sync.json', '/etc/fastcontainer/cmdb.password', '/etc/shadow']) {
      assert.notEqual((await host.exec('setpriv', '--reuid=fc-proxy', '--regid=fc-proxy', '--init-groups', 'cat', path)).code, 0, path);
    }
  });
});

describe('forwarding', () => {
  test('a WebSocket to a sleeping app wakes it and is carried both ways', async () => {
    await host.addApp('chat', { idle_timeout_s: 2 });
    assert.equal((await host.sync()).code, 0);
    const socket = new WebSocket(`ws://${host.address}/ws`, { headers: { host: 'chat.test' } });
    const echoed = new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => resolve(data.toString('utf8')));
    });
    await new Promise((resolve, reject) => { socket.on('open', resolve); socket.on('error', reject); });
    await host.ok('sleep 5'); // Longer than the idle time: an open connection is use.
    socket.send('are you there?');
    assert.equal(await echoed, 'are you there?');
    socket.close();
    await host.until(async () => (await host.ok("systemctl list-units --no-legend 'fc-ctr-chat-*' --state=active | cat")) === '' || 'awake', { timeoutMs: 20_000, what: 'chat falls asleep once it is closed' });
  });

  test('what came from outside under our names, or from no trusted peer, is dropped; ours is set', async () => {
    const { body } = await host.request('shop.test', '/headers', { headers: { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-fastcontainer-app': 'blog', forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-own': 'kept' } });
    const seen = body.toLowerCase();
    assert.ok(!seen.includes('6.6.6.6') && !seen.includes('x-fastcontainer'), body);
    assert.match(seen, /x-own/);
    assert.match(seen, /x-forwarded-for/);
    assert.match(seen, /x-forwarded-host[^\n]*\n?[^\n]*shop\.test/);
  });

  test('a client that goes away takes its request with it', async () => {
    const request = httpRequest({ host: host.address, port: 80, path: '/stream?bytes=500000000', headers: { host: 'shop.test' }, agent: false });
    await new Promise<void>((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (response) => response.once('data', () => { response.on('error', () => undefined); request.destroy(); resolve(); }));
      request.end();
    });
    await host.until(async () => {
      const connections = await host.ok('nsenter --net="$(echo /run/netns/fc-shop-*)" ss -Htn state established | wc -l');
      return Number(connections) <= 1 || `${connections.trim()} connections to the app`;
    }, { timeoutMs: 10_000, what: 'the connection to the app is closed' });
  });
});

test('a restart drops nothing: what is in flight finishes, what comes meanwhile waits', async () => {
  const slow = host.request('shop.test', '/slow?ms=3000');
  const answers: Promise<{ status: number }>[] = [];
  const restart = host.ok('systemctl restart fc-proxy');
  for (let i = 0; i < 40; i++) {
    answers.push(host.request('shop.test', '/'));
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await restart;
  assert.deepEqual(new Set((await Promise.all(answers)).map(({ status }) => status)), new Set([200]));
  assert.equal((await slow).status, 200);
});

test('without any fc-proxy the apps fall asleep by themselves', async () => {
  await host.addApp('alone', { idle_timeout_s: 2 });
  assert.equal((await host.sync()).code, 0);
  assert.equal((await host.request('alone.test', '/')).status, 200);
  await host.ok('systemctl stop fc-proxy.socket fc-proxy.service');
  await host.until(async () => (await host.ok("systemctl list-units --no-legend 'fc-ctr-alone-*' --state=active | cat")) === '' || 'awake', { timeoutMs: 20_000, what: 'alone falls asleep' });
  await host.ok('systemctl start fc-proxy.socket');
});

test('the journal of our units has no line that nobody expected', async () => {
  await host.assertQuiet([
    /^fc-proxy\.service: fc-proxy\.service: (Found left-over process [0-9]+ \(node\) in control group while starting unit\. Ignoring|Unit process [0-9]+ \(node\) remains running after unit stopped)\.$/,
    /^fc-proxy\.service: This usually indicates unclean termination of a previous run, or service implementation deficiencies\.$/,
  ]);
});
