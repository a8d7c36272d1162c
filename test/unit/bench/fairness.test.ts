import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overtaken } from '../../bench/burst/fairness.ts';

for (const [doneAt, expected] of [
  [[1, 2, 3, 4], [0, 0, 0, 0]],
  [[4, 1, 2, 3], [3, 0, 0, 0]],
  [[3, 2, 1], [2, 1, 0]],
  [[2, 2, 2], [0, 0, 0]],
  [[], []],
] as const) test(`served at ${JSON.stringify(doneAt)}: overtaken by ${JSON.stringify(expected)}`, () => { assert.deepEqual(overtaken(doneAt), expected); });
