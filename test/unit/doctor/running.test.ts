/** What runs on the host, and what is in its way: fc-proxy, ports, units, images, leftovers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeAdmin } from '../../../src/doctor/checks/admin.ts';
import { judgeFailed } from '../../../src/doctor/checks/failed.ts';
import { judgeImages, namesOf } from '../../../src/doctor/checks/images.ts';
import { judgeLeftovers, type LeftoverFacts, ours } from '../../../src/doctor/checks/leftovers.ts';
import { judgePorts, parseListeners, unitIn } from '../../../src/doctor/checks/ports.ts';
import { judgeProxy } from '../../../src/doctor/checks/proxy.ts';
import { judgeOwners } from '../../../src/doctor/checks/uid-ranges.ts';
import { assertFinds } from './support.ts';

describe('fc-proxy', () => {
  const good = { active: 'active', sub: 'running', wanted: 2, running: 2, asked: { port: 80, answer: 204 } };
  test('that runs and answers is well', () => {
    assertFinds(judgeProxy(good));
    assertFinds(judgeProxy({ ...good, asked: null }));
  });
  test('that does not is told', () => {
    assertFinds(judgeProxy({ ...good, active: 'activating', sub: 'auto-restart', running: 0 }), ['error', /ends as soon as it starts/, /journalctl .*--unit=fc-proxy/]);
    assertFinds(judgeProxy({ ...good, active: 'failed', sub: 'failed', running: 0 }), ['error', /fc-proxy\.service is failed/, /^systemctl start fc-proxy$/]);
    assertFinds(judgeProxy({ ...good, asked: { port: 80, answer: 404 } }), ['error', /at port 80 as it should: it answered 404/, /^systemctl restart fc-proxy\.socket fc-proxy\.service$/]);
    assertFinds(judgeProxy({ ...good, asked: { port: 80, answer: 'connect ECONNREFUSED' } }), ['error', /connect ECONNREFUSED/, /restart/]);
    assertFinds(judgeProxy({ ...good, running: 1 }), ['warning', /^1 process of fc-proxy runs, and 2 should/, /^systemctl restart fc-proxy$/]);
    assertFinds(judgeProxy({ ...good, running: 3 }), ['warning', /^3 processes of fc-proxy run, and 2/, /restart/]);
  });
});

describe('ports', () => {
  const good = { socket: 'fc-proxy.socket', port: 80, active: true, holder: null };
  const nginx = { program: 'nginx', pid: 7, unit: 'nginx.service' };
  test('that systemd listens on are well', () => { assertFinds(judgePorts([good])); });
  test('that others have, or nobody, are told', () => {
    assertFinds(judgePorts([{ ...good, active: false, holder: nginx }]), ['error', /^port 80, which fc-proxy\.socket is for, is taken by nginx \(pid 7 of nginx\.service\)$/, /^systemctl disable nginx\.service; systemctl stop nginx\.service && systemctl restart fc-proxy\.socket fc-proxy\.service$/]);
    assertFinds(judgePorts([{ ...good, socket: 'fc-port@2525.socket', port: 2525, active: false, holder: { ...nginx, unit: null } }]), ['error', /port 2525, .* by nginx \(pid 7\)$/, /^end it, then: systemctl restart fc-port@2525\.socket$/]);
    assertFinds(judgePorts([{ ...good, active: false }]), ['error', /does not listen on port 80/, /^systemctl restart fc-proxy\.socket fc-proxy\.service$/]);
  });
  test('and their holders are found', () => {
    assert.deepEqual([...parseListeners('LISTEN 0 128 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))\nLISTEN 0 4096 *:8079 *:*\nLISTEN 0 5 [::]:2525 [::]:* users:(("nc",pid=9,fd=3))\n')],
      [[80, { program: 'nginx', pid: 7 }], [2525, { program: 'nc', pid: 9 }]]);
    assert.equal(unitIn('0::/system.slice/nginx.service\n'), 'nginx.service');
    assert.equal(unitIn('0::/system.slice/x.service/sub\n'), 'x.service');
    assert.equal(unitIn('0::/user.slice/session-1.scope\n'), null);
  });
});

describe('failed units', () => {
  const unit = (name: string, active = 'failed') => ({ unit: name, load: 'loaded', active, sub: active });
  test('are told by what they are for', () => {
    assertFinds(judgeFailed([unit('fc-proxy.socket', 'active')]));
    assertFinds(judgeFailed(['fc-ctr-my_shop-1a2b3c4d.service', 'fc-app-shop-1a2b3c4d.service', 'fc-app-shop-1a2b3c4d.socket', 'fc-sync.service'].map((name) => unit(name))),
      ['warning', /container of my-shop has failed/, /journalctl .*; systemctl reset-failed fc-ctr-my_shop-1a2b3c4d\.service$/],
      ['warning', /gate of shop/, /reset-failed/],
      ['warning', /door of shop/, /systemctl restart fc-app-shop-1a2b3c4d\.socket$/],
      ['error', /^fc-sync\.service has failed$/, /systemctl restart fc-sync\.service$/]);
  });
  test('are counted where there are many', () => {
    const findings = judgeFailed(Array.from({ length: 30 }, (_, at) => unit(`fc-ctr-a${at}-1a2b3c4d.service`)));
    assert.equal(findings.length, 21);
    assert.equal(findings.at(-1)?.seen, '10 more like these');
  });
});

describe('images', () => {
  const good = { id: '0123456789abcdef', name: 'docker.io/library/nginx', source: 'docker.io/library/nginx', isHere: true, failure: null, state: 'active' };
  test('that are here are well', () => { assertFinds(judgeImages([good])); });
  test('that are not are told, with why', () => {
    assertFinds(judgeImages([{ ...good, isHere: false }]), ['error', /nginx is not on this host$/, /^systemctl restart fc-image@0123456789abcdef\.service$/]);
    assertFinds(judgeImages([{ ...good, isHere: false, failure: 'no such host' }]), ['error', /is not on this host: no such host/, /systemctl restart/]);
    assertFinds(judgeImages([{ ...good, isHere: false, state: 'activating' }]), ['info', /being fetched/, /status/]);
    assertFinds(judgeImages([{ ...good, isHere: false, name: 'localhost/shop', source: 'localhost/shop', failure: 'no registry has it' }]), ['error', /localhost\/shop|no registry/, /podman load/]);
    assertFinds(judgeImages([{ ...good, isHere: false, name: 'localhost/fastcontainer-image/0123456789abcdef', source: 'oci-archive:/srv/x.tar' }]), ['error', /oci-archive:\/srv\/x\.tar/, /^systemctl restart/]);
  });
  test('are known by all their names', () => {
    assert.deepEqual([...namesOf('[{"Names":["a:1","b:2"],"RepoDigests":["a@sha256:0"]},{"Names":null},{"x":1},3]')], ['a:1', 'b:2', 'a@sha256:0']);
    assert.deepEqual([...namesOf('{}')], []);
  });
});

describe('leftovers', () => {
  const good: LeftoverFacts = {
    onDisk: new Map([['shop-1a2b3c4d', 1e9], ['shop-00000000', 1000]]), serving: new Set(['shop-1a2b3c4d']), running: new Set(['fc-ctr-shop-1a2b3c4d.service', 'fc-app-shop-00000000.service']),
    containers: ['fc-shop-1a2b3c4d', 'fc-shop-00000000'], secrets: ['fc-shop-1a2b3c4d-0'], namespaces: ['shop-1a2b3c4d'], mounts: ['shop-1a2b3c4d'],
    files: new Map([['/var/lib/fastcontainer/net/shop-1a2b3c4d', 'shop-1a2b3c4d']]),
  };
  test('are none where everything has its app, a generation that was just replaced too', () => { assertFinds(judgeLeftovers(good)); });
  test('are told one by one', () => {
    assertFinds(judgeLeftovers({ ...good, running: new Set([...good.running, 'fc-ctr-gone-1a2b3c4d.service']) }), ['error', /fc-ctr-gone-1a2b3c4d\.service runs, and its file is gone/, /^systemctl stop fc-ctr-gone/]);
    assertFinds(judgeLeftovers({ ...good, onDisk: new Map([...good.onDisk, ['old-1a2b3c4d', 3e6]]) }), ['warning', /1 generation has unit files and no use, old-1a2b3c4d/, /^fc-sync --json/]);
    assertFinds(judgeLeftovers({ ...good, onDisk: new Map([...good.onDisk, ['old-1a2b3c4d', 3e6]]), serving: null }));
    assertFinds(judgeLeftovers({ ...good, containers: ['fc-gone-1a2b3c4d'] }), ['warning', /container fc-gone-1a2b3c4d/, /^podman rm --force --time 0 fc-gone-1a2b3c4d$/]);
    assertFinds(judgeLeftovers({ ...good, secrets: ['fc-gone-1a2b3c4d-0', 'fc-gone-1a2b3c4d-1'] }), ['warning', /secrets of apps that do not run: fc-gone-1a2b3c4d-0, fc-gone-1a2b3c4d-1/, /^podman secret rm fc-gone-1a2b3c4d-0 fc-gone-1a2b3c4d-1$/]);
    assertFinds(judgeLeftovers({ ...good, namespaces: ['gone-1a2b3c4d'] }), ['warning', /namespace fc-gone-1a2b3c4d/, /fc-net down fc-gone-1a2b3c4d$/]);
    assertFinds(judgeLeftovers({ ...good, mounts: ['shop-00000001'] }), ['warning', /volumes of shop-00000001 are mounted/, /^umount /]);
    assertFinds(judgeLeftovers({ ...good, files: new Map([['/var/lib/fastcontainer/env/gone-1a2b3c4d.0', 'gone-1a2b3c4d']]) }), ['warning', /env\/gone-1a2b3c4d\.0 belongs to no app/, /^rm \/var\/lib\/fastcontainer\/env\/gone-1a2b3c4d\.0$/]);
  });
  test("are ours by their names: an operator's container is not", () => {
    assert.deepEqual(ours('fc-shop-1a2b3c4d\nfc-shop-1a2b3c4d-12\npostgres\nfc-seccomp\nfc-\n'), ['fc-shop-1a2b3c4d', 'fc-shop-1a2b3c4d-12']);
  });
});

test('ranges of user ids whose app is gone are noted', () => {
  assertFinds(judgeOwners({ owners: ['shop', "go'ne"], apps: new Set(['shop']) }), ['info', /app 'go'ne' is gone/, /^DELETE FROM uid_ranges WHERE app = 'go\\'ne';/]);
});

test('fc-admin that does not run, or does not answer, is told', () => {
  const good = { active: 'active', sub: 'running', answer: 200 };
  assertFinds(judgeAdmin(good));
  assertFinds(judgeAdmin({ ...good, active: 'activating', sub: 'auto-restart' }), ['warning', /ends as soon as it starts/, /journalctl/]);
  assertFinds(judgeAdmin({ ...good, active: 'inactive', sub: 'dead' }), ['warning', /fc-admin\.service is inactive/, /^systemctl start fc-admin\.service$/]);
  assertFinds(judgeAdmin({ ...good, answer: 500 }), ['warning', /it answered 500/, /restart fc-admin\.socket/]);
  assertFinds(judgeAdmin({ ...good, answer: 'connect ENOENT' }), ['warning', /connect ENOENT/, /restart/]);
});
