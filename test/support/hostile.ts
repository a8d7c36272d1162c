/** Arbitraries of text that tries to break out of wherever it is put. */
import fc from 'fast-check';
import type { Row, Rows } from '../../src/model/rows.ts';
import { HOST_ROW } from './fleet.ts';

const SHARDS = [
  '\n', '\r', '\t', '\v', '\f', ' ', '\u00a0', '\u0085', '\u2028', '"', "'", '\\', '\\\n', '%', '%n', '%%', '$', '$$', '$HOME', '${HOME}', ';', ' ; ', '#', '\n#', '=', ',', ':', '@', '-', '--privileged',
  '..', '/', '/../', '\n[Service]\n', '\nExecStart=/bin/sh', '\\x0a', '\\n', '\u001b[2J', '\u202e', '\u200b', '\ufeff', '\ufffe', '\u{1ffff}', 'é', '😀', '\ud800', '\0', '{{', '}}', '{{{run}}}', '&amp;', 'A',
];

/** Any text: Unicode, control characters, halves of surrogate pairs, and shards with a meaning somewhere. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 20, arbitrary: fc.array(fc.oneof(fc.constantFrom(...SHARDS), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 8 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 70_000 }).chain((n) => fc.constantFrom(...SHARDS).map((shard) => shard.repeat(Math.ceil(n / shard.length)))) },
);

/** Any text that a process can be given. */
export const processText: fc.Arbitrary<string> = anyText.map((text) => text.replaceAll('\0', '').replace(/\p{Cs}/gu, ''));

/** What a path may hold besides the obvious. */
const pathPart = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/).filter((part) => part !== '.' && part !== '..'),
  processText.map((text) => `p${text.replace(/[:,\\"/\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\p{NChar}/gu, '').slice(0, 20)}`.replace(/\p{Cs}/gu, '')),
);
const path = fc.array(pathPart, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 3 });
const number = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);

/** Rows of one app that are good, however strange: every text in them is as hostile as its column lets it be. */
export const goodAppRow: fc.Arbitrary<Row> = fc.record({
  name: fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/),
  source: fc.oneof(fc.stringMatching(/^[a-z0-9]{1,8}(?:\/[a-z0-9]{1,8})?(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,7})?$/).map((image) => ({ image, rootfs: null })),
    fc.tuple(fc.constantFrom('oci-archive', 'docker-archive'), path, fc.stringMatching(/^(?::[A-Za-z0-9_][A-Za-z0-9_.:\/-]{0,9})?$/)).map(([transport, rest, tag]) => ({ image: `${transport}:/mnt/shared/${rest}${tag}`, rootfs: null })),
    path.map((rest) => ({ image: null, rootfs: `/srv/fc/${rest}` }))),
  command: fc.tuple(processText.filter((text) => text !== ''), fc.array(processText, { maxLength: 4 })).map(([first, rest]) => [first, ...rest])
    .filter((argv) => Buffer.byteLength(argv.join(' ')) < 131_000).map((argv) => JSON.stringify(argv)),
  port: number(1, 65_535),
  env: maybe(fc.dictionary(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/), processText, { maxKeys: 4 }).filter((env) => Buffer.byteLength(JSON.stringify(env)) < 131_000).map((env) => JSON.stringify(env))),
  volumes: maybe(fc.array(fc.tuple(path, path, fc.constantFrom('', ':ro', ':rw')), { maxLength: 4 })
    .map((list) => JSON.stringify(list.map(([host, container, mode], index) => `/mnt/shared/${host}:/v${index}/${container}${mode}`)))),
  network: fc.constantFrom('private', 'host'),
  memory_max: maybe(number(4, 4096).map((n) => `${n}M`)),
  cpu_quota: maybe(number(1, 1000)),
  tasks_max: maybe(number(1, 10_000)),
  idle_timeout_s: maybe(number(1, 100_000)),
  lifetime_s: maybe(number(10, 100_000)),
  start_timeout_s: number(1, 3600),
  stop_timeout_s: number(0, 3600),
  ready_path: maybe(fc.string({ unit: fc.constantFrom(...'!"$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'), maxLength: 20 }).map((text) => `/${text}`)),
  uid_base: number(8, 28_671).map((slot) => String(Number(slot) * 65_536)),
}).map(({ source, ...row }) => ({ ...row, ...source }));

/** Any rows at all: hardly ever good. */
export const anyRows: fc.Arbitrary<Rows> = fc.record({
  revision: fc.constant('1'),
  hosts: rows(['name', 'address', 'port', 'state']).map((list) => [HOST_ROW, ...list]),
  apps: rows(['name', 'image', 'rootfs', 'command', 'port', 'env', 'volumes', 'network', 'memory_max', 'cpu_quota', 'tasks_max', 'idle_timeout_s', 'lifetime_s', 'start_timeout_s', 'stop_timeout_s', 'ready_path', 'enabled', 'uid_base', 'unknown']),
  domains: rows(['fqdn', 'app']),
  placements: rows(['app', 'host', 'weight', 'listen_port']),
});

function rows(columns: readonly string[]): fc.Arbitrary<Row[]> {
  const value = fc.oneof(anyText, fc.constantFrom('shop', 'web1', '1', '80', '__proto__', 'constructor', '[]', '{}', '["x"]', '1e9', 'infinity', 'NULL'), fc.json(), fc.constant(null));
  const cell = fc.tuple(fc.constantFrom(...columns), value);
  // Some columns missing: undefined there is not null.
  return fc.array(fc.array(cell, { maxLength: columns.length }).map((cells): Row => Object.fromEntries(cells)), { maxLength: 4 });
}
