/** The units of fc-proxy: what they allow it, and what happens when it cannot start. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('proxy-unit');
  await host.addApp('shop', { idle_timeout_s: 60 });
  assert.equal((await host.sync()).code, 0);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

test('systemd finds nothing wrong with them, and little exposed', async () => {
  assert.equal(await host.ok('systemd-analyze verify --man=no fc-proxy.service fc-proxy.socket 2>&1'), '');
  const verdict = (await host.ok('systemd-analyze security --no-pager fc-proxy.service 2>&1 | tail -n 1')).trim();
  const exposure = /fc-proxy\.service: ([\d.]+) /.exec(verdict)?.[1];
  assert.ok(Number(exposure) < 3, verdict);
});

test('descriptors enough, also where the machine may not give as many as asked for', async () => {
  assert.equal((await host.request('shop.test', '/')).status, 200);
  const limits = await host.ok('cat "/proc/$(systemctl show -P MainPID fc-proxy.service)/limits"');
  const files = /^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1];
  assert.ok(Number(files) >= 16_384, `${files} open files`);
});

test('IPv4, IPv6 and a proxy\'s absolute-form', async () => {
  for (const command of ['curl -s -H "Host: shop.test" http://127.0.0.1/', 'curl -s -g -H "Host: shop.test" "http://[::1]/"', 'curl -s -x http://127.0.0.1:80 http://shop.test/']) {
    assert.equal((await host.ok(`${command} -o /dev/null -w '%{http_code}'`)).trim(), '200', command);
  }
});

test('a configuration that cannot be read: the port stays open, nothing spins, and once it is mended who waited is served', async () => {
  await host.ok("cp -a /etc/fastcontainer/fastcontainer.ini /root/good.ini; printf '[proxy]\\nnonsense = 1\\n' >>/etc/fastcontainer/fastcontainer.ini; systemctl restart fc-proxy");
  await host.until(async () => (await host.journal('fc-proxy.service')).some(({ message }) => /nonsense/.test(message)) || 'no word of it', { timeoutMs: 10_000, what: 'the journal names the key' });
  const waiting = host.request('shop.test', '/');
  await sleep(2000);
  const starts = Number(await host.ok('systemctl show -P NRestarts fc-proxy.service'));
  assert.ok(starts <= 1, `${starts} starts in two seconds`);
  await host.ok('cp -a /root/good.ini /etc/fastcontainer/fastcontainer.ini');
  assert.equal((await waiting).status, 200);
});

test('killed, it is back within a second', async () => {
  await host.ok('kill -KILL "$(systemctl show -P MainPID fc-proxy.service)"');
  const began = performance.now();
  assert.equal((await host.request('shop.test', '/')).status, 200);
  assert.ok(performance.now() - began < 5000);
});

test('the journal has no line that nobody expected', async () => {
  await host.assertQuiet([
    // A drained fc-proxy finishes in the cgroup of its successor.
    /^fc-proxy\.service: fc-proxy\.service: Found left-over process [0-9]+ \(node\) in control group while starting unit\. Ignoring\.$/,
    /^fc-proxy\.service: This usually indicates unclean termination of a previous run, or service implementation deficiencies\.$/,
    /^fc-proxy\.service: .*\[proxy\] nonsense/,
    /^fc-proxy\.service: fc-proxy\.service: (?:Main process exited, code=(?:exited, status=2\/INVALIDARGUMENT|killed, status=9\/KILL)|Failed with result '(?:exit-code|signal)'\.)$/,
    /^fc-proxy\.service: fc-proxy\.service: Unit process [0-9]+ \(node\) remains running after unit stopped\.$/,
  ]);
});
