/** Rows → fleet: hosts, domains, placements, and what rows of several tables make together. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fleet } from '../../../src/model/app.ts';
import { parseFleet } from '../../../src/model/parse.ts';
import type { Row, Rows } from '../../../src/model/rows.ts';
import { APP_ROW, HOST_ROW, POLICY, rowsOf } from '../../support/fleet.ts';

const parse = (part: Partial<Rows>): Fleet => parseFleet(rowsOf(part), POLICY);
const said = (fleet: Fleet): (string | null)[][] => fleet.rejections.map((r) => [r.table, r.key, r.column, r.app]);
const domainsOf = (fleet: Fleet, name: string): readonly string[] | undefined => fleet.apps.find((app) => app.name === name)?.domains;
const placementsOf = (fleet: Fleet, name: string): unknown => fleet.apps.find((app) => app.name === name)?.placements;
const BLOG: Row = { ...APP_ROW, name: 'blog' };
const WEB2: Row = { ...HOST_ROW, name: 'web2' };

describe('domains.fqdn', () => {
  const label = 'x'.repeat(63);
  const good: readonly (readonly [string, string])[] = [
    ['shop.example', 'shop.example'], ['Shop.EXAMPLE', 'shop.example'], ['shop.example.', 'shop.example'], ['*.shop.example', '*.shop.example'], ['*.localhost', '*.localhost'], ['localhost', 'localhost'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'], ['1.2.3.4', '1.2.3.4'], [`${label}.${label}.${label}.${'x'.repeat(61)}`, `${label}.${label}.${label}.${'x'.repeat(61)}`],
  ];
  for (const [text, fqdn] of good) {
    it(`takes ${text}`, () => {
      const fleet = parse({ domains: [{ fqdn: text, app: 'shop' }] });
      assert.deepEqual(fleet.rejections, []);
      assert.deepEqual(domainsOf(fleet, 'shop'), [fqdn]);
    });
  }
  const bad = [
    null, '', '.', '*', '*.', '*.*.example', 'a.*.example', 'a*.example', '*x.example', 'shop..example', '.shop', '-a.example', 'a-.example', 'a_b.example', 'shop.example:80', 'http://x', 'bücher.example',
    'a b', 'a\nb', 'a%n', '[::1]', `${'x'.repeat(64)}.example`, `${'x.'.repeat(127)}xx`, 'shop.example..', '\u212a.example',
  ];
  for (const fqdn of bad) {
    it(`refuses ${JSON.stringify(fqdn)?.slice(0, 60)} alone`, () => {
      const fleet = parse({ domains: [{ fqdn, app: 'shop' }, { fqdn: 'good.example', app: 'shop' }] });
      assert.deepEqual(domainsOf(fleet, 'shop'), ['good.example']);
      assert.deepEqual(fleet.rejections.map((r) => [r.table, r.column, r.app]), [['domains', 'fqdn', 'shop']]);
    });
  }

  it('hints at the xn-- form', () => {
    assert.match(parse({ domains: [{ fqdn: 'bücher.example', app: 'shop' }] }).rejections[0]?.why ?? '', /xn--/);
  });
});

describe('domains', () => {
  it('are sorted by name', () => {
    const fleet = parse({ domains: ['b.example', '*.a.example', 'a.example'].map((fqdn) => ({ fqdn, app: 'shop' })) });
    assert.deepEqual(domainsOf(fleet, 'shop'), ['*.a.example', 'a.example', 'b.example']);
  });

  it('of an app that does not exist are refused', () => {
    const fleet = parse({ domains: [{ fqdn: 'a.example', app: 'nope' }, { fqdn: 'b.example', app: 'Shop' }, { fqdn: 'c.example', app: null }] });
    assert.deepEqual(said(fleet), [['domains', 'a.example', 'app', null], ['domains', 'b.example', 'app', null], ['domains', 'c.example', 'app', null]]);
  });

  it('of a disabled app or one with a bad row are fine', () => {
    const fleet = parse({ apps: [{ ...APP_ROW, enabled: '0' }, { ...BLOG, port: 'x' }], domains: [{ fqdn: 'a.example', app: 'shop' }, { fqdn: 'b.example', app: 'blog' }] });
    assert.deepEqual(said(fleet), [['apps', 'blog', 'port', 'blog']]);
  });

  it('given twice belong to the row that spells them as they count, whatever the order', () => {
    const rows = [{ fqdn: 'Shop.example', app: 'blog' }, { fqdn: 'shop.example', app: 'shop' }, { fqdn: 'shop.example.', app: 'blog' }];
    for (const domains of [rows, rows.toReversed()]) {
      const fleet = parse({ apps: [APP_ROW, BLOG], domains });
      assert.deepEqual([domainsOf(fleet, 'shop'), domainsOf(fleet, 'blog')], [['shop.example'], []]);
      assert.deepEqual(said(fleet), [['domains', 'Shop.example', 'fqdn', 'blog'], ['domains', 'shop.example.', 'fqdn', 'blog']]);
    }
  });

  it('given twice and never as they count belong to nobody', () => {
    const fleet = parse({ apps: [APP_ROW, BLOG], domains: [{ fqdn: 'Shop.example', app: 'blog' }, { fqdn: 'shop.example.', app: 'shop' }] });
    assert.deepEqual([domainsOf(fleet, 'shop'), domainsOf(fleet, 'blog')], [[], []]);
    assert.equal(fleet.rejections.length, 2);
  });
});

describe('placements', () => {
  it('are sorted by host and take defaults', () => {
    const fleet = parse({ hosts: [HOST_ROW, WEB2], placements: [{ app: 'shop', host: 'WEB2', weight: '0', listen_port: '5432' }, { app: 'shop', host: 'web1' }] });
    assert.deepEqual(fleet.rejections, []);
    assert.deepEqual(placementsOf(fleet, 'shop'), [{ host: 'web1', weight: 100, listenPort: null }, { host: 'web2', weight: 0, listenPort: 5432 }]);
  });

  const bad: readonly (readonly [Row, string, string | null])[] = [
    [{ host: 'web2', weight: '-1' }, 'weight', 'shop'], [{ host: 'web2', weight: '65536' }, 'weight', 'shop'], [{ host: 'web2', weight: null }, 'weight', 'shop'],
    [{ host: 'web2', listen_port: '0' }, 'listen_port', 'shop'], [{ host: 'web2', listen_port: '65536' }, 'listen_port', 'shop'],
    [{ host: 'web3' }, 'host', 'shop'], [{ host: 'we b' }, 'host', 'shop'], [{ host: null }, 'host', 'shop'], [{ host: 'bad' }, 'host', 'shop'],
    [{ host: 'web2', app: 'nope' }, 'app', null], [{ host: 'web2', app: null }, 'app', null], [{ host: 'web2', app: '../x' }, 'app', null],
  ];
  for (const [row, column, app] of bad) {
    it(`refuses ${JSON.stringify(row)} alone`, () => {
      const fleet = parse({ hosts: [HOST_ROW, WEB2, { ...HOST_ROW, name: 'bad', port: '0' }], placements: [{ app: 'shop', host: 'web1' }, { app: 'shop', ...row }] });
      assert.deepEqual(placementsOf(fleet, 'shop'), [{ host: 'web1', weight: 100, listenPort: null }]);
      assert.deepEqual(fleet.rejections.filter((r) => r.table === 'placements').map((r) => [r.column, r.app]), [[column, app]]);
    });
  }

  it('that stand twice are all refused', () => {
    const fleet = parse({ placements: [{ app: 'shop', host: 'web1' }, { app: 'shop', host: 'Web1', weight: '5' }] });
    assert.deepEqual(placementsOf(fleet, 'shop'), []);
    assert.equal(fleet.rejections.length, 2);
  });

  it('that claim one listen_port of a host are all refused, since nobody can say whose it was first', () => {
    const claim = (app: string, host: string): Row => ({ app, host, listen_port: '5432' });
    const fleet = parse({ hosts: [HOST_ROW, WEB2], apps: [APP_ROW, BLOG], placements: [claim('shop', 'web1'), claim('blog', 'web1'), claim('blog', 'web2')] });
    assert.deepEqual(said(fleet), [['placements', 'blog/web1', 'listen_port', 'blog'], ['placements', 'shop/web1', 'listen_port', 'shop']]);
    assert.deepEqual(placementsOf(fleet, 'blog'), [{ host: 'web2', weight: 100, listenPort: 5432 }]);
  });
});

describe('a listen_port that its host cannot give', () => {
  const why = (part: Partial<Rows>): string[][] => parse(part).rejections.map((r) => [r.key, r.column, r.why]);
  const EDGE: Row = { ...APP_ROW, name: 'edge', network: 'host', port: '25' };

  it('is the port of an app that uses the network of the host, its own or another\'s', () => {
    const reason = 'listens, on the network of the host (apps.network = \'host\')';
    assert.deepEqual(why({ apps: [EDGE], placements: [{ app: 'edge', host: 'web1', listen_port: '25' }] }), [['edge/web1', 'listen_port', `is the port on which the app itself ${reason}`]]);
    const placements = [{ app: 'edge', host: 'web1' }, { app: 'shop', host: 'web1', listen_port: '25' }];
    for (const rows of [placements, placements.toReversed()]) {
      assert.deepEqual(why({ apps: [EDGE, APP_ROW], placements: rows }), [['shop/web1', 'listen_port', `is the port on which the app edge ${reason}`]]);
    }
  });

  it('is that of the internal listener', () => {
    assert.deepEqual(why({ placements: [{ app: 'shop', host: 'web1', listen_port: '8079' }] }), [['shop/web1', 'listen_port', 'is the port of the host\'s internal listener (hosts.port)']]);
  });

  it('is not one that is taken elsewhere, or by what an app has for itself', () => {
    assert.deepEqual(why({ hosts: [HOST_ROW, { ...WEB2, port: '26' }], apps: [EDGE, APP_ROW], placements: [{ app: 'edge', host: 'web2', listen_port: '8079' }, { app: 'shop', host: 'web1', listen_port: '25' }] }), []);
    assert.deepEqual(why({ placements: [{ app: 'shop', host: 'web1', listen_port: '8080' }] }), []);
    assert.deepEqual(why({ apps: [{ ...EDGE, enabled: '0' }, APP_ROW], placements: [{ app: 'edge', host: 'web1' }, { app: 'shop', host: 'web1', listen_port: '25' }] }), []);
  });
});

describe('hosts', () => {
  it('take addresses and names, in lower case', () => {
    const addresses = ['192.0.2.1', '2001:DB8::1', '::ffff:192.0.2.1', 'Web1.example.com', 'db', '127.0.0.1'];
    const fleet = parse({ hosts: [HOST_ROW, ...addresses.map((address, i) => ({ ...HOST_ROW, name: `H${i}`, address }))] });
    assert.deepEqual(fleet.rejections, []);
    assert.deepEqual(fleet.hosts.map((host) => [host.name, host.address]).slice(0, 6), addresses.map((address, i) => [`h${i}`, address.toLowerCase()]));
  });

  const bad: readonly (readonly [Row, string])[] = [
    [{ name: 'a_b' }, 'name'], [{ name: '' }, 'name'], [{ name: null }, 'name'], [{ name: 'a/b' }, 'name'],
    ...['', '256.1.1.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '::1%eth0', '[::1]', ':::', '1::2::3', 'a b', 'host:80', 'x\n', null].map((address): [Row, string] => [{ address }, 'address']),
    [{ port: '0' }, 'port'], [{ port: 'http' }, 'port'], [{ port: null }, 'port'], [{ state: 'up' }, 'state'], [{ state: null }, 'state'],
  ];
  for (const [row, column] of bad) {
    it(`refuse ${JSON.stringify(row)} alone`, () => {
      const fleet = parse({ hosts: [HOST_ROW, { ...WEB2, ...row }] });
      assert.deepEqual(fleet.hosts.map((host) => host.name), ['web1']);
      assert.deepEqual(fleet.rejections.map((r) => [r.table, r.column, r.app]), [['hosts', column, null]]);
    });
  }

  it('that stand twice are refused', () => {
    const fleet = parse({ hosts: [HOST_ROW, { ...HOST_ROW, name: 'WEB1' }] });
    assert.deepEqual(fleet.hosts, []);
    assert.deepEqual(said(fleet), [['hosts', 'web1', 'name', null]]);
  });

  it('without a row for this host say so', () => {
    assert.deepEqual(said(parse({ hosts: [WEB2] })), [['hosts', 'web1', 'name', null]]);
  });
});

describe('parseFleet', () => {
  it('leaves every other app alone when a row is bad, and still knows of it', () => {
    const fleet = parse({ apps: [{ ...APP_ROW, port: '0' }, BLOG, { ...APP_ROW, name: 'off', enabled: '0', port: 'x' }, { ...APP_ROW, name: 'Bad Name' }] });
    assert.deepEqual(fleet.apps.map((app) => app.name), ['blog']);
    assert.deepEqual([...fleet.known].sort(), ['blog', 'off', 'shop']);
    assert.deepEqual(said(fleet), [['apps', 'Bad Name', 'name', null], ['apps', 'shop', 'port', 'shop']]);
  });

  it('refuses an app that stands twice', () => {
    const fleet = parse({ apps: [APP_ROW, { ...APP_ROW, port: '1' }] });
    assert.deepEqual(fleet.apps, []);
    assert.deepEqual(said(fleet), [['apps', 'shop', 'name', 'shop']]);
  });

  it('refuses an enabled that is neither 0 nor 1', () => {
    for (const enabled of ['', '2', 'true', null]) assert.deepEqual(said(parse({ apps: [{ ...APP_ROW, enabled }] })), [['apps', 'shop', 'enabled', 'shop']]);
  });

  it('gives rejections that fit on a line of a terminal', () => {
    const fleet = parse({ apps: [{ ...APP_ROW, name: `\u001b[2J\u202e\n${'x'.repeat(1000)}` }] });
    const [rejection] = fleet.rejections;
    assert.ok(rejection !== undefined);
    assert.match(rejection.key, /^[ -~…]{1,400}$/);
    assert.match(rejection.why, /^[ -~…]{1,400}$/);
  });
});
