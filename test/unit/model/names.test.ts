import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as names from '../../../src/model/names.ts';

const app = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/);
const gen = fc.stringMatching(/^[0-9a-f]{8}$/);

describe('names of a generation', () => {
  it('lead back to the app', () => {
    fc.assert(fc.property(app, gen, (a, g) => {
      const instance = names.instanceName(a, g);
      assert.deepEqual(names.parseInstance(instance), { app: a, gen: g });
      assert.deepEqual(names.parseUnitName(names.socketUnit(instance)), { app: a, gen: g, kind: 'socket', instance });
      assert.deepEqual(names.parseUnitName(names.gateUnit(instance)), { app: a, gen: g, kind: 'gate', instance });
      assert.deepEqual(names.parseUnitName(names.containerUnit(instance)), { app: a, gen: g, kind: 'container', instance });
      assert.deepEqual(names.parseEnvFileName(names.envFileName(instance)), { app: a, gen: g, instance });
      assert.deepEqual(names.parseEnvFileName(names.secretFileName(instance, 12)), { app: a, gen: g, instance });
      assert.ok(Buffer.byteLength(names.socketPath(a, g)) <= 107);
    }));
  });

  it('differ whenever the apps do, and no app is a prefix drop-in of another', () => {
    fc.assert(fc.property(app, app, gen, (a, b, g) => {
      fc.pre(a !== b);
      assert.notEqual(names.instanceName(a, g), names.instanceName(b, g));
      assert.ok(!names.containerUnit(names.instanceName(b, g)).startsWith(`fc-ctr-${names.unitSafe(a)}-`));
    }));
  });

  it('are those the design promises', () => {
    assert.equal(names.instanceName('my-shop', '1a2b3c4d'), 'my_shop-1a2b3c4d');
    assert.equal(names.socketPath('my-shop', '1a2b3c4d'), '/run/fastcontainer/my-shop-1a2b3c4d.sock');
    assert.equal(names.socketLink('my-shop'), '/run/fastcontainer/my-shop.sock');
    assert.equal(names.leaseUnit(60, 'my_shop-1a2b3c4d'), 'fc-lease-60s@my_shop-1a2b3c4d.timer');
    assert.equal(names.leaseUnit(null, 'my_shop-1a2b3c4d'), 'fc-lease-never@my_shop-1a2b3c4d.timer');
    assert.equal(names.netUnit('my_shop-1a2b3c4d'), 'fc-net-d7@my_shop-1a2b3c4d.service', 'in the slice of the app');
    assert.equal(names.sliceName('my-shop'), 'fc-apps-d7.slice');
    assert.equal(names.refuseUnit('my_shop-1a2b3c4d'), 'fc-refuse@my_shop-1a2b3c4d.timer');
    assert.equal(names.netnsName('my_shop-1a2b3c4d'), 'fc-my_shop-1a2b3c4d');
    assert.match(names.sliceName('my-shop'), /^fc-apps-[0-9a-f]{2}\.slice$/);
  });

  it('that are not ours are not taken for ours', () => {
    const strange = [
      'fc-sync.service', 'fc-app-x.socket', 'fc-app-x-1234567.socket', 'fc-app-x-123456789.socket', 'fc-app-x-1234567G.socket', 'fc-app-X-12345678.socket', 'fc-app--12345678.socket',
      'fc-app-x-y-12345678.socket', 'fc-app-x-12345678.timer', 'fc-ctr-x-12345678.socket', 'fc-app-x-12345678.socket~', 'fc-app-x-12345678.socket.d', 'fc-app-_x-12345678.service', 'xfc-app-x-12345678.socket',
      'fc-app-x-12345678.service\n', '', '.', 'fc-app-x-12345678.', '../fc-app-x-12345678.socket',
    ];
    for (const name of strange) assert.equal(names.parseUnitName(name), null, name);
    for (const name of ['x', 'x-12345678.', 'x-12345678.x', 'x-12345678.01', '.x-12345678.swp', 'x-12345678.tmp']) assert.equal(names.parseEnvFileName(name), null, name);
  });

  it('of ports are read back', () => {
    for (const port of [1, 22, 65_535]) {
      assert.equal(names.parsePortUnit(names.portSocket(port)), port);
      assert.equal(names.parsePortUnit(names.portService(port)), port);
    }
    const strange = ['fc-port@.socket', 'fc-port@0.socket', 'fc-port@65536.socket', 'fc-port@022.socket', 'fc-port@22.timer', 'fc-port@22.socket\n', 'fc-port@22.socket.d', 'fc-port-22.socket', 'fc-port@x.service'];
    for (const name of strange) assert.equal(names.parsePortUnit(name), null, name);
    for (const name of ['', '0', '22 ', '+22', '1e3', '.22.123', '99999']) assert.equal(names.parsePort(name), null, name);
  });

  it('of sockets are read back', () => {
    fc.assert(fc.property(app, gen, (a, g) => { assert.equal(names.parseSocketPath(names.socketPath(a, g)), names.instanceName(a, g)); }));
    for (const path of ['', '/run/fastcontainer/x.sock', '/run/fastcontainer/x/y-12345678.sock', '/run/x-12345678.sock', 'x-12345678.sock', '/run/fastcontainer/X-12345678.sock', '/run/fastcontainer/x-12345678.sock.']) assert.equal(names.parseSocketPath(path), null, path);
  });

  it('of leases are read back', () => {
    for (const idle of [null, 1, 300, 31_536_000]) assert.deepEqual(names.parseLeaseTemplate(names.leaseTemplate(idle)), { idleTimeoutS: idle });
    for (const name of ['fc-lease-0s@.timer', 'fc-lease-5@.timer', 'fc-lease-5s@x.timer', 'fc-lease-elapsed@.target', 'fc-lease-5s.timer']) assert.equal(names.parseLeaseTemplate(name), undefined, name);
  });
});
