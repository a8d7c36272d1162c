import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { buildIndex, hostOf, isDomain, RouteTable, targetOf } from '../../../src/proxy/route.ts';
import { appOf, generationOf, snapshotOf } from './support.ts';

describe('hostOf', () => {
  const table: [authority: string, host: string | null][] = [
    ['example.com', 'example.com'],
    ['EXAMPLE.Com', 'example.com'],
    ['example.com:8080', 'example.com'],
    ['example.com:', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com.:80', 'example.com'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['[::1]', '::1'],
    ['[2001:DB8::1]:8080', '2001:db8::1'],
    ['', null],
    ['.', null],
    [':80', null],
    ['::1', null],
    ['[::1', null],
    ['[::1]x', null],
    ['[:::]', null],
    ['a b', null],
    ['a/b', null],
    ['user@example.com', null],
    ['example.com:80:80', null],
    ['example.com:http', null],
    ['example.com, other.com', null],
    ['exämple.com', null],
    ['x'.repeat(256), null],
  ];
  for (const [authority, host] of table) {
    test(JSON.stringify(authority.slice(0, 40)), () => { assert.equal(hostOf(authority), host); });
  }

  test('whatever comes, a host is lower case, without blanks, and stable', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.domain(), fc.webAuthority()), (text) => {
      const host = hostOf(text);
      if (host === null) return;
      assert.match(host, /^[a-z0-9._:-]+$/);
      if (!host.includes(':') && !host.endsWith('.')) assert.equal(hostOf(host), host);
    }));
  });
});

describe('targetOf', () => {
  const good: [url: string, host: string, expected: { host: string; authority: string; path: string }][] = [
    ['/', 'a.com', { host: 'a.com', authority: 'a.com', path: '/' }],
    ['/x?y=http://z/', 'A.com:8080', { host: 'a.com', authority: 'A.com:8080', path: '/x?y=http://z/' }],
    ['//evil.com/x', 'a.com', { host: 'a.com', authority: 'a.com', path: '//evil.com/x' }],
    ['http://b.com/x', 'a.com', { host: 'b.com', authority: 'b.com', path: '/x' }],
    ['HTTPS://B.com:444/x?y', 'a.com', { host: 'b.com', authority: 'B.com:444', path: '/x?y' }],
    ['http://b.com', 'a.com', { host: 'b.com', authority: 'b.com', path: '/' }],
    ['http://b.com?q', 'a.com', { host: 'b.com', authority: 'b.com', path: '/?q' }],
    ['http://[::1]:80/x', '', { host: '::1', authority: '[::1]:80', path: '/x' }],
    ['*', 'a.com', { host: 'a.com', authority: 'a.com', path: '*' }],
  ];
  for (const [url, host, expected] of good) {
    test(`${url} with Host: ${host}`, () => { assert.deepEqual(targetOf(url, 1, host), { ...expected, app: null, choice: false }); });
  }

  const bad: [why: string, url: string, hosts: number, host: string][] = [
    ['no Host', '/', 0, ''],
    ['no Host, absolute-form', 'http://b.com/', 0, ''],
    ['two Hosts', '/', 2, 'a.com'],
    ['an empty Host', '/', 1, ''],
    ['a Host with a path', '/', 1, 'a.com/x'],
    ['userinfo', 'http://user@b.com/', 1, 'a.com'],
    ['absolute-form with a bad Host', 'http://b.com/', 1, 'a b'],
    ['another scheme', 'ftp://b.com/', 1, 'a.com'],
    ['authority-form', 'b.com:443', 1, 'a.com'],
    ['no authority', 'http:///x', 1, 'a.com'],
  ];
  for (const [why, url, hosts, host] of bad) {
    test(`refused: ${why}`, () => { assert.equal(typeof targetOf(url, hosts, host), 'string'); });
  }
});

