import { BlockList, isIPv4 } from 'node:net';
import type { Subnet } from '../../config/values.ts';
import { namesIn } from '../../files.ts';
import { HOST_PATHS } from '../../systemd/paths.ts';
import { check } from '../check.ts';
import { advice, error, type Finding, warning } from '../finding.ts';
import { output } from '../run.ts';

export interface Route {
  /** `10.0.0.0/8`, or an address. */
  readonly to: string;
  readonly device: string;
  readonly table: string;
}

export interface RangeFacts {
  readonly range: Subnet;
  readonly routes: readonly Route[];
  /** Generations that have an address. */
  readonly used: number;
}

export function judgeRange({ range, routes, used }: RangeFacts): readonly Finding[] {
  const text = `${range.address}/${range.prefix}`;
  const other = advice('choose another [network] range in fastcontainer.ini; a generation keeps its addresses until the next change of its app');
  const findings: Finding[] = [];
  const within = routes.filter((route) => !isOurs(route) && overlaps(range, route.to));
  const [first] = within;
  if (first !== undefined) {
    findings.push(error(`[network] range ${text} overlaps with ${first.to}, which this host reaches by ${first.device}${within.length > 1 ? `, and with ${within.length - 1} more` : ''}`, 'apps, or what is there, are not reached', other));
  }
  const room = 2 ** (32 - range.prefix) / 2 - 1;
  if (used > 0.8 * room) findings.push(warning(`${used} generations have addresses of [network] range ${text}, which has ${room}`, 'once they are used up no changed app starts', other));
  return findings;
}

/** What fc-net and fc-firewall make. */
function isOurs({ device, table }: Route): boolean {
  return /^fcv[0-9]+$/.test(device) || table === '7797' || table === '7798' || device === 'lo';
}

/** The default route is everybody's. */
function overlaps(range: Subnet, to: string): boolean {
  const [address = '', prefix = '32'] = to.split('/');
  if (!isIPv4(address)) return false;
  const [one, other] = [new BlockList(), new BlockList()];
  one.addSubnet(range.address, range.prefix, 'ipv4');
  other.addSubnet(address, Number(prefix), 'ipv4');
  return one.check(address) || other.check(range.address);
}

export default check<RangeFacts>({
  id: 'network-range',
  looksAt: "that the apps' addresses ([network] range) are nobody else's, and are enough",
  look: async (host) => ({
    range: (await host.config()).network.range,
    routes: parseRoutes(await output('ip', ['-j', '-4', 'route', 'show', 'table', 'all'])),
    used: host.isRoot ? (await namesIn(HOST_PATHS.net)).length : 0,
  }),
  judge: judgeRange,
});

/** `ip -j route`, without broadcast addresses and default routes. */
export function parseRoutes(json: string): readonly Route[] {
  const list: unknown = JSON.parse(json);
  return (Array.isArray(list) ? list : []).flatMap((route: unknown): Route[] => {
    if (typeof route !== 'object' || route === null) return [];
    const { dst, dev, table, type }: { dst?: unknown; dev?: unknown; table?: unknown; type?: unknown } = route;
    if (typeof dst !== 'string' || dst === 'default' || type === 'broadcast' || typeof dev !== 'string') return [];
    return [{ to: dst, device: dev, table: typeof table === 'string' || typeof table === 'number' ? String(table) : 'main' }];
  });
}
