/** Several databases: a primary and its replica, backups that were put back, addresses that do not answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import type { CmdbAddress } from '../../src/config/cmdb-address.ts';
import { migrate } from '../../src/cmdb/migrate.ts';
import { CmdbHost } from '../support/cmdb-host.ts';
import { startMariadb, type Mariadb } from '../support/mariadb.ts';
import { runOk } from '../support/run.ts';
import { until } from '../support/until.ts';

/** Statements as root. */
async function ask(server: Mariadb, sql: string, database = 'mysql'): Promise<readonly Readonly<Record<string, string | null>>[]> {
  const connection = await server.open(database);
  try {
    return await connection.query(sql);
  } finally {
    connection.close();
  }
}

async function addApp(server: Mariadb, name: string): Promise<void> {
  await ask(server, `INSERT INTO apps (name, image, port) VALUES ('${name}', 'x', 1)`, 'fc');
}

async function makeCmdb(server: Mariadb): Promise<void> {
  await ask(server, 'DROP DATABASE IF EXISTS fc');
  await server.createDatabase('fc');
  const connection = await server.open('fc');
  await migrate(connection);
  connection.close();
}

const dump = (server: Mariadb): Promise<string> => runOk('mariadb-dump', ['--no-defaults', '-uroot', '-S', server.socketPath, '--triggers', 'fc']);

/** Puts a dump back in place of what is there. */
async function putBack(server: Mariadb, backup: string): Promise<void> {
  await ask(server, 'DROP DATABASE fc');
  await server.createDatabase('fc');
  await runOk('mariadb', ['--no-defaults', '-uroot', '-S', server.socketPath, 'fc'], { input: backup });
}

/** An address that lets connect, and says nothing. */
async function silent(t: TestContext): Promise<CmdbAddress> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => { sockets.add(socket.on('error', () => undefined)); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, socketPath: null, user: 'root', database: 'fc' };
}

const NOWHERE: CmdbAddress = { host: '127.0.0.1', port: 1, socketPath: '/nonexistent/mysqld.sock', user: 'root', database: 'fc' };

let primary: Mariadb;
let replica: Mariadb;
before(async () => {
  [primary, replica] = await Promise.all([
    startMariadb({ args: ['--log-bin=binlog', '--server-id=1'] }),
    startMariadb({ args: ['--server-id=2', '--read-only'] }),
  ]);
});
after(async () => { await Promise.all([primary.close(), replica.close()]); });