describe('the index', () => {
  const here = generationOf('exact');
  const index = buildIndex(snapshotOf(
    appOf('exact', ['www.example.com', 'example.com'], here),
    appOf('wild', ['*.example.com'], generationOf('wild')),
    appOf('deeper', ['*.b.example.com'], generationOf('deeper')),
    appOf('away', ['away.example.org'], null),
  ));
  const table: [host: string, app: string | null][] = [
    ['example.com', 'exact'],
    ['www.example.com', 'exact'],
    ['other.example.com', 'wild'],
    ['two.labels.example.com', 'wild'],
    ['b.example.com', 'wild'],
    ['x.b.example.com', 'deeper'],
    ['y.x.b.example.com', 'deeper'],
    ['notexample.com', null],
    ['com', null],
    ['', null],
    ['constructor', null],
    ['away.example.org', 'away'],
    ['::1', null],
  ];
  for (const [host, app] of table) {
    test(`${host} → ${app ?? 'none'}`, () => { assert.equal(index.find({ host, app: null })?.app ?? null, app); });
  }

  test('says which generation serves here, or that none does', () => {
    assert.equal(index.find({ host: 'example.com', app: null })?.here, here);
    assert.equal(index.find({ host: 'away.example.org', app: null })?.here, null);
    assert.deepEqual([...index.generations.keys()].sort(), ['deeper-0000000a', 'exact-0000000a', 'wild-0000000a']);
  });
});

test('kept from snapshot to snapshot it is what it would be if made anew', () => {
  const names = ['a', 'b', 'c', 'd'];
  const hosts = [{ name: 'web1', address: '192.0.2.1', port: 8079, state: 'active' }, { name: 'web2', address: '192.0.2.2', port: 8079, state: 'active' }] as const;
  const domain = fc.constantFrom('x.example', 'y.example', '*.example', 'z.x.example');
  // Some domains are claimed twice, and some apps are the same object as before.
  const app = fc.record({ name: fc.constantFrom(...names), domains: fc.uniqueArray(domain, { maxLength: 2 }), here: fc.boolean(), away: fc.boolean() })
    .map(({ name, domains, here, away }) => ({
      ...appOf(name, domains, here ? generationOf(name) : null),
      placements: away ? [{ host: 'web2', weight: 100, listenPort: null }] : [],
    }));
  const pool = fc.array(app, { minLength: 1, maxLength: 12 });
  const which = fc.array(fc.record({ apps: fc.array(fc.nat(11), { maxLength: 6 }), fewHosts: fc.boolean() }), { minLength: 1, maxLength: 6 });
  const few = hosts.slice(0, 1);
  fc.assert(fc.property(pool, which, (apps, steps) => {
    const kept = new RouteTable();
    for (const { apps: chosen, fewHosts } of steps) {
      const there = new Map(chosen.flatMap((index) => {
        const one = apps[index % apps.length];
        return one === undefined ? [] : [[one.name, one] as const];
      }));
      const snapshot = { ...snapshotOf(...there.values()), hosts: fewHosts ? few : hosts };
      kept.follow(snapshot);
      const anew = buildIndex(snapshot);
      for (const host of ['x.example', 'y.example', 'q.example', 'z.x.example', 'none']) {
        assert.deepEqual(kept.find({ host, app: null }), anew.find({ host, app: null }), host);
      }
      for (const name of names) assert.deepEqual(kept.find({ host: '', app: name }), anew.find({ host: '', app: name }), name);
      assert.deepEqual(new Map([...kept.generations].sort()), new Map([...anew.generations].sort()));
    }
  }), { numRuns: 500 });
});

test('a route that a new snapshot does not change stays the same object', () => {
  const shop = appOf('shop', ['shop.example'], generationOf('shop'));
  const first = snapshotOf(shop);
  const table = new RouteTable();
  table.follow(first);
  const route = table.find({ host: 'shop.example', app: null });
  table.follow({ ...snapshotOf(shop, appOf('new', ['new.example'], generationOf('new'))), hosts: first.hosts });
  assert.notEqual(route, null);
  assert.equal(table.find({ host: 'shop.example', app: null }), route);
  assert.equal(table.find({ host: 'new.example', app: null })?.app, 'new');
});

test('addresses are no domains that the CMDB could know', () => {
  assert.deepEqual(['a.com', 'localhost', '1a.com', '10.0.0.1', '::1', '123'].map(isDomain), [true, true, true, false, false, false]);
});
