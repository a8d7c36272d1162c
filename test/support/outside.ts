/** What lies outside of a test host: a network of its own behind a second interface, with a machine that answers on it. */
import type { TestHost } from './host.ts';

export const OUTSIDE = {
  /** Of the host, on that network. */
  host: '192.0.2.2',
  host6: '2001:db8:1::2',
  /** Beyond it, by the default route: a web server on 80, an echo of datagrams on 7777, a name server for everything. */
  address: '203.0.113.9',
  address6: '2001:db8:9::9',
  /** One more of the same. */
  denied: '198.51.100.9',
} as const;

const MACHINE = `
import { createServer } from 'node:net'; import { createSocket } from 'node:dgram';
const plain = (address) => address.replace(/^::ffff:/, '');
createServer((socket) => { socket.on('error', () => {}).end('welcome, ' + plain(socket.remoteAddress) + '\\n'); }).listen({ port: 80, host: '::' });
if (process.argv[2] === undefined) for (const own of ${JSON.stringify([OUTSIDE.address, OUTSIDE.address6, OUTSIDE.denied, '169.254.169.254'])}) {
  const type = own.includes(':') ? 'udp6' : 'udp4';
  createSocket(type).on('message', function (data, { address, port }) { this.send(data + ', ' + address, port, address); }).bind(7777, own);
  // RFC 1035: the question, and the one address that every name has in either family.
  createSocket(type).on('message', function (query, { address, port }) {
    let end = 12;
    while (query[end] > 0) end += query[end] + 1;
    const question = query.subarray(12, end + 5), kind = query.readUInt16BE(end + 1);
    const data = { 1: [203, 0, 113, 9], 28: [0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9] }[kind];
    const answer = data === undefined ? [] : [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.length, ...data];
    this.send(Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, data === undefined ? 0 : 1, 0, 0, 0, 0, ...question, ...answer]), port, address);
  }).bind(53, own);
}`;

/** What a careless service of the host does: listens everywhere, TCP and UDP, IPv4 and IPv6. Who is heard is in /run/heard. */
const CARELESS = `
import { createServer } from 'node:net'; import { createSocket } from 'node:dgram'; import { appendFileSync } from 'node:fs';
const heard = (what) => appendFileSync('/run/heard', what + '\\n');
createServer((socket) => { heard('tcp ' + socket.remoteAddress); socket.end('the host'); }).listen({ port: 7777, host: '::' });
createSocket('udp6').on('message', (_, { address }) => heard('udp ' + address)).bind(7777, '::');`;

/** Makes both, and the host's default routes and name server lead there. To be repeated after a reboot. */
export async function setUpOutside(host: TestHost): Promise<void> {
  await host.ok(`
    ip netns add outside
    ip link add up0 type veth peer name eth0 netns outside
    ip addr add ${OUTSIDE.host}/24 dev up0; ip addr add ${OUTSIDE.host6}/64 dev up0 nodad; ip link set up0 up
    ip -n outside addr add 192.0.2.1/24 dev eth0; ip -n outside addr add 2001:db8:1::1/64 dev eth0 nodad
    ip -n outside link set eth0 up; ip -n outside link set lo up
    for own in ${OUTSIDE.address}/32 ${OUTSIDE.denied}/32 169.254.169.254/32 ${OUTSIDE.address6}/128; do ip -n outside addr add $own dev lo; done
    # It would find the way to apps, if the host let it.
    ip -n outside route add 10.197.0.0/16 via ${OUTSIDE.host}; ip -n outside route add fd9c:6e2f:41b7::/96 via ${OUTSIDE.host6}
    ip route replace default via 192.0.2.1; ip -6 route replace default via 2001:db8:1::1
    rm -f /etc/resolv.conf; echo nameserver ${OUTSIDE.address} >/etc/resolv.conf
    cat >/srv/outside.mjs <<'JS'
${MACHINE}
JS
    cat >/srv/careless.mjs <<'JS'
${CARELESS}
JS
    : >/run/heard
    systemd-run --quiet --unit=outside -p NetworkNamespacePath=/run/netns/outside node /srv/outside.mjs
    systemd-run --quiet --unit=careless node /srv/careless.mjs`);
  const listening = async (): Promise<string> => (await host.ok('ip netns exec outside ss -Hlnut | wc -l; ss -Hlnut sport = :7777 | wc -l')).trim();
  await host.until(async () => await listening() === '9\n2' || 'no', { timeoutMs: 10_000, what: 'both listen' });
}
