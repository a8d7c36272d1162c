/**
 * Which addresses a generation has: index n of the configured range gives 2n+1, where it is reached, and 2n, from which
 * it reaches out if it may; the host has 1 towards all of them. Pure; the indices in use are the files below `net/`.
 */
import type { Subnet } from '../config/values.ts';
import type { OwnNetwork } from '../model/network.ts';

export interface NetworkPair {
  readonly index: number;
  /** The host's end of the veth pair; at most 15 bytes, IFNAMSIZ. */
  readonly interface: string;
  readonly hostAddress: string;
  readonly appAddress: string;
  readonly egressAddress: string;
  /** Used where the host has IPv6. */
  readonly egressAddress6: string;
  /** In CIDR notation; all of the above lie in it. */
  readonly range: string;
}

export function networkPair(range: Subnet, index: number): NetworkPair {
  const base = ipv4ToNumber(range.address);
  return {
    index,
    interface: `fcv${index}`,
    hostAddress: numberToIpv4(base + 1),
    appAddress: numberToIpv4(base + 2 * index + 1),
    egressAddress: numberToIpv4(base + 2 * index),
    egressAddress6: `${EGRESS6}::${numberToIpv6(base + 2 * index)}`,
    range: `${range.address}/${range.prefix}`,
  };
}

/**
 * An index for each of `wanted` that has none: the lowest that is free, index 0 left out (its addresses
 * are the network's own and the host's).
 * @throws Error when the range is used up
 */
export function allocate(wanted: readonly string[], used: ReadonlyMap<string, number>, range: Subnet): ReadonlyMap<string, number> {
  const taken = new Set(used.values());
  const limit = 2 ** (32 - range.prefix) / 2;
  const result = new Map<string, number>();
  let next = 1;
  for (const instance of wanted) {
    if (used.has(instance)) continue;
    while (taken.has(next)) next++;
    if (next >= limit) {
      throw new Error(`[network] range = ${range.address}/${range.prefix} has addresses for ${limit - 1} generations and all are in use; give it a shorter prefix`);
    }
    taken.add(next);
    result.set(instance, next);
  }
  return result;
}

/** The environment file of fc-net@<instance>.service. */
export function networkFile(pair: NetworkPair, network: OwnNetwork): string {
  return [
    `FC_INDEX=${pair.index}`, `FC_INTERFACE=${pair.interface}`, `FC_HOST_ADDRESS=${pair.hostAddress}`, `FC_APP_ADDRESS=${pair.appAddress}`,
    ...(network === 'egress' ? [`FC_EGRESS_ADDRESS=${pair.egressAddress}`, `FC_EGRESS_ADDRESS6=${pair.egressAddress6}`] : []),
    `FC_NETWORK=${network}`, `FC_RANGE=${pair.range}`, '',
  ].join('\n');
}

/** What `networkFile` wrote; null when it is none. */
export function parseNetworkFile(text: string): Pick<NetworkPair, 'index' | 'appAddress'> | null {
  const index = /^FC_INDEX=([0-9]{1,9})$/m.exec(text)?.[1];
  const appAddress = /^FC_APP_ADDRESS=([0-9.]{7,15})$/m.exec(text)?.[1];
  return index === undefined || appAddress === undefined ? null : { index: Number(index), appAddress };
}

/** Where apps are at home in IPv6: unique local addresses (RFC 4193), which nobody sees outside of the host. fc-firewall knows it too. */
const EGRESS6 = 'fd9c:6e2f:41b7';

function ipv4ToNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function numberToIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** The last 32 bits of an IPv6 address. */
function numberToIpv6(value: number): string {
  return [16, 0].map((shift) => ((value >>> shift) & 0xffff).toString(16)).join(':');
}
