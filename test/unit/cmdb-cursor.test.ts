import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DOUBT_MS, LogCursor, MAX_GAPS, type LogEntry } from '../../src/cmdb/cursor.ts';

function entry(id: bigint | number): LogEntry {
  return { id: BigInt(id), tbl: 'apps', name: `app${id}` };
}

/** What a database that holds `ids` would answer. */
function found(cursor: LogCursor, ids: Iterable<bigint>): LogEntry[] {
  const { values } = cursor.where();
  const [position = 0n, ...bounds] = values;
  const ranges = bounds.flatMap((first, i) => (i % 2 === 0 ? [[first, bounds[i + 1] ?? first] as const] : []));
  return [...ids]
    .filter((id) => id >= position || ranges.some(([first, last]) => id >= first && id <= last))
    .sort((a, b) => (a < b ? -1 : 1))
    .map(entry);
}

function take(cursor: LogCursor, ids: readonly number[], nowMs = 0): bigint[] | null {
  return cursor.take(found(cursor, ids.map(BigInt)), nowMs)?.map(({ id }) => id) ?? null;
}

describe('change log cursor', () => {
  it('begins at the end of the log, and takes what comes after', () => {
    const cursor = new LogCursor([3n, 4n], false, 0);
    assert.deepEqual(take(cursor, [3, 4]), []);
    assert.deepEqual(take(cursor, [3, 4, 5, 6]), [5n, 6n]);
    assert.deepEqual(take(cursor, [3, 4, 5, 6]), []);
    assert.deepEqual(cursor.where(), { sql: 'id >= ?', values: [6n] });
  });

  it('takes everything from an empty log', () => {
    const cursor = new LogCursor([], true, 0);
    assert.deepEqual(take(cursor, []), []);
    assert.deepEqual(take(cursor, [1, 2]), [1n, 2n]);
  });

  it('asks again for ids that were left out, until they come', () => {
    const cursor = new LogCursor([1n], false, 0);
    assert.deepEqual(take(cursor, [1, 5]), [5n]);
    assert.deepEqual(cursor.where(), { sql: 'id >= ? OR id BETWEEN ? AND ?', values: [5n, 2n, 4n] });
    assert.deepEqual(take(cursor, [1, 3, 5]), [3n]);
    assert.deepEqual(cursor.where().values, [5n, 2n, 2n, 4n, 4n]);
    assert.deepEqual(take(cursor, [1, 2, 3, 4, 5, 6]), [2n, 4n, 6n]);
    assert.deepEqual(cursor.gaps, []);
  });

  it('asks for ids that were under way when it began', () => {
    const cursor = new LogCursor([1n, 4n], false, 0);
    assert.deepEqual(take(cursor, [1, 2, 4]), [2n]);
  });

  it('asks for ids lower than all others when it has seen the whole log', () => {
    assert.deepEqual(new LogCursor([2n], true, 0).gaps, [{ first: 1n, last: 1n, since: 0 }]);
    assert.deepEqual(new LogCursor([2n], false, 0).gaps, []);
  });

  it('gives up after a time: most of them were rolled back', () => {
    const cursor = new LogCursor([1n], false, 0);
    take(cursor, [1, 3], 1_000);
    assert.deepEqual(take(cursor, [1, 3], 999 + DOUBT_MS), []);
    assert.equal(cursor.gaps.length, 1);
    take(cursor, [1, 3], 1_000 + DOUBT_MS);
    assert.deepEqual(cursor.gaps, []);
  });

  it('keeps a bounded number in doubt, the youngest', () => {
    const ids = Array.from({ length: 3 * MAX_GAPS }, (_, i) => 1 + 3 * i);
    const cursor = new LogCursor([1n], false, 0);
    take(cursor, ids);
    assert.equal(cursor.gaps.length, MAX_GAPS);
    assert.equal(cursor.gaps.at(-1)?.last, cursor.position - 1n);
  });

  it('knows when the log is another one', () => {
    assert.equal(take(new LogCursor([7n], false, 0), []), null, 'emptied');
    assert.equal(take(new LogCursor([7n], false, 0), [1, 2, 3]), null, 'restored from before');
    assert.equal(take(new LogCursor([7n], false, 0), [8, 9]), null, 'pruned past the place');
  });

  it('tells ids as large as BIGINT holds apart', () => {
    const most = 2n ** 63n - 1n;
    const cursor = new LogCursor([most - 2n], false, 0);
    assert.deepEqual(cursor.take([entry(most - 2n), entry(most)], 0)?.map(({ id }) => id), [most]);
    assert.deepEqual(cursor.gaps, [{ first: most - 1n, last: most - 1n, since: 0 }]);
  });

  it('gives every committed id exactly once, whatever the order of commits', () => {
    fc.assert(fc.property(
      fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }),
      (commits, before) => {
        const committed = new Set(before.map(BigInt));
        const cursor = new LogCursor([...committed].sort((a, b) => (a < b ? -1 : 1)), true, 0);
        const got: bigint[] = [];
        const expected = new Set<bigint>();
        for (const ids of commits) {
          for (const id of ids.map(BigInt)) {
            if (!committed.has(id)) expected.add(id);
            committed.add(id);
          }
          const fresh = cursor.take(found(cursor, committed), 0);
          assert.ok(fresh !== null);
          got.push(...fresh.map(({ id }) => id));
        }
        assert.equal(got.length, new Set(got).size, 'none twice');
        assert.deepEqual(new Set(got), expected);
      },
    ), { numRuns: 1000 });
  });
});
