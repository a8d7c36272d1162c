import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { inheritedSockets } from '../../../src/systemd/sockets.ts';

const NAMES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const;

function given(values: Partial<Record<(typeof NAMES)[number], string>>): ReturnType<typeof inheritedSockets> {
  for (const name of NAMES) {
    const value = values[name];
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  return inheritedSockets();
}

describe('descriptors from systemd', () => {
  afterEach(() => { given({}); });
  const pid = String(process.pid);

  test('none without the variables, or when they are for another process', () => {
    assert.deepEqual(given({}), []);
    assert.deepEqual(given({ LISTEN_FDS: '2' }), []);
    assert.deepEqual(given({ LISTEN_PID: '1', LISTEN_FDS: '2' }), []);
    assert.deepEqual(given({ LISTEN_PID: pid, LISTEN_FDS: '0' }), []);
  });
  test('from 3 on, no more than there are, with their names', () => {
    assert.deepEqual(given({ LISTEN_PID: pid, LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:internal' }), [{ fd: 3, name: 'http' }, { fd: 4, name: 'internal' }]);
    assert.deepEqual(given({ LISTEN_PID: pid, LISTEN_FDS: '1' }), [{ fd: 3, name: 'unknown' }]);
  });
  test('what does not fit together is an error', () => {
    assert.throws(() => given({ LISTEN_PID: pid, LISTEN_FDS: 'x' }), /not numbers/);
    assert.throws(() => given({ LISTEN_PID: 'x', LISTEN_FDS: '1' }), /not numbers/);
    assert.throws(() => given({ LISTEN_PID: pid, LISTEN_FDS: '2', LISTEN_FDNAMES: 'http' }), /1 names for 2 descriptors/);
  });
});