describe('a primary and its replica', () => {
  let addresses: readonly [CmdbAddress, CmdbAddress];
  before(async () => {
    await ask(replica, `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = 'root', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`);
    await ask(replica, 'START SLAVE');
    addresses = [primary.address('fc'), replica.address('fc')];
  });
  // The tests after these have the primary for themselves.
  after(async () => { await ask(replica, 'STOP SLAVE'); });
  beforeEach(async () => {
    await makeCmdb(primary);
    await addApp(primary, 'a');
    await caughtUp();
  });

  /** Until the replica has what the primary has. */
  const caughtUp = async (): Promise<void> => {
    const [at] = await ask(primary, 'SELECT @@gtid_binlog_pos AS pos');
    const [waited] = await ask(replica, `SELECT MASTER_GTID_WAIT('${at?.['pos']}', 20) AS waited`);
    assert.equal(waited?.['waited'], '0', 'the replica has caught up');
  };

  /** The replica gets what is committed, and does not apply it. */
  const lag = (): Promise<unknown> => ask(replica, 'STOP SLAVE SQL_THREAD');
  const lagNoMore = (): Promise<unknown> => ask(replica, 'START SLAVE SQL_THREAD');

  it('have one history', async () => {
    const [one, other] = [await ask(primary, 'SELECT * FROM changes', 'fc'), await ask(replica, 'SELECT * FROM changes', 'fc')];
    assert.deepEqual(other, one);
    assert.match(one[0]?.['stamp'] ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(await ask(replica, 'SELECT * FROM history', 'fc'), await ask(primary, 'SELECT * FROM history', 'fc'));
  });

  it('are taken in order: the replica when the primary is not there', async (t) => {
    const host = await CmdbHost.make(t);
    assert.equal(await host.sync([NOWHERE, addresses[1]]), 'a');
    assert.match(host.said.join('\n'), /^warning: passed over an address of the CMDB error=".*nonexistent.*ENOENT/);
    await addApp(primary, 'b');
    assert.equal(await host.sync(addresses), 'a b');
  });

  it('one that says nothing is not waited for', async (t) => {
    const host = await CmdbHost.make(t);
    const began = performance.now();
    assert.equal(await host.sync([await silent(t), addresses[1]]), 'a');
    t.diagnostic(`${Math.round(performance.now() - began)} ms past an address that says nothing`);
    assert.deepEqual(host.said, [], 'it had not failed yet');
  });

  it('a replica that lags is refused, by name and with what it lacks, and taken once it has caught up', async (t) => {
    t.after(lagNoMore);
    const host = await CmdbHost.make(t);
    await lag();
    await addApp(primary, 'b');
    assert.equal(await host.sync(addresses), 'a b');
    assert.match(await host.refusal([NOWHERE, addresses[1]]),
      /^the CMDB cannot be used: [^;]*ENOENT[^;]*; root@[^;]*: is behind: it has change 1 and lacks change 2, which this host has applied \(a replica catches up by itself; .*fc-sync --accept-older.*UPDATE history SET origin/);
    assert.equal(await host.sync([addresses[1], addresses[0]]), 'a b', 'the next one is taken');
    assert.match(host.said.join('\n'), /passed over .* is behind/);
    assert.equal(await (await CmdbHost.make(t)).sync([addresses[1]]), 'a', 'a host that has applied nothing takes what it gets');
    await lagNoMore();
    await caughtUp();
    assert.equal(await host.sync([NOWHERE, addresses[1]]), 'a b');
  });

  it('--watch goes to the replica when the primary is killed, waits until it has caught up, and never goes back', async (t) => {
    t.after(lagNoMore);
    const host = await CmdbHost.make(t);
    host.watch(t, addresses);
    await host.untilHas('a');
    await lag();
    await addApp(primary, 'b');
    await host.untilHas('a b');
    await until(async () => {
      const [status] = await ask(replica, 'SHOW SLAVE STATUS');
      const [at] = await ask(primary, 'SELECT @@gtid_binlog_pos AS pos');
      return status?.['Gtid_IO_Pos'] === at?.['pos'] || `it has ${status?.['Gtid_IO_Pos']}`;
    }, { timeoutMs: 10_000, what: 'the replica has received the change' });
    await primary.kill();
    await host.untilSays(/the CMDB is lost.*is behind: it has change 1 and lacks change 2/);
    await lagNoMore();
    await host.untilSays(/the CMDB is back/);
    assert.match(host.said.join('\n'), /follows another address of the CMDB address=\S*mysqld\.sock\S* why="root@.*(ECONNREFUSED|ENOENT)/);
    await ask(replica, 'SET GLOBAL read_only = 0');
    await addApp(replica, 'c');
    await host.untilHas('a b c');
    await ask(replica, "DELETE FROM apps WHERE name = 'c'", 'fc');
    await host.untilHas('a b');
    await ask(replica, 'SET GLOBAL read_only = 1');
    assert.deepEqual(host.applied, ['a', 'a b', 'a b c', 'a b']);
    await primary.start();
  });
});

describe('a backup that is put back', () => {
  let here: CmdbAddress;
  let backup: string;
  beforeEach(async () => {
    here = primary.address('fc');
    await makeCmdb(primary);
    await addApp(primary, 'a');
    backup = await dump(primary);
    await addApp(primary, 'b');
  });

  it('is taken when nothing has been changed since', async (t) => {
    const host = await CmdbHost.make(t);
    assert.equal(await host.sync([here]), 'a b');
    await putBack(primary, await dump(primary));
    assert.equal(await host.sync([here]), 'a b');
    await addApp(primary, 'c');
    assert.equal(await host.sync([here]), 'a b c');
  });

  it('is refused otherwise, also when it has gone on to as many changes, until it is accepted', async (t) => {
    const host = await CmdbHost.make(t);
    assert.equal(await host.sync([here]), 'a b');
    await putBack(primary, backup);
    assert.match(await host.refusal([here]), /is behind: it has change 1 and lacks change 2.*fc-sync --accept-older/);
    await addApp(primary, 'x');
    await addApp(primary, 'y');
    assert.match(await host.refusal([here]), /its change 2 is not the one that this host has applied: it was put back from a backup.*fc-sync --accept-older/);
    assert.equal(await host.sync([here], 'older'), 'a x y');
    await addApp(primary, 'z');
    assert.equal(await host.sync([here]), 'a x y z');
  });

  it('that was accepted holds for --watch too, which remembers newer rows', async (t) => {
    const host = await CmdbHost.make(t);
    host.watch(t, [here]);
    await host.untilHas('a b');
    await primary.stop();
    await host.untilSays(/the CMDB is lost/);
    await primary.start();
    await putBack(primary, backup);
    await host.untilSays(/is behind/);
    assert.equal(await host.sync([here], 'older'), 'a');
    host.passDue();
    await addApp(primary, 'c');
    await host.untilHas('a c');
    assert.deepEqual(host.applied, ['a b', 'a', 'a c']);
  });

  it('is taken by all hosts, those that watch too, once its history is said to begin anew', async (t) => {
    const [host, watching] = [await CmdbHost.make(t), await CmdbHost.make(t)];
    assert.equal(await host.sync([here]), 'a b');
    watching.watch(t, [here]);
    await watching.untilHas('a b');
    for (const app of ['c', 'd', 'e']) await addApp(primary, app);
    await watching.untilHas('a b c d e');
    await putBack(primary, backup);
    await watching.untilSays(/is behind: it has change 1 and lacks change 5/);
    // It is tried again meanwhile, and told of once, however far it has come.
    await addApp(primary, 'x');
    await ask(primary, 'DO SLEEP(2.5)');
    assert.equal(watching.said.filter((line) => line.includes('is behind')).length, 1, watching.said.join('\n'));
    await ask(primary, 'UPDATE history SET origin = UUID()', 'fc');
    await watching.untilHas('a x');
    assert.equal(await host.sync([here]), 'a x');
    assert.match(host.said.join('\n'), /taken although its history is another one error=".*another database/);
  });
});

describe('another database', () => {
  it('is taken when it is the only one, and of several once all of them are another one', async (t) => {
    // What was the replica has gone its own way.
    await ask(replica, 'SET GLOBAL read_only = 0');
    for (const server of [primary, replica]) await makeCmdb(server);
    await addApp(primary, 'a');
    await addApp(replica, 'b');
    const [here, there] = [primary.address('fc'), replica.address('fc')];
    const host = await CmdbHost.make(t);
    assert.equal(await host.sync([here]), 'a');
    assert.match(await host.refusal([NOWHERE, there]), /is another database .*once each address of \[cmdb\] url answers with it.*fc-sync --accept-older/);
    assert.equal(await host.sync([there, here]), 'a', 'one has what was followed');
    await makeCmdb(primary);
    await addApp(primary, 'c');
    assert.equal(await host.sync([there, here]), 'b', 'none has, so the first is taken');
    assert.equal(await host.sync([here, there]), 'b', 'and followed from then on');
    assert.equal(await host.sync([here]), 'c', 'as the only one');
  });
});

describe('two runs at once', () => {
  it('never take turns with older and newer rows', async (t) => {
    await makeCmdb(primary);
    await addApp(primary, 'a0');
    const host = await CmdbHost.make(t);
    host.watch(t, [primary.address('fc')]);
    await host.untilHas('a0');
    for (let i = 1; i <= 30; i += 1) {
      await addApp(primary, `a${i}`);
      await host.sync([primary.address('fc')]);
      host.passDue();
    }
    await host.untilHas(host.applied.reduce((most, apps) => (apps.length > most.length ? apps : most)));
    const sizes = host.applied.map((apps) => apps.split(' ').length);
    assert.deepEqual(sizes, [...sizes].sort((a, b) => a - b), 'never back');
    assert.equal(sizes.at(-1), 31);
  });
});
