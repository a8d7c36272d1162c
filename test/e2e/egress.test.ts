/** An app with egress reaches what is outside of its host, by name too, and nothing of the host or of other apps. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';
import { OUTSIDE, setUpOutside } from '../support/outside.ts';
import { asleep, instanceOf, netUnitOf, PROBE_COMMAND, probe } from '../support/units.ts';

let host: TestHost;

const addressOf = async (app: string, key = 'FC_APP_ADDRESS'): Promise<string> =>
  (await host.ok(`. /var/lib/fastcontainer/net/${await instanceOf(host, app)}; echo $${key}`)).trim();

before(async () => {
  host = await bootHost('egress');
  await setUpOutside(host);
  await host.ok("printf '[network]\\negress_deny = 198.51.100.0/24\\n' >>/etc/fastcontainer/fastcontainer.ini");
  for (const app of ['alpha', 'beta']) await host.addApp(app, { command: PROBE_COMMAND, idle_timeout_s: 60 });
  await host.addApp('vault', { network: 'private', command: PROBE_COMMAND, idle_timeout_s: 60 });
  await host.addApp('napper', { command: PROBE_COMMAND, idle_timeout_s: 2 });
  await sync();
  for (const app of ['alpha', 'beta', 'vault']) assert.equal(await probe(host, app, 'return 1'), 1);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

async function sync(): Promise<void> {
  const { stdout, stderr, code } = await host.sync();
  assert.equal(code, 0, stdout + stderr);
}

/** What a TCP server says to an app, or how it is refused: at the second attempt perhaps, as the kernel sends few refusals at a time. */
const reach = async (app: string, address: string, port: number, from?: string, withinMs = 5000): Promise<unknown> => await probe(host, app, `
  const socket = require('node:net').connect({ host: '${address}', port: ${port}, ${from === undefined ? '' : `localAddress: '${from}'`} });
  return await new Promise((resolve) => {
    let said = '';
    socket.setTimeout(${withinMs}, () => resolve('timeout'));
    socket.on('data', (data) => { said += data; }).on('end', () => resolve(said)).on('error', ({ code }) => resolve(code));
  }).finally(() => socket.destroy());`);

/** What comes back for a datagram, or how it is refused; null: nothing in half a second. */
const datagram = async (app: string, address: string, port: number, from?: string): Promise<unknown> => await probe(host, app, `
  const socket = require('node:dgram').createSocket('${address.includes(':') ? 'udp6' : 'udp4'}');
  return await new Promise((resolve) => {
    socket.on('error', ({ code }) => resolve(code)).on('message', (data) => resolve(String(data)));
    socket.bind(0, ${from === undefined ? 'undefined' : `'${from}'`}, () => socket.connect(${port}, '${address}', () => {
      socket.send('hello', (error) => { if (error) resolve(error.code); });
      setTimeout(() => resolve(null), 500);
    }));
  }).finally(() => socket.close());`);

const refused = (outcome: unknown): boolean => ['EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED', 'EACCES', 'EPERM'].some((code) => code === outcome);

const isOpen = async (app: string): Promise<boolean> => await reach(app, OUTSIDE.address, 80) === `welcome, ${OUTSIDE.host}\n`;

const opens = (what: string): Promise<void> => host.until(async () => await isOpen('alpha') || 'no', { timeoutMs: 10_000, what: `egress is back after ${what}` });

/** @param whole false: the host's rules are flushed, and what does not get in may be dropped without a word */
async function assertWalled(app: string, whole = true): Promise<void> {
  const own = await addressOf(app);
  const [betaReached, betaOut] = [await addressOf('beta'), await addressOf('beta', 'FC_EGRESS_ADDRESS')];
  await host.ok(': >/run/heard');
  for (const [address, port, from] of [
    // The host: its end of the link, its addresses inside and outside, fc-proxy's two listeners.
    ['10.197.0.1', 7777], ['10.197.0.1', 7777, own], ['10.197.0.1', 80, own], [host.address, 7777], [host.address, 7777, own], [host.address, 80], [host.address, 8079],
    [OUTSIDE.host, 7777], [`::ffff:${OUTSIDE.host}`, 7777], [OUTSIDE.host6, 7777], ['fe80::1', 7777],
    // Another app, at both of its addresses.
    [betaReached, 8080], [betaReached, 8080, own], [betaOut, 8080],
    // A cloud's metadata.
    ['169.254.169.254', 80],
    // To the outside, by the address at which the app is reached.
    [OUTSIDE.address, 80, own],
  ] as const) {
    const outcome = await reach(app, address, port, from, whole ? 5000 : 1000);
    assert.ok(refused(outcome) || (address === 'fe80::1' && outcome === 'EINVAL') || (!whole && outcome === 'timeout'), `${address}:${port} from ${from}: ${JSON.stringify(outcome)}`);
  }
  for (const [address, from] of [['10.197.0.1'], ['10.197.0.1', own], [host.address], [host.address, own], [OUTSIDE.host6], ['169.254.169.254'], [betaOut]] as const) {
    const outcome = await datagram(app, address, 7777, from);
    assert.ok(outcome === null || refused(outcome), `a datagram to ${address} from ${from}: ${JSON.stringify(outcome)}`);
  }
  assert.equal(await host.ok('cat /run/heard'), '', 'nothing of it was heard');
}

