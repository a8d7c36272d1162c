import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type History, judge, type Mark, REMEMBERED, spanOf, type Standing, standingOf, type Verdict } from '../../src/cmdb/history.ts';
import { parseStanding, standingText } from '../../src/sync/standing.ts';

/** A database that has `marks`, as read by a host that stands at `standing`. */
function read(marks: readonly Mark[], standing: Standing | null = null, origin = 'one'): History {
  const sorted = [...marks].sort((a, b) => (a.id < b.id ? -1 : 1));
  const span = standing === null ? null : spanOf(standing);
  return {
    origin,
    newest: sorted.slice(-REMEMBERED),
    known: sorted.filter(({ id }) => span !== null && id >= span.first && id <= span.last),
  };
}

function marks(ids: readonly number[], stamp = 'a'): Mark[] {
  return ids.map((id) => ({ id: BigInt(id), stamp: `${stamp}${id}` }));
}

/** What a host that has applied `applied` thinks of a database that has `there`. */
function verdict(applied: readonly Mark[], there: readonly Mark[], origin?: string): Verdict {
  const standing = parseStanding(standingText(standingOf(read(applied))));
  assert.ok(standing !== null);
  return judge(standing, read(there, standing, origin));
}

const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a database is', () => {
  const cases: readonly (readonly [what: string, applied: readonly Mark[], there: readonly Mark[], expected: Verdict])[] = [
    ['the same', marks([1, 2, 3]), marks([1, 2, 3]), { kind: 'follows' }],
    ['further', marks([1, 2, 3]), marks([1, 2, 3, 4, 7]), { kind: 'follows' }],
    ['further, by a transaction with a lower id that came late', marks([1, 3]), marks([1, 2, 3]), { kind: 'follows' }],
    ['no older than nothing', [], marks([1, 2]), { kind: 'follows' }],
    ['empty, as it was', [], [], { kind: 'follows' }],
    ['behind: a replica that lags', marks(upTo(57)), marks(upTo(41)), { kind: 'behind', lacks: 57n, last: 41n }],
    ['behind: a node that has the last change and lacks one before it', marks([1, 4, 7, 8, 10]), marks([1, 4, 8, 10]), { kind: 'behind', lacks: 7n, last: 10n }],
    ['behind: it has others, but not ours', marks([1, 2, 3]), marks([1, 2, 4, 5]), { kind: 'behind', lacks: 3n, last: 5n }],
    ['behind: emptied', marks([1, 2, 3]), [], { kind: 'behind', lacks: 3n, last: 0n }],
    ['forked: put back from a backup of 41, and gone on to 60', marks(upTo(57)), [...marks(upTo(41)), ...marks(upTo(60, 42), 'b')], { kind: 'forked', change: 57n }],
    ['forked, also where only an entry that came late is another one', marks([1, 2, 3]), [...marks([1, 3]), ...marks([2], 'b')], { kind: 'forked', change: 3n }],
    ['further: so far that all we know has been pruned', marks(upTo(57)), marks(upTo(500_010, 500_000)), { kind: 'follows' }],
    ['further: so far that some of it has been pruned', marks(upTo(57)), marks([...upTo(57, 20), 100_819]), { kind: 'follows' }],
    ['behind: as far, but what it lacks is younger than what is pruned', marks([...upTo(57), 100_900]), marks([...upTo(57, 20), 100_819]), { kind: 'behind', lacks: 100_900n, last: 100_819n }],
    ['from before changes had stamps', upTo(9).map((id) => ({ id: BigInt(id), stamp: '' })), upTo(11).map((id) => ({ id: BigInt(id), stamp: '' })), { kind: 'follows' }],
  ];
  for (const [what, applied, there, expected] of cases) {
    it(what, () => { assert.deepEqual(verdict(applied, there), expected); });
  }

  it('another one, whatever its changes', () => {
    assert.deepEqual(verdict(marks([1, 2]), marks([1, 2, 3]), 'two'), { kind: 'other' });
    assert.deepEqual(verdict(marks([1, 2]), [], 'two'), { kind: 'other' });
    assert.deepEqual(verdict([], [], 'two'), { kind: 'other' });
  });

  it('behind exactly when it lacks a commit that was applied, in whatever order ids are committed', () => {
    fc.assert(fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 40, maxLength: 40 }),
      fc.nat(40), fc.nat(40), fc.nat(40),
      (ids, sizes, appliedAt, thereAt, forkedAt) => {
        const commits: number[][] = [];
        for (let rest = [...ids]; rest.length > 0;) commits.push(rest.splice(0, sizes[commits.length] ?? 1));
        const state = (at: number, fork = Infinity): Mark[] => commits.slice(0, at).flatMap((commit, i) => marks(commit, i < fork ? 'a' : 'b'));
        const [applied, there, fork] = [appliedAt, thereAt, forkedAt].map((at) => Math.min(at, commits.length)) as [number, number, number];
        assert.equal(verdict(state(applied), state(there)).kind, there >= applied ? 'follows' : 'behind');
        const ofFork = verdict(state(applied), state(there, fork)).kind;
        assert.equal(ofFork, there < applied ? 'behind' : fork < applied ? 'forked' : 'follows');
      },
    ), { numRuns: 1000 });
  });

  it('compared by the newest changes: a reader who was off for long reads a bounded number', () => {
    const standing = standingOf(read(marks(upTo(5_000))));
    assert.deepEqual(standing.changes, [{ first: 4_001n, last: 5_000n }]);
    assert.deepEqual(verdict(marks(upTo(5_000)), marks(upTo(90_000))), { kind: 'follows' });
    assert.deepEqual(verdict(marks(upTo(5_000)), marks(upTo(4_999))), { kind: 'behind', lacks: 5_000n, last: 4_999n });
  });
});

describe('a standing', () => {
  it('is a line that a person can read, and the same again when read', () => {
    const standing = standingOf(read(marks([1, 2, 3, 7, 9, 10])));
    const text = standingText(standing);
    assert.match(text, /^\{"origin":"one","changes":"1-3,7,9-10","digest":"[0-9a-f]{64}"\}\n$/);
    assert.deepEqual(parseStanding(text), standing);
    assert.deepEqual(parseStanding(standingText(standingOf(read([])))), standingOf(read([])));
  });

  for (const text of [
    '', 'nonsense', 'null', '[]', '{}', '{"origin":"one","changes":"1-3"}', '{"origin":1,"changes":"","digest":""}',
    ...['3-1', '1,1', '2,1', '1-', '-1', '1,,2', 'x', '1-1001', '1-99999999999999999999'].map((changes) => JSON.stringify({ origin: 'one', changes, digest: 'd' })),
  ]) {
    it(`is none: ${text}`, () => { assert.equal(parseStanding(text), null); });
  }
});
