import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSnapshot, SnapshotError } from '../../src/snapshot/parse.ts';
import { appOf, generationOf, snapshotOf } from './proxy/support.ts';

const good = (): Record<string, unknown> => JSON.parse(JSON.stringify(snapshotOf(
  appOf('my-shop', ['shop.example', '*.shop.example'], generationOf('my-shop', { id: '1a2b3c4d', leaseS: null, address: '10.197.0.1', port: 8080 })),
  appOf('away', [], null),
))) as Record<string, unknown>;

test('what was written is read', () => {
  assert.deepEqual(parseSnapshot(JSON.stringify(good())), good());
});

test('keys of a later version are left out', () => {
  assert.deepEqual(parseSnapshot(JSON.stringify({ ...good(), later: 1 })), good());
});

test('a generation of the version before images is read', () => {
  const text = JSON.stringify(good()).replace(/,"image":null,"fetching":false/g, '');
  assert.ok(!text.includes('fetching'));
  assert.deepEqual(parseSnapshot(text), good());
});

test('an app of the version before waiting pages is read', () => {
  const text = JSON.stringify(good()).replaceAll('"waitingPageS":null,', '');
  assert.ok(!text.includes('waitingPageS'));
  assert.deepEqual(parseSnapshot(text), good());
});

describe('refused, with the place and the reason', () => {
  /** A snapshot with the value at a path replaced. */
  const changed = (path: (string | number)[], value: unknown): string => {
    const root = good();
    let at: unknown = root;
    for (const step of path.slice(0, -1)) at = Reflect.get(Object(at), step);
    Reflect.set(Object(at), path.at(-1) ?? '', value);
    return JSON.stringify(root);
  };
  const here = (key: string): (string | number)[] => ['apps', 0, 'here', key];
  const table: [path: (string | number)[], value: unknown, words: RegExp][] = [
    [['format'], 2, /format is not 1: fc-sync and fc-proxy are of different versions/],
    [['host'], 'Web1', /host is not valid: "Web1"/],
    [['apps'], {}, /apps is not a list/],
    [['apps', 0, 'waitingPageS'], 61, /apps\[0\]\.waitingPageS is 61, not from 0 to 60/],
    [['apps', 1], null, /apps\[1\] is not an object/],
    [['apps', 1, 'here'], undefined, /apps\[1\]\.here is not an object/],
    [['apps', 0, 'name'], 'a_b', /apps\[0\]\.name is not valid/],
    [['apps', 0, 'domains', 1], 'A.example', /apps\[0\]\.domains\[1\] is not valid/],
    [['apps', 0, 'placements', 0, 'weight'], -1, /weight is -1, not from 0/],
    [['hosts', 0, 'state'], 'up', /hosts\[0\]\.state is none of active, draining, down/],
    [here('id'), '1A2B3C4D', /id is not valid/],
    [here('instance'), 'other-1a2b3c4d', /instance is not <app>-<id>/],
    [here('lease'), 'ssh.service', /lease is not valid/],
    [here('lease'), 'fc-lease-60s@other-1a2b3c4d.timer', /lease is not of instance my_shop-1a2b3c4d/],
    [here('container'), 'fc-ctr-my_shop-1a2b3c4d.service\n', /container is not valid/],
    [here('socket'), 'fc-app-x-1a2b3c4d.socket', /socket is not of instance/],
    [here('socketPath'), 'relative.sock', /socketPath is not valid/],
    [here('leaseS'), 0, /leaseS is 0/],
    [here('leaseS'), '60', /leaseS is not a whole number/],
    [here('address'), 'localhost', /address is not an IP address/],
    [here('port'), 65536, /port is 65536/],
    [here('startTimeoutS'), 1.5, /startTimeoutS is not a whole number/],
    [here('image'), 'ssh.service', /image is not valid/],
    [here('fetching'), 'yes', /fetching is not true or false/],
  ];
  for (const [path, value, words] of table) {
    test(`${path.join('.')} = ${JSON.stringify(value)}`, () => {
      assert.throws(() => parseSnapshot(changed(path, value)), (error) => error instanceof SnapshotError && words.test(error.message));
    });
  }
  for (const text of ['', '{', 'null', '[]', '"x"', '{"format":1}']) {
    test(`the file ${JSON.stringify(text)}`, () => { assert.throws(() => parseSnapshot(text), SnapshotError); });
  }
});
