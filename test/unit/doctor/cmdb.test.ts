/** What the CMDB says: its addresses, this host's row, rows that are not taken, and fc-sync that reads them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SCHEMA_VERSION } from '../../../src/cmdb/schema.ts';
import { judgeCmdb, tooMuch } from '../../../src/doctor/checks/cmdb.ts';
import { judgeHostRow, portsIn } from '../../../src/doctor/checks/host-row.ts';
import { judgeRows } from '../../../src/doctor/checks/rows.ts';
import { judgeSync, parseReport, type SyncFacts } from '../../../src/doctor/checks/sync.ts';
import type { CmdbAddressView } from '../../../src/doctor/cmdb.ts';
import { assertFinds } from './support.ts';

describe('an address of the CMDB', () => {
  const address = { host: 'db1', port: 3306, socketPath: null, user: 'fc', database: 'fastcontainer' };
  const good: CmdbAddressView = { address, text: 'fc@db1:3306/fastcontainer', error: null, schema: SCHEMA_VERSION, grants: ['GRANT USAGE ON *.* TO `fc`@`%`', 'GRANT SELECT ON `fastcontainer`.* TO `fc`@`%`'], aheadS: 0, history: null };
  const down: CmdbAddressView = { ...good, schema: null, grants: [], error: 'fc@db1:3306/fastcontainer: connect ECONNREFUSED' };

  test('that will do is well', () => { assertFinds(judgeCmdb([good])); });
  test('that does not let us in is an error, or a warning where another one does', () => {
    assertFinds(judgeCmdb([down]), ['error', /cannot be used: fc@db1/, /whether the server runs at db1 port 3306/]);
    assertFinds(judgeCmdb([down, good]), ['warning', /cannot be used/, /db1/]);
    assertFinds(judgeCmdb([{ ...down, address: { ...address, socketPath: '/run/mysqld/mysqld.sock' } }]), ['error', /cannot be used/, /^systemctl start mariadb$/]);
    assertFinds(judgeCmdb([{ ...down, address: { ...address, host: '127.0.0.1' } }]), ['error', /cannot be used/, /^systemctl start mariadb$/]);
  });
  test('of another schema is told', () => {
    assertFinds(judgeCmdb([{ ...good, schema: 1 }]), ['error', /of version 1, and this program reads/, /^fc-sync migrate --url mysql:\/\/ADMIN@db1:3306\/fastcontainer$/]);
    assertFinds(judgeCmdb([{ ...good, schema: 0, address: { ...address, socketPath: '/run/m.sock' } }]), ['error', /of version 0/, /^fc-sync migrate --url 'mysql:\/\/root@localhost\/fastcontainer\?socketPath=\/run\/m\.sock'$/]);
    assertFinds(judgeCmdb([{ ...good, schema: SCHEMA_VERSION + 1 }, good]), ['warning', /of version/, /upgrade/]);
  });
  test('that lacks what was applied is told', () => {
    assertFinds(judgeCmdb([{ ...good, history: 'db1: is behind: it has change 7' }]), ['error', /not taken: db1: is behind/, /catches up|accept-older/]);
  });
  test('where the account may more than read is told, with the statement that takes it away', () => {
    const remedy = (grant: string): string => tooMuch(grant, 'fastcontainer').map((finding) => finding.remedy.text).join();
    assert.equal(remedy('GRANT SELECT, INSERT, UPDATE ON `fastcontainer`.* TO `fc`@`localhost`'), 'REVOKE INSERT, UPDATE ON `fastcontainer`.* FROM `fc`@`localhost`;');
    assert.equal(remedy('GRANT ALL PRIVILEGES ON *.* TO `fc`@`%` WITH GRANT OPTION'), 'REVOKE ALL PRIVILEGES ON *.* FROM `fc`@`%`; GRANT SELECT ON `fastcontainer`.* TO `fc`@`%`;');
    assert.equal(remedy("GRANT PROCESS ON *.* TO 'fc'@'%'"), "REVOKE PROCESS ON *.* FROM 'fc'@'%';");
    assert.equal(remedy('GRANT SELECT (`name`, `app`), SHOW VIEW ON `fastcontainer`.`domains` TO `fc`@`%`'), '');
    assert.equal(remedy('what is this'), '');
    assertFinds(judgeCmdb([{ ...good, grants: [...good.grants, 'GRANT DELETE ON `fastcontainer`.`apps` TO `fc`@`%`'] }]), ['warning', /may DELETE on `fastcontainer`\.`apps`/, /^REVOKE DELETE/]);
  });
});

describe("this host's row", () => {
  const row = { name: 'web1', address: '192.0.2.11', port: 8079, state: 'active' } as const;
  const good = { name: 'web1', hosts: [row], rejected: null, resolved: ['192.0.2.11'], own: ['127.0.0.1', '192.0.2.11'], listens: [8079] };
  const other = { ...row, name: 'web2', address: '192.0.2.12' };

  test('that leads here is well', () => {
    assertFinds(judgeHostRow(good));
    assertFinds(judgeHostRow({ ...good, listens: null }));
    assertFinds(judgeHostRow({ ...good, hosts: [{ ...row, address: '127.0.0.1' }], resolved: ['127.0.0.1'] }));
  });
  test('that is missing is told, with the row', () => {
    assertFinds(judgeHostRow({ ...good, hosts: [other] }), ['error', /no row of this host, 'web1'/, /^INSERT INTO hosts \(name, address\) VALUES \('web1', '192\.0\.2\.11'\);$/]);
    assertFinds(judgeHostRow({ ...good, hosts: [], own: ['127.0.0.1'] }), ['error', /no row/, /'ADDRESS'/]);
    assertFinds(judgeHostRow({ ...good, hosts: [], rejected: 'port is 0' }), ['error', /row is not applied: port is 0/, /^SELECT \* FROM hosts WHERE name = 'web1';$/]);
  });
  test('that leads elsewhere is told', () => {
    assertFinds(judgeHostRow({ ...good, resolved: [] }), ['warning', /cannot be resolved/, /UPDATE hosts SET address = '192\.0\.2\.11' WHERE name = 'web1';/]);
    assertFinds(judgeHostRow({ ...good, resolved: ['192.0.2.99'] }), ['warning', /is none of this host's/, /UPDATE hosts SET address/]);
    assertFinds(judgeHostRow({ ...good, hosts: [{ ...row, address: 'localhost' }, other], resolved: ['127.0.0.1', '::1'] }), ['error', /another host to each host/, /UPDATE hosts SET address/]);
    assertFinds(judgeHostRow({ ...good, listens: [9000] }), ['warning', /says port 8079, and fc-proxy-internal\.socket has 9000/, /SET port = 9000/]);
    assertFinds(judgeHostRow({ ...good, listens: [] }), ['warning', /has none/, /systemctl cat/]);
  });
  test('that drains or is down is noted', () => {
    assertFinds(judgeHostRow({ ...good, hosts: [{ ...row, state: 'draining' }] }), ['info', /is draining/, /state = 'active'/]);
    assertFinds(judgeHostRow({ ...good, hosts: [{ ...row, state: 'down' }] }), ['info', /is down/, /state = 'active'/]);
  });
  test('its port is among those that systemd shows', () => { assert.deepEqual(portsIn('[::]:8079 (Stream)\n/run/x (Stream)\n127.0.0.1:80 (Stream)'), [8079, 80]); });
});

describe('rows', () => {
  test('that are taken are no finding', () => { assertFinds(judgeRows([])); });
  test('that are not are told, with the statement that shows them', () => {
    assertFinds(judgeRows([
      { table: 'apps', key: "sh'op", column: 'port', why: 'is 0', app: 'shop' },
      { table: 'placements', key: 'shop/web1', column: 'weight', why: 'is -1', app: null },
    ]), ['warning', /apps 'sh'op' is not applied: port is 0/, /^SELECT \* FROM apps WHERE name = 'sh\\'op';$/], ['warning', /placements/, /WHERE app = 'shop' AND host = 'web1';$/]);
  });
});

describe('fc-sync', () => {
  const off = { enabled: false, active: false };
  const on = { enabled: true, active: true };
  const good: SyncFacts = { hasCmdb: true, watch: on, timer: off, cron: false, snapshot: null, report: { syncedAt: 1_000_000, error: null }, nowMs: 1_060_000 };
  test('that runs is well, however it does', () => {
    assertFinds(judgeSync(good));
    assertFinds(judgeSync({ ...good, watch: off, timer: on }));
    assertFinds(judgeSync({ ...good, watch: off, cron: true }));
    assertFinds(judgeSync({ ...good, report: null }));
    assertFinds(judgeSync({ ...good, hasCmdb: false, watch: off, snapshot: 'missing' }));
  });
  test('that does not, or will not, is told', () => {
    assertFinds(judgeSync({ ...good, watch: off }), ['warning', /neither/, /^systemctl enable --now fc-sync-watch\.service$/]);
    assertFinds(judgeSync({ ...good, watch: { enabled: false, active: true } }), ['warning', /fc-sync-watch\.service does not start with the host/, /^systemctl enable fc-sync-watch/]);
    assertFinds(judgeSync({ ...good, watch: off, timer: { enabled: false, active: true } }), ['warning', /fc-sync\.timer does not/, /enable fc-sync\.timer/]);
    assertFinds(judgeSync({ ...good, timer: on }), ['warning', /both/, /disable --now fc-sync\.timer/]);
    assertFinds(judgeSync({ ...good, snapshot: 'missing' }), ['error', /never finished/, /^fc-sync$/]);
    assertFinds(judgeSync({ ...good, snapshot: 'snapshot: the file is not JSON' }), ['error', /cannot read its snapshot/, /fc-sync/]);
    assertFinds(judgeSync({ ...good, report: { syncedAt: 1, error: 'the CMDB cannot be used' } }), ['error', /failed when it tried last: the CMDB/, /fc-sync/]);
    assertFinds(judgeSync({ ...good, nowMs: 1_000_000 + 16 * 60_000 }), ['warning', /16 minutes ago/, /fc-sync/]);
  });
  test('its report is read with care', () => {
    assert.deepEqual(parseReport('{"syncedAt":5,"error":null,"more":1}'), { syncedAt: 5, error: null });
    for (const text of [null, '', '[]', '{}', '{"syncedAt":"x","error":null}', '{"syncedAt":null,"error":3}']) assert.equal(parseReport(text), null);
  });
});
