import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { connect } from '../../src/cmdb/connect.ts';
import { Connection } from '../../src/cmdb/connection.ts';
import { CmdbError } from '../../src/cmdb/error.ts';
import { migrate } from '../../src/cmdb/migrate.ts';
import { readChanged, readRows, type Reading } from '../../src/cmdb/read.ts';
import { parseFleet } from '../../src/model/parse.ts';
import { POLICY } from '../support/fleet.ts';
import type { CmdbConfig } from '../../src/config/config.ts';
import { freePort, startCmdb, type Mariadb } from '../support/mariadb.ts';

/** A TCP server on loopback that ends with the test, and all its connections with it; its port. */
async function listen(t: TestContext, answer: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return port;
}

/** Bytes without meaning, the same in every run. */
function noise(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

function tcp(port: number, passwordFile: string | null = null): CmdbConfig {
  return { addresses: [{ host: '127.0.0.1', port, socketPath: null, user: 'root', database: 'fc' }], passwordFile };
}

/** The message of the CmdbError that `action` must end with. */
async function refusal(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    assert.ok(error instanceof CmdbError, String(error));
    return error.message;
  }
  return assert.fail('accepted');
}

describe('CMDB', () => {
  let server: Mariadb;
  let db: Connection;
  before(async () => {
    ({ server, db } = await startCmdb());
  });
  after(async () => {
    db.close();
    await server.close();
  });

  describe('reading', () => {
    it('takes every value as the text it is, JSON too', async () => {
      await db.query(`INSERT INTO apps (name, image, port, command, env, volumes) VALUES
        ('shop', 'ü€😀', -1, '["a", "b"]', '{"K": "line\\\\nquote\\\\" 😀", "n": 12345678901234567890}', '[]')`);
      const [app] = (await readRows(db)).apps;
      assert.equal(app?.['image'], 'ü€😀');
      assert.equal(app['port'], '-1');
      // MySQL normalises JSON text, MariaDB keeps it: only what it says can be relied on.
      assert.deepEqual(JSON.parse(app['command'] ?? ''), ['a', 'b']);
      assert.match(app['env'] ?? '', /"K": "line\\nquote\\" 😀"/);
      assert.match(app['env'] ?? '', /12345678901234567890/);
      await db.query('DELETE FROM apps');
    });

    it('again what changed: the rows, and what they come to, are what all of them would be', async () => {
      const pick = (() => {
        let state = 7;
        return (from: readonly string[]): string => from[(state = (state * 48_271) % 2_147_483_647) % from.length] ?? '';
      })();
      const names = ['a', 'b', 'c', 'd', 'e'];
      const hosts = ['web1', 'web2'];
      // Some fail (a name that is taken, a domain of no app): they are part of the life of a table.
      const statements: (() => string)[] = [
        () => `INSERT INTO apps (name, image, port) VALUES ('${pick(names)}', 'x', ${pick(['1', '-1'])})`,
        () => `UPDATE apps SET name = '${pick(names)}' WHERE name = '${pick(names)}'`,
        () => `UPDATE apps SET port = ${pick(['80', '0', '8079'])} WHERE name = '${pick(names)}'`,
        () => `DELETE FROM apps WHERE name = '${pick(names)}'`,
        () => `INSERT INTO domains (fqdn, app) VALUES ('${pick(['Shop.example', 'shop.example.', 'b.example', 'c.example'])}', '${pick(names)}')`,
        () => `UPDATE domains SET app = '${pick(names)}' WHERE fqdn LIKE '${pick(['s%', 'b%'])}'`,
        () => `INSERT INTO placements (app, host, listen_port) VALUES ('${pick(names)}', '${pick(hosts)}', ${pick(['NULL', '25', '8079'])})`,
        () => `UPDATE placements SET host = '${pick(hosts)}' WHERE app = '${pick(names)}'`,
        () => `DELETE FROM placements WHERE app = '${pick(names)}'`,
        () => `UPDATE hosts SET port = ${pick(['8079', '25'])} WHERE name = '${pick(hosts)}'`,
        () => `UPDATE hosts SET name = '${pick(hosts)}' WHERE name = '${pick(hosts)}'`,
      ];
      for (const host of hosts) await db.query(`INSERT INTO hosts (name, address) VALUES ('${host}', 'a')`);
      const sorted = (reading: Reading): unknown => ({
        ...reading,
        ...Object.fromEntries((['apps', 'domains', 'placements'] as const).map((table) => [table, reading[table].map((row) => JSON.stringify(row)).sort()])),
      });
      let known = await readRows(db);
      let again = 0;
      for (let n = 0; n < 150; n += 1) {
        for (let i = 0; i <= n % 3; i += 1) await db.query(statements[(n * 5 + i) % statements.length]?.() ?? '').catch(() => undefined);
        const before = new Set(known.apps);
        known = await readChanged(db, null, known, new Set());
        if (known.apps.some((row) => before.has(row))) again += 1;
        const all = await readRows(db);
        assert.deepEqual(sorted(known), sorted(all));
        const whole = await readRows(db, null, known);
        assert.deepEqual(whole, all);
        for (const table of ['hosts', 'apps', 'domains', 'placements'] as const) assert.ok(whole[table].every((row) => known[table].includes(row)), `each row of ${table} is the object it was`);
        assert.deepEqual(parseFleet(known, POLICY), parseFleet(all, POLICY));
      }
      assert.ok(again > 30, `rows stay what they were in ${again} of 150 readings`);
      await db.query('DELETE FROM apps');
      await db.query('DELETE FROM hosts');
    });

    it('sees one moment, however the server isolates by default', async () => {
      await db.query("SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED");
      const reader = await server.open('fc');
      const before = Number((await readRows(reader)).revision);
      await db.query("INSERT INTO hosts (name, address) VALUES ('web1', 'a')");
      await db.query("INSERT INTO apps (name, image, port) VALUES ('a', 'x', 1)");
      await db.query("INSERT INTO placements (app, host) VALUES ('a', 'web1')");
      let writing = true;
      // Each commit leaves as many placements as hosts; a read between two would see another number.
      const writer = (async () => {
        for (let n = 2; writing; n += 1) {
          await db.query('START TRANSACTION');
          await db.query(`INSERT INTO hosts (name, address) VALUES ('web${n}', 'a')`);
          await db.query(`INSERT INTO placements (app, host) VALUES ('a', 'web${n}')`);
          await db.query('COMMIT');
        }
      })();
      for (let i = 0; i < 40; i += 1) {
        const rows = await readRows(reader);
        assert.equal(rows.placements.length, rows.hosts.length);
        assert.equal((Number(rows.revision) - before) % 2, 1, 'apps, and twice as many of the others');
      }
      writing = false;
      await writer;
      reader.close();
      await db.query('DELETE FROM apps');
      await db.query('DELETE FROM hosts');
      await db.query("SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    });

    it('needs no more than SELECT, and leaves no transaction open', async (t) => {
      await db.query("CREATE USER reader@localhost IDENTIFIED BY 'ge heim'");
      await db.query('GRANT SELECT ON fc.* TO reader@localhost');
      const folder = mkdtempSync(join(tmpdir(), 'fc-read-'));
      t.after(() => { rmSync(folder, { recursive: true }); });
      const passwordFile = join(folder, 'password');
      const config = { addresses: [server.address('fc', { user: 'reader' })], passwordFile };
      writeFileSync(passwordFile, 'ge heim\n', { mode: 0o600 });
      const reader = await connect(config);
      assert.deepEqual((await readRows(reader)).apps, []);
      assert.match(await refusal(reader.query("INSERT INTO hosts (name, address) VALUES ('x', 'y')")), /INSERT command denied/);
      assert.deepEqual(await reader.query('SELECT @@in_transaction AS open'), [{ open: '0' }]);
      reader.close();
      writeFileSync(passwordFile, 'falsch\n');
      assert.match(await refusal(connect(config)), /^CMDB unreachable: reader@.*\/fc: Access denied.*\(check the user in \[cmdb\] url and the password/);
    });

    it('says which table or column is missing, and what helps; and reads again afterwards', async () => {
      await db.query('ALTER TABLE apps DROP COLUMN ready_path');
      assert.match(await refusal(readRows(db)), /Unknown column 'ready_path'.*\(run fc-sync migrate\)$/);
      await db.query('ALTER TABLE apps ADD COLUMN ready_path VARCHAR(1024) NULL');
      await db.query('RENAME TABLE changes TO c');
      assert.match(await refusal(readRows(db)), /'fc\.changes' doesn't exist \(run fc-sync migrate\)$/);
      await db.query('RENAME TABLE c TO changes');
      assert.deepEqual((await readRows(db)).apps, []);
    });

    it('does not take a database without a schema for an empty one', async () => {
      await server.createDatabase('bare');
      const bare = await server.open('bare');
      assert.match(await refusal(readRows(bare)), /\/bare: the database has no FastContainer schema: run fc-sync migrate$/);
      await bare.query('DROP DATABASE bare');
      assert.match(await refusal(readRows(bare)), /No database selected \(create the database, then run fc-sync migrate\)|Unknown database/);
      bare.close();
    });
  });

  describe('connecting', () => {
    it('takes the first address that lets us in', async () => {
      const none = await freePort();
      const [dead] = tcp(none).addresses;
      assert.ok(dead !== undefined);
      const connection = await connect({ addresses: [dead, server.address('fc', { tcp: true }), server.address('fc')], passwordFile: null });
      assert.equal(connection.address, `root@127.0.0.1:${server.port}/fc`);
      connection.close();
    });

    it('says of every address why not', async () => {
      const none = await freePort();
      const addresses = [...tcp(none).addresses, { ...server.address('fc'), socketPath: '/nonexistent/s' }, server.address('nothere')];
      const message = await refusal(connect({ addresses, passwordFile: null }));
      assert.match(message, /^CMDB unreachable: root@127\.0\.0\.1:\d+\/fc: connect ECONNREFUSED [^;]*; root@\/nonexistent\/s\/fc: connect ENOENT [^;]*; root@[^;]*\/nothere: Unknown database 'nothere' \(create the database, then run fc-sync migrate\)$/);
      assert.match(await refusal(connect({ addresses: [], passwordFile: null })), /no CMDB is configured/);
      assert.match(await refusal(connect({ addresses: [{ host: 'localhost', port: none, socketPath: null, user: 'u', database: 'd' }], passwordFile: null })), /u@localhost:\d+\/d: connect ECONNREFUSED/);
    });

    it('waits no longer than it may for one that says nothing', async (t) => {
      const silent = await listen(t, () => undefined);
      const begun = performance.now();
      assert.match(await refusal(connect(tcp(silent), 300)), /no login within 300 ms: is it a MySQL or MariaDB server\?$/);
      assert.ok(performance.now() - begun < 2_000);
    });

    const junk: readonly (readonly [what: string, bytes: () => Buffer])[] = [
      ['a web server', () => Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')],
      ['an SSH server', () => Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')],
      ['zeros', () => Buffer.alloc(4096)],
      ['an empty greeting', () => Buffer.from([0, 0, 0, 0])],
      ['a greeting cut short', () => Buffer.from([5, 0, 0, 0, 10, 0x38, 0x2e, 0x30, 0x2e])],
      ['an error of no known kind', () => Buffer.concat([Buffer.from([9, 0, 0, 0, 0xff, 0xff, 0xff]), Buffer.from('#HY000')])],
      ['0xff without end', () => Buffer.alloc(70_000, 0xff)],
      ...Array.from({ length: 40 }, (_, i) => [`random bytes ${i}`, () => {
        const bytes = noise(`greeting ${i}`, 300);
        // Half of them as a whole packet, so that they reach the parsers and not only the framing.
        if (i % 2 === 0) bytes.writeUIntLE(200, 0, 3);
        if (i % 4 === 0) bytes.writeUInt16LE(10 * 256, 3);
        return bytes;
      }] as const),
    ];
    for (const [what, bytes] of junk) {
      for (const hangUp of [false, true]) {
        it(`is not taken in by ${what}${hangUp ? ', which hangs up' : ''}`, async (t) => {
          const fake = await listen(t, (socket) => { if (hangUp) socket.end(bytes()); else socket.write(bytes()); });
          assert.match(await refusal(connect(tcp(fake), 150)), /^CMDB unreachable: root@127\.0\.0\.1:\d+\/fc: (?!root@)/);
        });
      }
    }

    it('does not wait for one that hangs up', async (t) => {
      const fake = await listen(t, (socket) => { socket.end(); });
      assert.match(await refusal(connect(tcp(fake), 60_000)), /the server closed the connection before the login|Connection lost/);
    });

    it('that goes wrong after the login ends in an error, not in a hang or a crash', async (t) => {
      for (let round = 0; round < 24; round += 1) {
        const broken = await listen(t, (client) => {
          let packets = 0;
          const upstream = connectTcp(server.port, '127.0.0.1');
          upstream.on('error', () => client.destroy());
          client.on('close', () => upstream.destroy());
          upstream.on('data', (data) => {
            // The greeting, the login, and the query that connect() itself asks.
            if (packets <= 2) client.write(data);
            else {
              // The answer's framing stays, what is in it does not.
              const answer = noise(`answer ${round}`, data.length);
              data.copy(answer, 0, 0, Math.min(data.length, 4 + (round % 3)));
              client.write(answer);
            }
          });
          client.on('data', (data) => {
            packets += 1;
            upstream.write(data);
          });
        });
        const connection = await connect(tcp(broken), 2_000);
        const message = await refusal(connection.query('SELECT 1 AS a, 2 AS b', [], 400).then((rows) => {
          // Noise may by chance be a well-formed empty answer, never the right one.
          assert.notDeepEqual(rows, [{ a: '1', b: '2' }]);
          throw new CmdbError('by chance');
        }));
        assert.ok(message !== '');
        connection.destroy();
      }
    });
  });

  describe('connection', () => {
    it('fails a query that takes too long, and is lost with it', async () => {
      const connection = await server.open('fc');
      assert.match(await refusal(connection.query('SELECT SLEEP(5)', [], 100)), /no answer within 100 ms to: SELECT SLEEP\(5\)$/);
      assert.equal(connection.alive, false);
      assert.match(await refusal(connection.query('SELECT 1')), /no answer within 100 ms/);
    });

    it('fails what is under way when it is closed', async () => {
      const connection = await server.open('fc');
      const sleeping = refusal(connection.query('SELECT SLEEP(2)'));
      connection.close();
      assert.match(await sleeping, /the connection has been closed/);
    });

    it('notices that the server has gone, and that another one is empty', async () => {
      const connection = await server.open('fc');
      const sleeping = refusal(connection.query('SELECT SLEEP(20)'));
      db.close();
      await server.stop();
      assert.match(await sleeping, /lost the connection|shutdown/);
      assert.match(await refusal(readRows(connection)), /lost the connection|shutdown/);
      assert.match(await refusal(connect(server.config('fc'))), /ENOENT|ECONNREFUSED/);
      await server.emptied();
      assert.match(await refusal(connect(server.config('fc'))), /Unknown database 'fc' \(create the database, then run fc-sync migrate\)/);
      await server.createDatabase('fc');
      db = await server.open('fc');
      assert.match(await refusal(readRows(db)), /no FastContainer schema: run fc-sync migrate/);
      await migrate(db);
      const { history, ...rows } = await readRows(db);
      assert.deepEqual(rows, { hosts: [], apps: [], domains: [], placements: [], revision: '0' });
      assert.deepEqual(history.newest, []);
      await server.restart();
      assert.equal(db.alive, false);
      db = await server.open('fc');
      assert.deepEqual((await readRows(db)).apps, []);
    });
  });
});