describe('outward', () => {
  test('TCP and UDP, IPv4 and IPv6, as the host', async () => {
    for (const [address, as] of [[OUTSIDE.address, OUTSIDE.host], [OUTSIDE.address6, OUTSIDE.host6]] as const) {
      assert.equal(await reach('alpha', address, 80), `welcome, ${as}\n`);
      assert.equal(await datagram('alpha', address, 7777), `hello, ${as}`);
    }
  });

  test('by name', async () => {
    assert.deepEqual(await probe(host, 'alpha', "return (await require('node:dns/promises').lookup('service.example', { all: true })).map(({ address }) => address).sort()"),
      [OUTSIDE.address6, OUTSIDE.address].sort());
    assert.equal(await reach('alpha', 'service.example', 80), `welcome, ${OUTSIDE.host}\n`);
  });

  test('by the name servers that the host asks now, and never by one on the host', async () => {
    const servers = (): Promise<unknown> => probe(host, 'alpha', "return require('node:fs').readFileSync('/etc/resolv.conf', 'utf8')");
    const says = (what: string, text: string): Promise<void> => host.until(async () => await servers() === text || 'no', { timeoutMs: 10_000, what });
    await host.ok("printf 'search a.example\\nnameserver 192.0.2.77\\nnameserver 192.0.2.77\\nnameserver none.example\\n' >/etc/resolv.conf");
    await says('a running app sees the new servers', 'search a.example\nnameserver 192.0.2.77\nnameserver 192.0.2.77\nnameserver none.example\n');
    await host.ok("mkdir -p /run/systemd/resolve; printf 'nameserver 192.0.2.78\\n' >/run/systemd/resolve/resolv.conf; printf 'nameserver 127.0.0.53\\noptions edns0\\n' >/etc/resolv.conf.new; mv /etc/resolv.conf.new /etc/resolv.conf");
    await says('systemd-resolved gives way to those it asks', 'nameserver 192.0.2.78\n');
    await host.ok("rm /run/systemd/resolve/resolv.conf; printf 'nameserver 127.0.0.1\\n' >/etc/resolv.conf");
    await host.until(async () => (await host.journal('fc-egress*')).some(({ message }) => /apps with egress resolve no names/.test(message)) || 'no', { timeoutMs: 10_000, what: 'the journal says that names are not resolved' });
    await host.ok("sed -i '/^egress_deny/a nameservers = 192.0.2.79' /etc/fastcontainer/fastcontainer.ini");
    await says('the configuration has the last word', 'nameserver 192.0.2.79\n');
    await host.ok(`sed -i '/^nameservers/d' /etc/fastcontainer/fastcontainer.ini; printf 'nameserver ${OUTSIDE.address}\\n' >/etc/resolv.conf`);
    await says('and the host again', `nameserver ${OUTSIDE.address}\n`);
    // While one change is dealt with, the next one comes, at any moment of that.
    for (let round = 1; round <= 8; round++) {
      const pauses = Array.from({ length: 5 }, (_, i) => ((round * 29 + i * 37) % 150) / 1000);
      await host.ok(`${pauses.map((s, i) => `printf 'nameserver 192.0.2.${i + 1}\\n' >/etc/resolv.conf; sleep ${s}`).join('; ')}; printf 'nameserver 192.0.2.20${round}\\n' >/etc/resolv.conf`);
      await says('the last of several changes is in force', `nameserver 192.0.2.20${round}\n`);
    }
    await host.ok(`printf 'nameserver ${OUTSIDE.address}\n' >/etc/resolv.conf`);
    await says('and the host once more', `nameserver ${OUTSIDE.address}\n`);
  });

  test('not where the configuration says so, from the next moment on', async () => {
    assert.ok(refused(await reach('alpha', OUTSIDE.denied, 80)));
    await host.ok("sed -i 's/^egress_deny = .*/egress_deny = 198.18.0.0\\/15/' /etc/fastcontainer/fastcontainer.ini");
    await host.until(async () => await reach('alpha', OUTSIDE.denied, 80) === `welcome, ${OUTSIDE.host}\n` || 'no', { timeoutMs: 10_000, what: 'the new configuration is in force' });
    await host.ok("sed -i 's/^egress_deny = .*/egress_deny = 198.51.100.0\\/24/' /etc/fastcontainer/fastcontainer.ini");
    await host.until(async () => refused(await reach('alpha', OUTSIDE.denied, 80)) || 'no', { timeoutMs: 10_000, what: 'and the old one again' });
  });
});

