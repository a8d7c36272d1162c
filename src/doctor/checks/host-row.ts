import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Host as HostRow } from '../../model/app.ts';
import { check } from '../check.ts';
import { advice, error, type Finding, info, sql, warning } from '../finding.ts';
import { sqlText } from '../shell.ts';
import { showUnits } from '../units.ts';

export interface HostRowFacts {
  /** [host] name. */
  readonly name: string;
  /** Rows that are taken. */
  readonly hosts: readonly HostRow[];
  /** Why ours is there and not taken; null: it is, or it is not there. */
  readonly rejected: string | null;
  /** What the address of our row means; empty: nothing, its name cannot be resolved. */
  readonly resolved: readonly string[];
  /** Addresses of this host's interfaces. */
  readonly own: readonly string[];
  /** Ports that the internal listener has; null: not known. */
  readonly listens: readonly number[] | null;
}

export function judgeHostRow({ name, hosts, rejected, resolved, own, listens }: HostRowFacts): readonly Finding[] {
  const row = hosts.find((host) => host.name === name);
  const where = `WHERE name = ${sqlText(name)}`;
  const outward = own.find((address) => !isLoopback(address)) ?? 'ADDRESS';
  if (row === undefined && rejected !== null) {
    return [error(`this host's row is not applied: ${rejected}`, 'nothing is placed here, and no host sends anything here', sql(`SELECT * FROM hosts ${where};`))];
  }
  if (row === undefined) {
    return [error(`the CMDB has no row of this host, '${name}'`, 'nothing is placed here, and no host sends anything here', sql(`INSERT INTO hosts (name, address) VALUES (${sqlText(name)}, ${sqlText(outward)});`))];
  }
  const findings: Finding[] = [];
  const alone = hosts.length === 1;
  if (row.state !== 'active') {
    findings.push(info(`this host is ${row.state}`, row.state === 'down' ? 'no host sends it anything' : 'it takes no new work', sql(`UPDATE hosts SET state = 'active' ${where};`)));
  }
  const ours = resolved.filter((address) => own.includes(address));
  if (resolved.length === 0) {
    findings.push(warning(`the address of this host's row, ${row.address}, cannot be resolved`, 'no other host may reach it', sql(`UPDATE hosts SET address = ${sqlText(outward)} ${where};`)));
  } else if (ours.length === 0) {
    findings.push(warning(`the address of this host's row, ${row.address}, is none of this host's`, 'what other hosts send here goes elsewhere, unless that is passed on to this host', sql(`UPDATE hosts SET address = ${sqlText(outward)} ${where};`)));
  } else if (!alone && ours.every(isLoopback)) {
    findings.push(error(`the address of this host's row is ${row.address}, which means another host to each host`, 'no other host reaches this one', sql(`UPDATE hosts SET address = ${sqlText(outward)} ${where};`)));
  }
  if (listens !== null && !listens.includes(row.port)) {
    findings.push(warning(`this host's row says port ${row.port}, and fc-proxy-internal.socket has ${listens.length === 0 ? 'none' : listens.join(', ')}`, 'no other host reaches this one',
      listens[0] === undefined ? advice('systemctl cat fc-proxy-internal.socket shows why') : sql(`UPDATE hosts SET port = ${listens[0]} ${where};`)));
  }
  return findings;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

export default check<HostRowFacts>({
  id: 'host-row',
  looksAt: "this host's row in the CMDB: there, with an address and port that lead here",
  look: async (host) => {
    const [{ host: { name } }, fleet] = [await host.config(), await host.fleet()];
    const address = fleet.hosts.find((row) => row.name === name)?.address;
    const resolved = address === undefined ? [] : isIP(address) !== 0 ? [address] : await lookup(address, { all: true }).then((found) => found.map((one) => one.address), () => []);
    // The loopback interface has the host's end of the links to apps, too, which nobody else reaches.
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).filter(({ address: one, internal }) => !one.startsWith('fe80:') && internal === isLoopback(one)).map(({ address: one }) => one);
    const listen = await showUnits(['fc-proxy-internal.socket'], ['Listen']).then((shown) => shown.get('fc-proxy-internal.socket')?.get('Listen') ?? null, () => null);
    const rejection = fleet.rejections.find(({ table, key, column }) => table === 'hosts' && key === name && column !== 'name');
    return { name, hosts: fleet.hosts, rejected: rejection === undefined ? null : `${rejection.column} ${rejection.why}`, resolved, own, listens: listen === null ? null : portsIn(listen) };
  },
  judge: judgeHostRow,
});

/** `[::]:8079 (Stream)`, as systemctl shows Listen=. */
export function portsIn(listen: string): readonly number[] {
  return [...listen.matchAll(/:([0-9]{1,5}) \(Stream\)/g)].map(([, port]) => Number(port));
}
