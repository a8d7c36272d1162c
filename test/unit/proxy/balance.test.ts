import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { HostState } from '../../../src/model/app.ts';
import { choose, tiersOf, type Place } from '../../../src/proxy/balance.ts';
import { generationOf } from './support.ts';

const place = (host: string, weight: number): Place => ({ kind: 'there', host, weight, peer: { name: host, address: '10.0.0.1', port: 8079, state: 'active' } });

describe('the places of an app', () => {
  const tiers = (placements: Record<string, number>, states: Record<string, HostState>, here: string | null = null, fetching = false): string[][] =>
    tiersOf({
      name: 'app', domains: [], waitingPageS: null, here: here === null ? null : generationOf('app', { fetching }),
      placements: Object.entries(placements).map(([host, weight]) => ({ host, weight, listenPort: null })),
    }, {
      host: here ?? 'front',
      hosts: Object.entries(states).map(([name, state]) => ({ name, address: '10.0.0.1', port: 8079, state })),
    }).map((tier) => tier.map(({ kind, host }) => (kind === 'here' ? `${host} here` : host)));

  const table: [why: string, actual: string[][], expected: string[][]][] = [
    ['active before draining, a weight before 0, down and unknown never',
      tiers({ a: 1, b: 0, c: 2, d: 0, e: 1, f: 1 }, { a: 'active', b: 'active', c: 'draining', d: 'draining', e: 'down' }), [['a'], ['b'], ['c'], ['d']]],
    ['here is one like the others', tiers({ a: 1, b: 1 }, { a: 'active', b: 'active' }, 'a'), [['b', 'a here']]],
    ['and drains like the others', tiers({ a: 1, b: 1 }, { a: 'draining', b: 'active' }, 'a'), [['b'], ['a here']]],
    ['what serves here without a placement goes last', tiers({ b: 1 }, { a: 'active', b: 'active' }, 'a'), [['b'], ['a here']]],
    ['here goes last while its image is being fetched', tiers({ a: 2, b: 1 }, { a: 'active', b: 'active' }, 'a', true), [['b'], ['a here']]],
    ['a host without a row of its own serves what it has', tiers({ a: 1 }, {}, 'a'), [['a here']]],
    ['none', tiers({ a: 1 }, { a: 'down' }), []],
  ];
  for (const [why, actual, expected] of table) test(why, () => { assert.deepEqual(actual, expected); });
});

describe('the choice', () => {
  test('is the least in flight for its weight', () => {
    const load: Record<string, number> = { a: 4, b: 1, c: 0 };
    const chosen = (weights: Record<string, number>): string | undefined =>
      choose([Object.entries(weights).map(([host, weight]) => place(host, weight))], ({ host }) => load[host] ?? 0, () => true)?.host;
    assert.equal(chosen({ a: 1, b: 1 }), 'b');
    assert.equal(chosen({ a: 5, b: 1 }), 'a');
    assert.equal(chosen({ a: 5, b: 1, c: 1 }), 'c');
  });
  test('passes what cannot be used, and goes on to the next tier', () => {
    const tiers = [[place('a', 1), place('b', 1)], [place('c', 1)]];
    const without = (...hosts: string[]): string | undefined => choose(tiers, () => 0, ({ host }) => !hosts.includes(host))?.host;
    assert.equal(without('a'), 'b');
    assert.equal(without('a', 'b'), 'c');
    assert.equal(without('a', 'b', 'c'), undefined);
  });
  test('under load, keeps what is in flight in proportion to the weights', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 200 }), (weights, n) => {
      const inFlight = new Map<string, number>();
      const tier = weights.map((weight, i) => place(`h${i}`, weight));
      for (let i = 0; i < n; i++) {
        const host = choose([tier], (one) => inFlight.get(one.host) ?? 0, () => true)?.host ?? '';
        inFlight.set(host, (inFlight.get(host) ?? 0) + 1);
      }
      const sum = weights.reduce((a, b) => a + b, 0);
      for (const { host, weight } of tier) {
        const share = n * weight / sum;
        assert.ok(Math.abs((inFlight.get(host) ?? 0) - share) <= weight + tier.length, `${host}: ${inFlight.get(host) ?? 0} of ${share}`);
      }
    }));
  });
  test('among equals goes by weight', () => {
    const tier = [place('a', 3), place('b', 1)];
    const at = (point: number): string | undefined => choose([tier], () => 0, () => true, () => point)?.host;
    assert.deepEqual([0, 0.74, 0.76, 0.999].map(at), ['a', 'a', 'b', 'b']);
  });
});
