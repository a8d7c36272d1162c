/**
 * Which addresses a generation has: index n of the configured range gives the pair 2n (host) and 2n+1 (app),
 * a /31 (RFC 3021). Pure; the indices in use are the files below `net/`.
 */
import type { Subnet } from '../config/values.ts';

export interface NetworkPair {
  readonly index: number;
  /** The host's end of the veth pair; at most 15 bytes, IFNAMSIZ. */
  readonly interface: string;
  readonly hostAddress: string;
  readonly appAddress: string;
}

export function networkPair(range: Subnet, index: number): NetworkPair {
  const base = ipv4ToNumber(range.address);
  return {
    index,
    interface: `fcv${index}`,
    hostAddress: numberToIpv4(base + 2 * index),
    appAddress: numberToIpv4(base + 2 * index + 1),
  };
}

/**
 * An index for each of `wanted` that has none: the lowest that is free, index 0 left out (its host address would
 * be the network's own).
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
export function networkFile(pair: NetworkPair): string {
  return `FC_INDEX=${pair.index}\nFC_INTERFACE=${pair.interface}\nFC_HOST_ADDRESS=${pair.hostAddress}\nFC_APP_ADDRESS=${pair.appAddress}\n`;
}

/** What `networkFile` wrote; null when it is none. */
export function parseNetworkFile(text: string): Pick<NetworkPair, 'index' | 'appAddress'> | null {
  const index = /^FC_INDEX=([0-9]{1,9})$/m.exec(text)?.[1];
  const appAddress = /^FC_APP_ADDRESS=([0-9.]{7,15})$/m.exec(text)?.[1];
  return index === undefined || appAddress === undefined ? null : { index: Number(index), appAddress };
}

function ipv4ToNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function numberToIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
