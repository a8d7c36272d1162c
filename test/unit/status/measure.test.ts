/** Numbers as fc-status writes them: short, without spaces, and never one that rounds into the next unit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { age, bytes, duration, rate } from '../../../src/status/measure.ts';

test('ages', () => {
  const [min, h, d] = [60_000, 3_600_000, 86_400_000];
  for (const [ms, text] of [[-5, '0s'], [999, '0s'], [12_345, '12s'], [99_999, '99s'], [100_000, '1min'], [99 * min, '99min'], [100 * min, '1h'], [47 * h, '47h'], [48 * h, '2d'], [400 * d, '400d']] as const) {
    assert.equal(age(ms), text);
  }
});

test('durations', () => {
  for (const [ms, text] of [[0, '0ms'], [179.6, '180ms'], [999.4, '999ms'], [999.5, '1.00s'], [1240, '1.24s'], [9996, '10.0s'], [99_950, '100s'], [124_400, '124s']] as const) assert.equal(duration(ms), text);
});

test('bytes', () => {
  for (const [count, text] of [[0, '0B'], [512, '512B'], [1023, '1023B'], [1024, '1.0K'], [35_756_441, '34.1M'], [1_073_700_000, '1.0G'], [2 ** 50, '1024.0T']] as const) assert.equal(bytes(count), text);
});

test('rates', () => {
  for (const [perS, text] of [[0, '0'], [0.01, '<0.1'], [0.3, '0.3'], [12.44, '12.4'], [99.96, '100'], [340.2, '340'], [9999, '9999'], [12_345, '12.3k'], [123_456, '123k']] as const) assert.equal(rate(perS), text);
});

test('each is short and one word', () => {
  const most = 366 * 86_400_000;
  fc.assert(fc.property(fc.double({ min: 0, max: most, noNaN: true }), (value) => {
    for (const text of [age(value), duration(Math.min(value, 3_600_000)), bytes(value), rate(Math.min(value, 999_999))]) assert.match(text, /^\S{1,7}$/, `${value}: ${text}`);
  }));
});
