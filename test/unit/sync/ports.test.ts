import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listeners } from '../../../src/systemd/listeners.ts';
import { type ObservedPort, planPorts, type PortInput } from '../../../src/systemd/plan-ports.ts';

const routes = new Map([['mail', { instance: 'mail-11111111' }], ['my-db', { instance: 'my_db-22222222' }]]);
const atMail: ObservedPort = { instance: 'mail-11111111', atBoot: true };
const SOCKET = 'fc-port@25.socket';
const SERVICE = 'fc-port@25.service';

interface Parts {
  readonly claims?: Readonly<Record<number, string>>;
  readonly held?: readonly string[];
  readonly ports?: Readonly<Record<number, ObservedPort>>;
  readonly states?: Readonly<Record<string, 'active' | 'inactive' | 'failed' | 'deactivating'>>;
}

const numbered = <T>(record: Readonly<Record<number, T>>): Map<number, T> => new Map(Object.entries(record).map(([port, value]) => [Number(port), value]));

function planOf({ claims = {}, held = [], ports = {}, states = {} }: Parts): ReturnType<typeof planPorts> {
  const input: PortInput = { claims: numbered(claims), routes, held: new Set(held), observed: { ports: numbered(ports), states: new Map(Object.entries(states)) } };
  return planPorts(input);
}

const nothing = { lead: [], open: [], close: [] };

describe('a claimed port', () => {
  test('is led and opened, in order of the ports', () => {
    assert.deepEqual(planOf({ claims: { 5432: 'my-db', 25: 'mail' } }), {
      lead: [{ port: 25, app: 'mail', from: null }, { port: 5432, app: 'my-db', from: null }],
      open: [{ port: 25, app: 'mail' }, { port: 5432, app: 'my-db' }], close: [],
    });
  });

  test('costs nothing once that is so', () => {
    assert.deepEqual(planOf({ claims: { 25: 'mail' }, ports: { 25: atMail }, states: { [SOCKET]: 'active', [SERVICE]: 'active' } }), nothing);
  });

  test('follows its app to another generation', () => {
    const ports = { 25: { ...atMail, instance: 'mail-99999999' } };
    assert.deepEqual(planOf({ claims: { 25: 'mail' }, ports, states: { [SOCKET]: 'active' } }), { ...nothing, lead: [{ port: 25, app: 'mail', from: 'mail' }] });
  });

  test('goes from one app to another without closing, whoever is connected', () => {
    for (const state of ['active', 'inactive'] as const) {
      assert.deepEqual(planOf({ claims: { 25: 'my-db' }, ports: { 25: atMail }, states: { [SOCKET]: 'active', [SERVICE]: state } }), { ...nothing, lead: [{ port: 25, app: 'my-db', from: 'mail' }] });
    }
  });

  test('gets back a socket that failed, and a link for the boot that was lost', () => {
    assert.deepEqual(planOf({ claims: { 25: 'mail' }, ports: { 25: atMail }, states: { [SOCKET]: 'failed' } }), { ...nothing, open: [{ port: 25, app: 'mail' }] });
    assert.deepEqual(planOf({ claims: { 25: 'mail' }, ports: { 25: { ...atMail, atBoot: false } }, states: { [SOCKET]: 'active' } }).lead, [{ port: 25, app: 'mail', from: 'mail' }]);
  });

  test('waits with a socket that was stopped while its service listens: systemd would refuse', () => {
    for (const state of ['active', 'deactivating'] as const) assert.deepEqual(planOf({ claims: { 25: 'mail' }, ports: { 25: atMail }, states: { [SERVICE]: state } }), nothing);
  });

  test('of an app that nothing serves yet leads nowhere, and to no other app', () => {
    assert.deepEqual(planOf({ claims: { 25: 'new' } }), nothing);
    assert.deepEqual(planOf({ claims: { 25: 'new' }, ports: { 25: atMail }, states: { [SOCKET]: 'active' } }).close, [{ port: 25, app: 'mail', stop: true }]);
    assert.deepEqual(planOf({ claims: { 25: 'new' }, ports: { 25: { instance: 'new-11111111', atBoot: true } }, states: { [SOCKET]: 'active' } }), nothing);
  });
});

describe('a port that nobody claims', () => {
  test('closes', () => {
    assert.deepEqual(planOf({ ports: { 25: atMail }, states: { [SOCKET]: 'active' } }), { ...nothing, close: [{ port: 25, app: 'mail', stop: true }] });
  });

  test('leads nowhere at once, and closes once its connections have ended', () => {
    assert.deepEqual(planOf({ ports: { 25: atMail }, states: { [SOCKET]: 'active', [SERVICE]: 'active' } }).close, [{ port: 25, app: 'mail', stop: false }]);
    assert.deepEqual(planOf({ states: { [SOCKET]: 'active', [SERVICE]: 'active' } }).close, [{ port: 25, app: null, stop: false }]);
    assert.deepEqual(planOf({ states: { [SOCKET]: 'active', [SERVICE]: 'inactive' } }).close, [{ port: 25, app: null, stop: true }]);
    assert.deepEqual(planOf({ states: { [SERVICE]: 'active' } }), nothing);
  });

  test('closes also where only its link for the boot is left, or its socket failed', () => {
    assert.deepEqual(planOf({ ports: { 25: { instance: null, atBoot: true } } }).close, [{ port: 25, app: null, stop: true }]);
    assert.deepEqual(planOf({ states: { [SOCKET]: 'failed' } }).close, [{ port: 25, app: null, stop: true }]);
  });

  test('stays as it is where its app does', () => {
    assert.deepEqual(planOf({ held: ['mail'], ports: { 25: atMail }, states: { [SOCKET]: 'active' } }), nothing);
    assert.deepEqual(planOf({ held: ['lost'], ports: { 25: { instance: 'lost-11111111', atBoot: true } }, states: { [SOCKET]: 'active' } }), nothing);
  });

  test('of an app that stays as it is goes to another one whose row claims it', () => {
    assert.deepEqual(planOf({ claims: { 25: 'my-db' }, held: ['mail'], ports: { 25: atMail }, states: { [SOCKET]: 'active' } }).lead, [{ port: 25, app: 'my-db', from: 'mail' }]);
  });
});

test('who listens is read as proc(5) writes it', () => {
  const heading = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  assert.deepEqual(listeners(`${heading}   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n`
    + '  12: 0100007F:1539 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n'), [5432]);
  assert.deepEqual(listeners(`${heading}   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000\n`), [22]);
  assert.deepEqual(listeners(''), []);
});
