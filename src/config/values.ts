/**
 * Text of one setting → its value. Every function throws `BadValue`, whose
 * message completes the sentence "[section] key …".
 */
import { isIP, isIPv4 } from 'node:net';
import { BadValue, type Parser } from '../model/column.ts';
import * as hostnames from '../model/hostnames.ts';
import * as number from '../model/number.ts';
import * as path from '../model/path.ts';
import { quoted } from '../model/printable.ts';

export { BadValue };

/** An IP network; `prefix` is its length in bits. What net.BlockList's addSubnet() takes. */
export interface Subnet {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** A column's parser for a setting: for those that ask the policy, which the settings make, nothing. */
function plain<T>(parser: Parser<T>): (text: string) => T {
  return (text) => parser(text, { host: '', volumeRoots: [], allowHostNetwork: false });
}

/** What hosts.name in the CMDB may be. */
export const hostName = plain(hostnames.hostName);

export function wholeNumber(min: number, max: number): (text: string) => number {
  return plain(number.integer(min, max));
}

/** Seconds, or null for `never`. */
export function secondsOrNever(max: number): (text: string) => number | null {
  const seconds = wholeNumber(1, max);
  return (text) => (text === 'never' ? null : seconds(text));
}

export function oneOf<const W extends string>(...words: readonly W[]): (text: string) => W {
  return plain(number.oneOf(words));
}

/** The spellings systemd knows, see systemd.syntax(7). */
export function yesOrNo(text: string): boolean {
  switch (text.toLowerCase()) {
    case 'yes': case 'true': case 'on': case '1': return true;
    case 'no': case 'false': case 'off': case '0': return false;
    default: throw new BadValue(`is ${quoted(text)}, neither yes nor no`);
  }
}

/** Comma separated values, each read by `item`; empty text is an empty list. */
export function listOf<T>(item: (text: string) => T): (text: string) => readonly T[] {
  return (text) => {
    if (text === '') return [];
    const parts = text.split(',').map((part) => part.trim());
    return parts.map((part, index) => {
      if (part === '') throw new BadValue('has an empty item: a comma too many');
      try {
        return item(part);
      } catch (error) {
        if (parts.length === 1 || !(error instanceof BadValue)) throw error;
        throw new BadValue(`(item ${index + 1} of ${parts.length}) ${error.message}`);
      }
    });
  };
}

/** An absolute path in its shortest form. */
export function absolutePath(text: string): string {
  return path.absolutePath(text, 'the path');
}

/** An absolute path, or null for empty text. */
export function optionalPath(text: string): string | null {
  return text === '' ? null : absolutePath(text);
}

/** A folder that may hold volumes: any but the whole file system. */
export function volumeRoot(text: string): string {
  if (absolutePath(text) === '/') throw new BadValue('is "/", which would let an app have every file of the host');
  return text;
}

/** An IP address, or a network in CIDR notation (RFC 4632). */
export function subnet(text: string): Subnet {
  const [address = '', length, ...rest] = text.split('/');
  const version = isIP(address);
  // A zone (fe80::1%eth0) cannot be matched against a peer's address.
  if (version === 0 || rest.length > 0 || address.includes('%')) {
    throw new BadValue(`is ${quoted(text)}, not an IP address or network (as in 10.0.0.7, 10.0.0.0/8)`);
  }
  const most = version === 4 ? 32 : 128;
  const prefix = length === undefined ? most : /^[0-9]{1,3}$/.test(length) ? Number(length) : NaN;
  if (!(prefix <= most)) throw new BadValue(`is ${quoted(text)}, with no prefix length from 0 to ${most}`);
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** The IP address of a name server that others than the host itself reach. */
export function nameServer(text: string): string {
  if (isIP(text) === 0 || text.includes('%')) throw new BadValue(`is ${quoted(text)}, not an IP address`);
  if (text.startsWith('127.') || text === '::1') throw new BadValue(`is ${quoted(text)}, the host itself, which apps do not reach`);
  return text;
}

/** An IPv4 network of /8 to /30 whose host bits are zero, in CIDR notation. */
export function ipv4Range(text: string): Subnet {
  const { address, prefix } = subnet(text);
  if (!isIPv4(address) || !text.includes('/') || prefix < 8 || prefix > 30) {
    throw new BadValue(`is ${quoted(text)}, not an IPv4 network with a prefix length from 8 to 30 (as in 10.197.0.0/16)`);
  }
  const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = value - (value % 2 ** (32 - prefix));
  if (first !== value) {
    const start = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
    throw new BadValue(`is ${quoted(text)}, which is not where its network starts: write ${start}/${prefix}`);
  }
  return { address, prefix, family: 'ipv4' };
}
