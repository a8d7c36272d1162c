/** A private app reaches nothing, and nothing but fc-proxy and its own gate reaches it. Tried from inside, and from the host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';
import { runOk } from '../support/run.ts';
import { asleep, containerOf, instanceOf, netUnitOf, PROBE_COMMAND, probe } from '../support/units.ts';

let host: TestHost;
/** The two ends of each app's veth pair. */
let alpha: Link;
let beta: Link;

interface Link {
  readonly interface: string;
  readonly host: string;
  readonly app: string;
}

async function linkOf(app: string): Promise<Link> {
  const text = await host.ok(`cat /var/lib/fastcontainer/net/${await instanceOf(host, app)}`);
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return { interface: value('FC_INTERFACE'), host: value('FC_HOST_ADDRESS'), app: value('FC_APP_ADDRESS') };
}

before(async () => {
  host = await bootHost('isolation');
  await host.addApp('alpha', { network: 'private', command: PROBE_COMMAND, idle_timeout_s: 60 });
  await host.addApp('beta', { network: 'private', command: PROBE_COMMAND, idle_timeout_s: 60 });
  await host.addApp('napper', { network: 'private', command: PROBE_COMMAND, idle_timeout_s: 2 });
  const { stdout, stderr, code } = await host.sync();
  assert.equal(code, 0, stdout + stderr);
  for (const app of ['alpha', 'beta', 'napper']) assert.equal(await probe(host, app, 'return 1'), 1);
  [alpha, beta] = [await linkOf('alpha'), await linkOf('beta')];
  // What a careless service of the host does: listens everywhere, TCP and UDP, IPv4 and IPv6, and on an abstract socket.
  await host.ok(`
    cat >/srv/listener.mjs <<'JS'
      import { createServer } from 'node:net'; import { createSocket } from 'node:dgram'; import { appendFileSync } from 'node:fs';
      const heard = (what) => appendFileSync('/run/heard', what + '\\n');
      createServer((socket) => { heard('tcp ' + socket.remoteAddress); socket.end('welcome'); }).listen({ port: 7777, host: '::' });
      createServer(() => heard('abstract')).listen('\\0listener');
      createSocket('udp6').on('message', (_, { address }) => heard('udp ' + address)).bind(7777, '::');
JS
    : >/run/heard; systemd-run --quiet --unit=careless node /srv/listener.mjs`);
  await host.until(async () => (await host.ok('ss -Hlnut sport = :7777 | wc -l')).trim() === '2' || 'no', { timeoutMs: 10_000, what: 'the listener listens' });
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** How a connection from inside the app ends. */
const reach = async (app: string, address: string, port: number): Promise<unknown> => await probe(host, app, `
  const socket = require('node:net').connect({ host: '${address}', port: ${port} });
  return await new Promise((resolve) => {
    socket.setTimeout(700, () => resolve('timeout'));
    socket.on('connect', () => resolve('connected')).on('error', ({ code }) => resolve(code));
  }).finally(() => socket.destroy());`);

/** One of the refusals; not 'connected', and no time-out: an app that tries does not hang. */
const REFUSED = ['EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED', 'EACCES', 'EPERM'];

async function assertWalled(app: string, own: Link): Promise<void> {
  for (const [address, port] of [
    [own.host, 7777], [own.host, 80], [own.host, 22], [`::ffff:${own.host}`, 7777],
    [host.address, 7777], [host.address, 80], ['10.198.0.1', 80], ['192.0.2.1', 443], ['8.8.8.8', 53], ['2001:db8::1', 80], ['fe80::1', 7777],
    [beta.app, 8080], [beta.host, 80],
  ] as const) {
    const outcome = await reach(app, address, port);
    assert.ok(REFUSED.includes(String(outcome)) || (address === 'fe80::1' && outcome === 'EINVAL'), `${address}:${port}: ${JSON.stringify(outcome)}`);
  }
}

describe('from inside an app', () => {
  test('there is one interface besides the loopback, with one address and no route but to the host', async () => {
    assert.deepEqual(await probe(host, 'alpha', "return Object.entries(require('node:os').networkInterfaces()).map(([name, list]) => [name, list.map(({ cidr }) => cidr)])"),
      [['lo', ['127.0.0.1/8', '::1/128']], ['eth0', [`${alpha.app}/32`]]]);
    const routes = String(await probe(host, 'alpha', "return require('node:fs').readFileSync('/proc/net/route', 'utf8')"));
    assert.deepEqual(routes.trim().split('\n').slice(1).map((line) => line.split('\t')[7]), ['FFFFFFFF'], 'to the host and nothing else');
  });

  test('no address of the host, no other app, nothing outside is reached', async () => {
    await assertWalled('alpha', alpha);
  });

  test('no name is resolved', async () => {
    for (const call of ["lookup('example.com')", `Resolver({ timeout: 500, tries: 1 })`]) {
      const code = call.startsWith('lookup')
        ? `return await require('node:dns/promises').${call}`
        : `const r = new (require('node:dns/promises').${call.replace('(', ')(')}; r.setServers(['${alpha.host}', '${host.address}']); return await r.resolve4('example.com')`;
      const answer = await probe(host, 'alpha', code);
      assert.ok(typeof answer === 'object' && answer !== null && 'error' in answer, JSON.stringify(answer));
    }
  });

  test('no datagram arrives', async () => {
    await probe(host, 'alpha', `
      const socket = require('node:dgram').createSocket('udp4').on('error', () => {});
      for (let i = 0; i < 5; i++) await new Promise((resolve) => socket.send('hello', 7777, '${alpha.host}', resolve));
      socket.close();`);
    assert.equal(await host.ok('grep -v "^tcp ::ffff:127" /run/heard || true'), '');
    // It would have been heard.
    await host.ok('bash -c "echo x >/dev/udp/127.0.0.1/7777"');
    await host.until(async () => /udp/.test(await host.ok('cat /run/heard')) || 'no', { timeoutMs: 5000, what: 'a datagram of the host is heard' });
  });

  test('no abstract socket, no D-Bus, no socket of podman or systemd', async () => {
    const connect = (path: string): Promise<unknown> => probe(host, 'alpha', `return await new Promise((resolve) => require('node:net').connect(${JSON.stringify(path)}).on('connect', () => resolve('connected')).on('error', ({ code }) => resolve(code)))`);
    assert.equal(await host.ok(`node -e "require('net').connect('\\0listener').on('connect', () => { console.log('connected'); process.exit() })"`), 'connected\n');
    assert.equal(await connect('\0listener'), 'ECONNREFUSED');
    for (const path of ['/run/dbus/system_bus_socket', '/run/systemd/private', '/run/systemd/notify', '/run/systemd/journal/stdout', '/run/podman/podman.sock', '/run/mysqld/mysqld.sock', '/run/fastcontainer/beta.sock']) assert.equal(await connect(path), 'ENOENT', path);
  });

  test('no raw or packet socket, no change to the network', async () => {
    // As the app: its capabilities, its system calls. ip(8) and python of the host, for there is none in the image.
    const pid = (await host.ok(`cat /run/fastcontainer/${await instanceOf(host, 'alpha')}.pid`)).trim();
    const caps = BigInt(`0x${(await host.ok(`sed -n 's/^CapBnd:\\s*//p' /proc/${pid}/status`)).trim()}`);
    for (const [name, bit] of [['CAP_NET_ADMIN', 12], ['CAP_NET_RAW', 13], ['CAP_SYS_ADMIN', 21], ['CAP_MKNOD', 27], ['CAP_SYS_PTRACE', 19]] as const) assert.equal(caps >> BigInt(bit) & 1n, 0n, name);
  });

  test('still nothing when somebody has emptied the host\'s firewall; fc-firewall comes back with the firewall\'s own service', async () => {
    const table = async (): Promise<boolean> => (await host.sh('nft list table inet fastcontainer')).code === 0;
    const returns = (what: string): Promise<void> => host.until(async () => await table() || 'no table', { timeoutMs: 10_000, what: `the rules are back after ${what}` });
    await probe(host, 'alpha', 'globalThis.mark = 1');
    await host.ok('systemctl start nftables; nft flush ruleset');
    assert.equal(await table(), false);
    await assertWalled('alpha', alpha);
    await host.ok('systemctl restart fc-firewall');
    assert.equal(await table(), true);
    await host.ok('systemctl reload nftables');
    await returns('nftables reloads');
    await host.ok('systemctl restart nftables');
    await returns('nftables restarts');
    assert.equal(await probe(host, 'alpha', 'return globalThis.mark'), 1, 'no app was restarted for it');
  });

  test('the next namespace brings the host\'s rules back, too', async () => {
    await asleep(host, 'napper');
    await host.ok(`systemctl stop ${await netUnitOf(host, 'napper')}; nft flush ruleset`);
    assert.equal(await probe(host, 'napper', 'return 1'), 1);
    await host.ok('nft list table inet fastcontainer');
  });
});

describe('from the host', () => {
  const curl = (user: string, address: string): Promise<string> =>
    host.ok(`setpriv --reuid ${user} --clear-groups curl -s -m 3 -o /dev/null -w '%{http_code}' -d 'return 1' http://${address}:8080/ || echo " $?"`);

  test('fc-proxy\'s user gets through to an app; others, root among them, are refused', async () => {
    assert.equal(await curl('fc-proxy', alpha.app), '200');
    for (const user of ['root', 'nobody']) assert.equal(await curl(user, alpha.app), '000 7\n', user);
  });

  test('no datagram gets in', async () => {
    const { code } = await host.sh(`setpriv --reuid nobody --clear-groups node -e "
      const socket = require('dgram').createSocket('udp4'); socket.send('x', 8080, '${alpha.app}', (error) => process.exit(error ? 0 : 1));"`);
    assert.equal(code, 0, 'sending fails');
  });

  test('any program gets through by the app\'s own door, and the gate wakes the app', async () => {
    const unit = await containerOf(host, 'napper');
    await asleep(host, 'napper');
    assert.equal(await host.ok("setpriv --reuid nobody --clear-groups curl -s -m 20 -d 'return 42' --unix-socket /run/fastcontainer/napper.sock http://napper/"), '{"value":42}');
    assert.equal(await host.state(unit), 'active');
    await asleep(host, 'napper');
  });

  test('nothing is forwarded to or from an app, should the host forward', async () => {
    // Another machine that knows the way: this one, with a route to the app through the host.
    // From outside: a test host sees /proc/sys read-only.
    await runOk('ip', ['netns', 'exec', `fct-${host.name}`, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
    assert.match(await host.ok(`
      ip netns add stranger; ip link add strange0 type veth peer name eth0 netns stranger; ip addr add 10.250.0.1/24 dev strange0; ip link set strange0 up
      ip -n stranger addr add 10.250.0.2/24 dev eth0; ip -n stranger link set eth0 up; ip -n stranger route add default via 10.250.0.1
      ip netns exec stranger curl -s -m 5 --http0.9 http://10.250.0.1:7777/; echo
      ip netns exec stranger curl -s -m 1 -o /dev/null -w '%{http_code}' http://${alpha.app}:8080/ || echo " $?"
      ip netns delete stranger`), /^welcome\n000 (?:7|28)\n$/);
  });
});

test('the journal holds no line nobody expected', async () => {
  await host.assertQuiet();
});
