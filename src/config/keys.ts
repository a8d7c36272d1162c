/** Every setting there is. Reading, checking and the reference in README.md come from this table. */
import { cmdbAddress } from './cmdb-address.ts';
import {
  hostName, ipv4Range, listOf, nameServer, oneOf, optionalPath, secondsOrNever, subnet, volumeRoot, wholeNumber, yesOrNo,
} from './values.ts';

export type Program = 'fc-sync' | 'fc-proxy' | 'fc-admin';

export interface Key<T> {
  readonly section: string;
  readonly key: string;
  /** What may be written, for people. */
  readonly type: string;
  /** What an absent key means, as it would be written; empty where there is nothing to say or the key is required. */
  readonly default: string;
  readonly requiredFor: readonly Program[];
  readonly doc: string;
  readonly parse: (text: string) => T;
}

function define<T>(key: Key<T>): Key<T> {
  return key;
}

export const hostNameKey = define({
  section: 'host', key: 'name', type: 'name', default: '', requiredFor: ['fc-sync', 'fc-proxy', 'fc-admin'],
  doc: "this host's row in the CMDB (hosts.name)",
  parse: hostName,
});

export const deepSleepKey = define({
  section: 'host', key: 'deep_sleep_s', type: 'seconds, 1 to 31536000, or never', default: '86400', requiredFor: [],
  doc: 'how long nobody visits an app before it falls into deep sleep: its socket closes and its network namespace goes, until the next visit through fc-proxy; apps.socket says which apps never do',
  parse: secondsOrNever(31_536_000),
});

export const cmdbUrlKey = define({
  section: 'cmdb', key: 'url', type: 'mysql:// URLs, comma separated', default: '', requiredFor: ['fc-sync'],
  doc: 'the CMDB: mysql://user@host[:port]/database, no password in it; several are tried in order; ?socketPath=/run/mysqld/mysqld.sock for a Unix socket',
  parse: listOf(cmdbAddress),
});

export const passwordFileKey = define({
  section: 'cmdb', key: 'password_file', type: 'absolute path', default: '', requiredFor: [],
  doc: 'file with the password of the CMDB account, 0600; without it no password is sent',
  parse: optionalPath,
});

export const processesKey = define({
  section: 'proxy', key: 'processes', type: 'auto, or number, 1 to 64', default: '1', requiredFor: [],
  doc: 'processes of fc-proxy that share its ports; auto: one for each CPU, at most 8, and one for each 512 MB of memory; a restart of fc-proxy makes them so many',
  parse: (text) => (text === 'auto' ? 'auto' : wholeNumber(1, 64)(text)),
});

export const maxStartsKey = define({
  section: 'proxy', key: 'max_starts', type: 'number, 1 to 1000', default: '4', requiredFor: [],
  doc: 'containers starting at once on this host',
  parse: wholeNumber(1, 1000),
});

export const maxWaitingKey = define({
  section: 'proxy', key: 'max_waiting', type: 'number, 1 to 1000000', default: '1024', requiredFor: [],
  doc: 'requests waiting for starts on this host before more are answered with 503; of several processes each has an equal share',
  parse: wholeNumber(1, 1_000_000),
});

export const trustedProxiesKey = define({
  section: 'proxy', key: 'trusted_proxies', type: 'IP addresses or networks, comma separated', default: '', requiredFor: [],
  doc: 'peers whose X-Forwarded-* headers are believed; none by default',
  parse: listOf(subnet),
});

export const drainTimeoutKey = define({
  section: 'proxy', key: 'drain_timeout_s', type: 'seconds, 1 to 86400', default: '3600', requiredFor: [],
  doc: 'how long an fc-proxy that was told to stop goes on with downloads and WebSockets in flight; the next one serves meanwhile',
  parse: wholeNumber(1, 86_400),
});

export const tlsCertificateKey = define({
  section: 'fleet', key: 'tls_certificate', type: 'absolute path', default: '', requiredFor: [],
  doc: "this host's certificate, PEM, for hosts.name as a DNS name; with it the fleet's hosts talk TLS to each other, and all of them must have one",
  parse: optionalPath,
});

export const tlsKeyKey = define({
  section: 'fleet', key: 'tls_key', type: 'absolute path', default: '', requiredFor: [],
  doc: 'its private key, PEM, readable for the user fc-proxy',
  parse: optionalPath,
});

export const tlsCaKey = define({
  section: 'fleet', key: 'tls_ca', type: 'absolute path', default: '', requiredFor: [],
  doc: "what the other hosts' certificates are verified against, PEM; without it the authorities that Node.js knows",
  parse: optionalPath,
});

export const adminNamesKey = define({
  section: 'admin', key: 'names', type: 'host names, comma separated', default: '', requiredFor: [],
  doc: 'further names under which browsers may ask fc-admin, as behind a proxy of yours; addresses, localhost and the names of this host always may',
  parse: listOf(hostName),
});

export const volumeRootsKey = define({
  section: 'volumes', key: 'roots', type: 'absolute paths, comma separated', default: '/srv/fastcontainer', requiredFor: [],
  doc: "folders under which an app's volumes may lie",
  parse: listOf(volumeRoot),
});

export const networkRangeKey = define({
  section: 'network', key: 'range', type: 'IPv4 network, /8 to /30', default: '10.197.0.0/16', requiredFor: [],
  doc: 'addresses for the links between the host and its containers, two for each',
  parse: ipv4Range,
});

export const allowHostKey = define({
  section: 'network', key: 'allow_host', type: 'yes or no', default: 'no', requiredFor: [],
  doc: "whether an app may use the host's own network (apps.network = 'host')",
  parse: yesOrNo,
});

// These two are read by units/libexec/fc-setting, where the host's rules are made.
export const egressDenyKey = define({
  section: 'network', key: 'egress_deny', type: 'IP addresses or networks, comma separated', default: '', requiredFor: [],
  doc: "what apps with apps.network = 'egress' do not reach either; link-local networks (a cloud's metadata, 169.254.169.254), the host and other apps they never reach",
  parse: listOf(subnet),
});

export const nameServersKey = define({
  section: 'network', key: 'nameservers', type: 'IP addresses, comma separated', default: '', requiredFor: [],
  doc: 'name servers of apps with egress; without it those of the host, but for those that run on the host itself',
  parse: listOf(nameServer),
});

export const cgroupsKey = define({
  section: 'podman', key: 'cgroups', type: 'disabled or split', default: 'disabled', requiredFor: [],
  doc: "podman's --cgroups: disabled keeps the container in its unit's own cgroup, split makes one below it",
  parse: oneOf('disabled', 'split'),
});

/** All keys, in the order of the reference. */
export const KEYS: readonly Key<unknown>[] = [
  hostNameKey, deepSleepKey,
  cmdbUrlKey, passwordFileKey,
  processesKey, maxStartsKey, maxWaitingKey, trustedProxiesKey, drainTimeoutKey,
  tlsCertificateKey, tlsKeyKey, tlsCaKey,
  adminNamesKey,
  volumeRootsKey,
  networkRangeKey, allowHostKey, egressDenyKey, nameServersKey,
  cgroupsKey,
];
