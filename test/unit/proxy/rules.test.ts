/** The small pure parts: lease arithmetic, quarantine, the words for a failure. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JobResult, ServiceEvidence } from '../../../src/systemd/manager.ts';
import { StartFailure } from '../../../src/proxy/failure.ts';
import { nextLook, standing, usedSince, type Standing } from '../../../src/proxy/lease.ts';
import { afterFailure, HEALTHY, remaining } from '../../../src/proxy/quarantine.ts';
import { addWait, serverTiming } from '../../../src/proxy/receipt.ts';

describe('a lease', () => {
  const table: [grantedAt: number | null, length: number, now: number, expected: Standing][] = [
    [null, 1000, 0, 'none'],
    [0, 1000, 0, 'fresh'],
    [0, 1000, 249, 'fresh'],
    [0, 1000, 250, 'due'],
    [0, 1000, 499, 'due'],
    [0, 1000, 500, 'late'],
    [0, 1000, 999, 'late'],
    [0, 1000, 1000, 'none'],
    [0, Infinity, 1e12, 'fresh'],
    [null, Infinity, 0, 'none'],
  ];
  for (const [grantedAt, length, now, expected] of table) {
    test(`granted ${grantedAt}, of ${length}, at ${now}: ${expected}`, () => { assert.equal(standing(grantedAt, length, now), expected); });
  }
  test('is never forwarded under with half of it gone', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double({ min: 1, max: 1e9, noNaN: true }), fc.double({ min: 0, max: 1e9, noNaN: true }), (granted, length, age) => {
      const stand = standing(granted, length, granted + age);
      if (stand === 'fresh' || stand === 'due') assert.ok((granted + age) - granted < length / 2);
    }));
  });
  test('is looked at after a quarter, and renewed for use since it began', () => {
    assert.equal(nextLook(100, 1000), 350);
    assert.equal(usedSince(0, 1600, 100), false);
    assert.equal(usedSince(0, 1600, 101), true);
  });
});

test('quarantine: none after one failure, then 2 s doubling to 5 minutes', () => {
  let state = HEALTHY;
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    state = afterFailure(state, 1000);
    waits.push(remaining(state, 1000) / 1000);
  }
  assert.deepEqual(waits, [0, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
  assert.equal(remaining(state, 1000 + 299_000), 1000);
  assert.equal(remaining(state, 1000 + 300_001), 0);
});

describe('why an app did not start', () => {
  const service = (over: Partial<ServiceEvidence>): ServiceEvidence => ({ result: 'exit-code', exit: null, statusText: '', unmounted: [], ...over });
  const table: [JobResult, ServiceEvidence | null, ServiceEvidence | null, kind: string, words: RegExp][] = [
    ['dependency', service({ exit: { kind: 'exited', status: 1 } }), null, 'start-failed', /^The app did not start: it exited with status 1\.$/],
    ['dependency', service({ exit: { kind: 'exited', status: 125 } }), null, 'start-failed', /podman could not run its container/],
    ['dependency', service({ exit: { kind: 'exited', status: 127 } }), null, 'start-failed', /command was not found/],
    ['dependency', service({ result: 'signal', exit: { kind: 'killed', status: 11 } }), null, 'start-failed', /killed by SIGSEGV\.$/],
    ['dependency', service({ result: 'oom-kill', exit: { kind: 'killed', status: 9 } }), null, 'start-failed', /ran out of memory/],
    ['dependency', service({ statusText: 'nothing listens on port 8080 after 5 s; the app listens on: 9090' }), null, 'start-failed', /nothing listens on port 8080 after 5 s; the app listens on: 9090/],
    ['dependency', service({ result: 'timeout' }), null, 'start-timeout', /not ready within 7 s/],
    ['timeout', null, null, 'start-timeout', /not ready within 7 s/],
    ['failed', null, null, 'start-failed', /the start ended as "failed"/],
    ['dependency', service({ result: 'success' }), service({}), 'start-failed', /its network could not be set up/],
    ['dependency', service({ result: 'success', unmounted: ['/srv/shared', '/srv/shared/deep'] }), null, 'start-failed', /^The app did not start: its storage at \/srv\/shared is not mounted\.$/],
    ['dependency', null, null, 'start-failed', /something that it needs did not start/],
    ['dependency', service({ statusText: 'two\nlines\x1b[0m' }), null, 'start-failed', /two lines \[0m/],
  ];
  for (const [result, container, network, kind, words] of table) {
    test(`${result} ${JSON.stringify(container)} ${network === null ? '' : JSON.stringify(network)}`, () => {
      const failure = StartFailure.of(result, container, network, 7);
      assert.equal(failure.kind, kind);
      assert.match(failure.message, words);
    });
  }
});

test('a receipt adds up what a request waited for', () => {
  const first = addWait(null, { cold: true, queueMs: 1, startMs: 100 });
  assert.deepEqual(addWait(first, { cold: true, queueMs: 2, startMs: 30 }), { cold: true, queueMs: 3, startMs: 130 });
  const parted = addWait({ ...first, cold: true, queueMs: 0, startMs: 9, parts: [{ name: 'fc-run', ms: 4 }] }, { cold: true, queueMs: 0, startMs: 9, parts: [{ name: 'fc-net', ms: 1 }, { name: 'fc-run', ms: 3 }] });
  assert.deepEqual(parted?.parts, [{ name: 'fc-run', ms: 7 }, { name: 'fc-net', ms: 1 }]);
  assert.equal(serverTiming({ queueMs: 0, startMs: 9, appMs: 1, parts: [{ name: 'fc-run', ms: 7.04 }] }), 'fc-queue;dur=0.0, fc-start;dur=9.0, fc-app;dur=1.0, fc-run;dur=7.0');
  assert.equal(addWait(null, { cold: false, queueMs: 1, startMs: 2 }), null);
  assert.equal(serverTiming({ queueMs: 1.26, startMs: 107, appMs: 0, parts: [] }), 'fc-queue;dur=1.3, fc-start;dur=107.0, fc-app;dur=0.0');
});
