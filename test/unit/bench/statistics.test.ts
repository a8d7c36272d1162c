import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interleaved, orderOf } from '../../bench/interleave.ts';
import { verdict, type Target } from '../../bench/result.ts';
import { median, quantile, ratio, summarize } from '../../bench/statistics.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => count - index);

test('the median is the middle one, or halfway between two', () => {
  assert.equal(median([5, 1, 100]), 5);
  assert.equal(median([4, 1, 100, 2]), 3);
  assert.equal(median([7]), 7);
});

test('p99 is one that was measured, and of few the largest', () => {
  assert.equal(quantile(upTo(1000), 0.99), 990);
  assert.equal(quantile(upTo(100), 0.99), 99);
  assert.equal(quantile(upTo(20), 0.99), 20);
  assert.equal(quantile([3], 0), 3);
});

test('a summary names the ends, and its list stays as it was', () => {
  const values = upTo(200);
  assert.deepEqual(summarize(values), { count: 200, min: 1, median: 100.5, p99: 198, max: 200 });
  assert.equal(values[0], 200);
});

test('nothing measured is an error, not NaN', () => {
  for (const of of [median, summarize, (values: number[]) => quantile(values, 0.5)]) assert.throws(() => of([]), RangeError);
});

test('a ratio is one of medians', () => {
  assert.equal(ratio([1, 2, 300], [4, 4, 4]), 0.5);
});

test('in an interleaved run everyone is measured once a round, and comes first as often as last', async () => {
  const calls: string[] = [];
  const subject = (name: string) => () => {
    calls.push(name);
    return Promise.resolve(calls.length);
  };
  const given = await interleaved(6, { a: subject('a'), b: subject('b'), c: subject('c') });
  assert.deepEqual(Object.values(given).map((values) => values.length), [6, 6, 6]);
  assert.ok(given.a.every((at) => at > 3), 'the first round is thrown away');
  const rounds = Array.from({ length: 6 }, (_, round) => orderOf(['a', 'b', 'c'], round));
  for (const order of rounds) assert.deepEqual([...order].sort(), ['a', 'b', 'c']);
  for (const name of ['a', 'b', 'c']) {
    assert.equal(rounds.filter((order) => order[0] === name).length, 2);
    assert.equal(rounds.filter((order) => order[2] === name).length, 2);
  }
});

test('a run that takes too long ends early, but not before it says something', async () => {
  const slow = (): Promise<number> => new Promise((resolve) => { setTimeout(resolve, 5, 1); });
  const { slow: times } = await interleaved(1000, { slow }, { budget: { ms: 1, least: 3 } });
  assert.equal(times.length, 3);
});

const target = (measured: number, bounds: Partial<Target>): Target => ({ what: '', measure: '', unit: '', measured, reach: null, stretch: null, ...bounds });

for (const [expected, of] of [
  ['stretch', target(0.5, { reach: { atMost: 0.75 }, stretch: { atMost: 0.5 } })],
  ['reach', target(0.51, { reach: { atMost: 0.75 }, stretch: { atMost: 0.5 } })],
  ['missed', target(0.76, { reach: { atMost: 0.75 }, stretch: { atMost: 0.5 } })],
  ['missed', target(1.69, { reach: { atLeast: 1.7 }, stretch: { atLeast: 2.5 } })],
  ['stretch', target(2.5, { reach: { atLeast: 1.7 }, stretch: { atLeast: 2.5 } })],
  ['reach', target(0.3, { stretch: { atLeast: 0.6 } })],
  ['reach', target(0, { reach: { atMost: 0 } })],
] as const) test(`${JSON.stringify(of)}: ${expected}`, () => { assert.equal(verdict(of), expected); });
