import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameRows } from '../../src/cmdb/same-rows.ts';
import type { Row } from '../../src/model/rows.ts';

test('rows that say the same are the objects they were, and all others are new', () => {
  const before: Row[] = [{ name: 'a', image: 'x' }, { name: 'b', image: null }, { name: 'c', image: 'x' }, { name: 'd', image: 'x' }];
  const rows: Row[] = [{ name: 'b', image: null }, { name: 'c', image: 'y' }, { name: 'd', image: 'x', port: '1' }, { name: 'e', image: 'x' }, { name: 'a', image: 'x' }];
  const result = sameRows(rows, before, (row) => row['name'] ?? '');
  assert.deepEqual(result, rows);
  assert.deepEqual(result.map((row) => before.indexOf(row)), [1, -1, -1, -1, 0]);
});
