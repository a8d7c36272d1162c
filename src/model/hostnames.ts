/** Names on the network: domains of apps, names and addresses of hosts. */
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';

const NAME_MAX = 253; // RFC 1035, without the trailing dot
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/; // RFC 1123, lower case

/** ASCII alone: Unicode lower-cases the Kelvin sign to `k`, and so one name to another. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function isHostName(text: string): boolean {
  return text.length <= NAME_MAX && text.split('.').every((label) => LABEL.test(label));
}

/**
 * What a domain is called in the snapshot: lower case, no trailing dot.
 * @throws BadValue unless letters, digits and hyphens (an international name in its xn-- form), optionally
 *   with `*` as the leftmost of several labels.
 */
export const domain: Parser<string> = (text) => {
  const name = lowerCase(text).replace(/\.$/, '');
  if (text.length <= NAME_MAX + 1 && isHostName(name.replace(/^\*\./, ''))) return name;
  const hint = /[^\p{ASCII}]/u.test(text) ? '; an international name is written in its xn-- form' : '';
  throw new BadValue(`is ${quoted(text)}, not a domain name (or *. and a domain name)${hint}`);
};

/** The name of a host: a host name of one or more labels, in lower case. */
export const hostName: Parser<string> = (text) => {
  const name = lowerCase(text);
  if (!isHostName(name)) throw new BadValue(`is ${quoted(text)}, not a host name`);
  return name;
};

/** Where a host's internal listener is: an IPv4 or IPv6 address (no brackets, no zone) or a host name. */
export const hostAddress: Parser<string> = (text) => {
  const name = lowerCase(text);
  // Dotted numbers are an address or nothing (URL Standard, "ends in a number"), so not also a host name.
  const numeric = /(?:^|\.)[0-9]+$/.test(name);
  const good = name.includes(':') ? isIpv6(name) : numeric ? isIpv4(name) : isHostName(name);
  if (!good) throw new BadValue(`is ${quoted(text)}, not an IP address or host name`);
  return name;
};

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return text.length <= 45 && /^[0-9a-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}
