import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Room } from '../../../src/proxy/room.ts';

/** `places` starts at a time of `startMs` each, one request for each of `apps`: when so many have left. */
function jam(room: Room, apps: number, places: number, startMs: number): { readonly until: (left: number) => number; readonly run: (left: number) => void } {
  for (let i = 0; i < apps; i++) room.began(0);
  let done = 0;
  const endOf = (index: number): number => (Math.floor(index / places) + 1) * startMs + (index % places);
  return {
    until: (left) => endOf(left - 1),
    run: (left) => {
      for (; done < left; done++) {
        room.ended(endOf(done), startMs);
        room.left();
      }
    },
  };
}

test('who is sent away first comes first, and none is told a time before its place is free', () => {
  for (const startMs of [80, 400, 1500]) {
    const room = new Room();
    jam(room, 20, 4, startMs).run(20);
    const { until, run } = jam(room, 100, 4, startMs);
    run(8);
    const now = until(8);
    const told = Array.from({ length: 40 }, () => room.retryAfterS(92));
    told.forEach((seconds, index) => { assert.ok(now + seconds * 1000 >= until(8 + index + 1), `${startMs} ms, ${index}: ${seconds} s`); });
    assert.deepEqual(told, [...told].sort((a, b) => a - b));
    assert.ok((told[39] ?? Infinity) * 1000 < 2 * until(48) + 2000, `${startMs} ms: the last is not sent away for ever: ${told[39] ?? ''} s`);
  }
});

test('all who wait for one app leave with its start: nobody is told the time of hundreds of starts', () => {
  const room = new Room();
  room.began(0);
  assert.deepEqual(Array.from({ length: 500 }, () => room.retryAfterS(768)).filter((seconds) => seconds !== 2), []);
});

test('a promise is kept by who leaves, and none outlives the starts', () => {
  const room = new Room();
  for (let i = 0; i < 10; i++) room.began(0);
  const first = room.retryAfterS(10);
  const second = room.retryAfterS(10);
  assert.ok(second >= first);
  room.left();
  assert.equal(room.retryAfterS(10), second);
  for (let i = 0; i < 10; i++) room.ended(1000, 1000);
  room.began(2000);
  assert.equal(room.retryAfterS(1), 2);
});