describe('the wall', () => {
  test('keeps the host, its listeners, other apps and the metadata address from an app', async () => {
    await assertWalled('alpha');
    assert.notEqual(await host.ok(`bash -c 'echo x >/dev/udp/${OUTSIDE.host}/7777'; sleep 0.2; cat /run/heard`), '', 'it would have been heard');
  });

  test('keeps the outside from an app', async () => {
    const [reached, out, out6] = [await addressOf('alpha'), await addressOf('alpha', 'FC_EGRESS_ADDRESS'), await addressOf('alpha', 'FC_EGRESS_ADDRESS6')];
    for (const address of [reached, out, `[${out6}]`]) assert.equal(await host.ok(`ip netns exec outside curl -s -m 1 -o /dev/null -w '%{http_code}' -d 'return 1' http://${address}:8080/ || true`), '000', address);
  });

  test('makes the host nobody else\'s router', async () => {
    // A third network, to which the outside knows the host as the way.
    await host.ok(`
      ip netns add third; ip link add third0 type veth peer name eth0 netns third
      ip addr add 198.18.0.1/24 dev third0; ip addr add 2001:db8:3::1/64 dev third0 nodad; ip link set third0 up
      ip -n third addr add 198.18.0.2/24 dev eth0; ip -n third addr add 2001:db8:3::2/64 dev eth0 nodad; ip -n third link set eth0 up
      ip -n third route add default via 198.18.0.1; ip -n third -6 route add default via 2001:db8:3::1
      ip -n outside route add 198.18.0.0/24 via ${OUTSIDE.host}; ip -n outside route add 2001:db8:3::/64 via ${OUTSIDE.host6}
      systemd-run --quiet --unit=third -p NetworkNamespacePath=/run/netns/third node /srv/outside.mjs third
      systemctl reload fc-firewall`);
    await host.until(async () => (await host.ok('ip netns exec third ss -Hlnt sport = :80')) !== '' || 'no', { timeoutMs: 10_000, what: 'the third machine listens' });
    const crosses = async (): Promise<string> => (await host.ok(`for there in 198.18.0.2 '[2001:db8:3::2]'; do ip netns exec outside curl -s -m 1 --http0.9 http://$there/ || echo $?; done`));
    assert.equal((await host.ok('cat /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/conf/third0/forwarding')), '0\n1\n');
    assert.equal(await crosses(), '28\n28\n');
    assert.equal(await reach('alpha', '198.18.0.2', 80), 'welcome, 198.18.0.1\n');
    // It is these rules that keep it from crossing.
    await host.ok('while ip rule delete pref 7788 2>/dev/null; do :; done; while ip -6 rule delete pref 7788 2>/dev/null; do :; done');
    assert.equal(await crosses(), 'welcome, 192.0.2.1\nwelcome, 2001:db8:1::1\n');
  });

  test('holds when somebody has emptied the host\'s firewall; egress comes back with the firewall\'s own service', async () => {
    await host.ok('systemctl start nftables; nft flush ruleset');
    await assertWalled('alpha', false);
    assert.equal(await isOpen('alpha'), false);
    await host.ok('systemctl restart fc-firewall');
    await opens('fc-firewall restarts');
    await host.ok('systemctl restart nftables');
    await opens('nftables restarts');
    await assertWalled('alpha');
  });

  test('the next namespace brings the host\'s rules back, too', async () => {
    assert.equal(await probe(host, 'napper', 'return 1'), 1);
    await asleep(host, 'napper');
    await host.ok(`systemctl stop ${await netUnitOf(host, 'napper')}; nft flush ruleset`);
    assert.equal(await isOpen('napper'), true);
    assert.equal(await isOpen('alpha'), true);
  });
});

test('a private app reaches nothing beside all that, and reaches out once its row says so, and back', async () => {
  assert.ok(refused(await reach('vault', OUTSIDE.address, 80)));
  await host.sql("UPDATE apps SET network = 'egress' WHERE name = 'vault'");
  await sync();
  await host.until(async () => { await sync(); return await isOpen('vault') || 'no'; }, { timeoutMs: 20_000, what: 'its new generation serves' });
  await host.sql("UPDATE apps SET network = 'private' WHERE name = 'vault'");
  await host.until(async () => { await sync(); return !await isOpen('vault') || 'no'; }, { timeoutMs: 20_000, what: 'and that of before again' });
});

test('after a reboot', async () => {
  await host.reboot();
  await setUpOutside(host);
  await sync();
  assert.equal(await isOpen('alpha'), true);
  for (const app of ['beta']) assert.equal(await probe(host, app, 'return 1'), 1);
  await assertWalled('alpha');
});

test('the journal holds no line nobody expected', async () => {
  await host.assertQuiet([/^fc-(egress|firewall)\.service: apps with egress resolve no names/]);
});
