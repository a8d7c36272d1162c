import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anatomyOf, middleOf, type Timestamps } from '../../bench/cold/anatomy.ts';

const STAMPS: Timestamps = {
  beganUs: 1_005_000, mainUs: 1_080_000, activeUs: 1_100_000, createdUs: 1_030_000, startedUs: 1_070_000,
  commands: [{ name: 'fc-secrets', startUs: 1_006_000, stopUs: 1_010_000 }, { name: 'fc-run', startUs: 1_012_000, stopUs: 0 }, { name: 'fc-ready', startUs: 1_082_000, stopUs: 1_099_000 }],
};
const SEEN = { sentUs: 1_000_000, firstMs: 110, appMs: 4 };
const sum = (pieces: readonly { readonly ms: number }[]): number => Math.round(pieces.reduce((total, { ms }) => total + ms, 0) * 1000) / 1000;

test('the pieces of a cold start stand in their order and add up', () => {
  const pieces = anatomyOf(SEEN, STAMPS);
  assert.deepEqual(pieces.map(({ name, ms }) => [name, ms]), [
    ['fc-proxy asks, systemd begins', 5], ['systemd, between commands', 1], ['fc-secrets', 4], ['systemd, between commands', 2],
    ['fc-run: podman, until the container is made', 18], ['fc-run: podman and crun, until the app runs', 40], ['fc-run: until systemd knows', 10],
    ['systemd, between commands', 2], ['fc-ready', 17], ['systemd, between commands', 1], ['systemd tells fc-proxy', 6], ["the app's answer", 4],
  ]);
  assert.equal(sum(pieces), 110);
});

test('a container that was made long ago is no piece of its start', () => {
  const pieces = anatomyOf(SEEN, { ...STAMPS, createdUs: 5000 });
  assert.ok(!pieces.some(({ name }) => name.includes('is made')));
  assert.equal(sum(pieces), 110);
});

test('of many starts those in the middle count, and equal pieces are one', () => {
  const starts = [1, 2, 3, 100].map((times) => anatomyOf({ ...SEEN, firstMs: 106 + times * 4, appMs: times * 4 }, STAMPS));
  const middle = middleOf(starts);
  assert.equal(sum(middle), 106 + 2.5 * 4);
  assert.equal(middle.find(({ name }) => name === 'systemd, between commands')?.ms, 6);
  assert.equal(middle.at(-1)?.ms, 10);
});
