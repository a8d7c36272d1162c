/** Each app has a range of user ids that no other has had, however its row came to be. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { Connection } from '../../src/cmdb/connection.ts';
import { readRows } from '../../src/cmdb/read.ts';
import { APP } from '../../src/model/columns.ts';
import { POLICY } from '../support/fleet.ts';
import { startCmdb, type Mariadb } from '../support/mariadb.ts';

const FIRST = 600_309_760;
const RANGES = 19_512;
/** The `n`-th range from where the app's name says. */
const range = (app: string, n = 0): number => FIRST + ((crc32(app) + n) % RANGES) * 65_536;

let server: Mariadb;
let db: Connection;

before(async () => {
  ({ server, db } = await startCmdb());
});

after(async () => {
  db.close();
  await server.close();
});

beforeEach(async () => {
  await db.query('DELETE FROM apps');
  await db.query('DELETE FROM uid_ranges');
});

const insert = (...names: readonly string[]): Promise<unknown> =>
  db.query(`INSERT INTO apps (name, image, port) VALUES ${names.map((name) => `('${name}', 'x', 80)`).join(', ')}`);
/** Who has which range, by name. */
const ranges = async (): Promise<ReadonlyMap<string, number>> =>
  new Map((await db.query('SELECT name, uid_base FROM apps ORDER BY name')).map((row) => [row['name'] ?? '', Number(row['uid_base'])]));
/** What is kept of them, by range. */
const kept = async (): Promise<ReadonlyMap<number, string>> =>
  new Map((await db.query('SELECT base, app FROM uid_ranges')).map((row) => [Number(row['base']), row['app'] ?? '']));

describe('an app gets a range', () => {
  it('of its own, in one INSERT of several and in INSERT … SELECT, which fc-sync takes', async () => {
    await insert('a', 'b');
    await db.query("INSERT INTO apps (name, image, port) SELECT CONCAT(name, '-copy'), image, port FROM apps");
    assert.deepEqual(await ranges(), new Map(['a', 'a-copy', 'b', 'b-copy'].map((app) => [app, range(app)])));
    for (const row of (await readRows(db)).apps) assert.equal(APP.uidBase.parse(row['uid_base'] ?? '', POLICY), range(row['name'] ?? ''));
  });

  it('and keeps it through REPLACE, an upsert, INSERT IGNORE and a new name', async () => {
    await insert('a', 'b');
    await db.query("REPLACE INTO apps (name, image, port) VALUES ('a', 'y', 81)");
    await db.query("INSERT INTO apps (name, image, port) VALUES ('a', 'x', 80) ON DUPLICATE KEY UPDATE port = 82");
    await db.query("INSERT IGNORE INTO apps (name, image, port) VALUES ('a', 'x', 80)");
    await db.query("UPDATE apps SET name = 'c' WHERE name = 'a'");
    assert.deepEqual(await ranges(), new Map([['b', range('b')], ['c', range('a')]]));
    assert.deepEqual(await kept(), new Map([[range('a'), 'c'], [range('b'), 'b']]));
  });

  it('but none of an app that is gone, not even of its own name, until the operator gives it back', async () => {
    await insert('a', 'b');
    await db.query('DELETE FROM apps');
    await insert('a');
    assert.deepEqual(await ranges(), new Map([['a', range('a', 1)]]));
    await db.query("DELETE FROM uid_ranges WHERE app = 'b'");
    await insert('b');
    assert.equal((await ranges()).get('b'), range('b'));
    await assert.rejects(db.query("DELETE FROM uid_ranges WHERE app = 'b'"), /foreign key constraint fails/);
  });

  it('that the INSERT names, as after a backup, and that no other app can have', async () => {
    await db.query(`INSERT INTO apps (name, image, port, uid_base) VALUES ('a', 'x', 80, ${range('b')})`);
    await insert('b');
    assert.deepEqual(await ranges(), new Map([['a', range('b')], ['b', range('b', 1)]]));
    await assert.rejects(db.query(`INSERT INTO apps (name, image, port, uid_base) VALUES ('d', 'x', 80, ${range('b')})`), /Duplicate entry/);
    await assert.rejects(db.query(`UPDATE apps SET uid_base = ${range('b')} WHERE name = 'b'`), /Duplicate entry/);
    await db.query(`INSERT IGNORE INTO apps (name, image, port, uid_base) VALUES ('d', 'x', 80, ${range('b')})`);
    assert.deepEqual(await kept(), new Map([[range('b'), 'a'], [range('b', 1), 'b']]));
    await db.query('DELETE FROM apps');
    await db.query(`INSERT INTO apps (name, image, port, uid_base) VALUES ('e', 'x', 80, ${range('b')})`);
    assert.equal((await kept()).get(range('b')), 'e');
  });

  it('afresh when told so, and the old one is kept', async () => {
    await insert('a');
    await db.query("UPDATE apps SET uid_base = NULL WHERE name = 'a'");
    assert.deepEqual(await ranges(), new Map([['a', range('a', 1)]]));
    assert.deepEqual(await kept(), new Map([[range('a'), 'a'], [range('a', 1), 'a']]));
    const [last] = await db.query('SELECT tbl, name FROM changes ORDER BY id DESC LIMIT 1');
    assert.deepEqual(last, { tbl: 'apps', name: 'a' });
  });

  it('the last one that is free, and then an error that says what to do', async () => {
    await db.query(`INSERT INTO uid_ranges (base, app) SELECT ${FIRST} + seq * 65536, 'gone' FROM seq_0_to_${RANGES - 1}`);
    await db.query(`DELETE FROM uid_ranges WHERE base = ${range('a', -1)}`);
    await insert('a');
    assert.deepEqual(await ranges(), new Map([['a', range('a', RANGES - 1)]]));
    await assert.rejects(insert('b'), /no range of user ids is free: give back one of an app whose files are gone \(table uid_ranges\)/);
    await assert.rejects(db.query('UPDATE apps SET uid_base = NULL'), /no range of user ids is free/);
    await db.query("REPLACE INTO apps (name, image, port) VALUES ('a', 'y', 81)");
  });
});

describe('transactions that insert apps', () => {
  it('do not wait for each other, and what is rolled back takes no range', async () => {
    const connections = await Promise.all([1, 2, 3].map(() => server.open('fc')));
    for (const [n, connection] of connections.entries()) {
      await connection.query('SET SESSION innodb_lock_wait_timeout = 1');
      await connection.query('START TRANSACTION');
      await connection.query(`INSERT INTO apps (name, image, port) VALUES ('t${n}', 'x', 80)`);
    }
    const [one, two, three] = connections;
    await two?.query('ROLLBACK');
    await three?.query('COMMIT');
    await one?.query('COMMIT');
    assert.deepEqual(await ranges(), new Map(['t0', 't2'].map((app) => [app, range(app)])));
    assert.equal((await kept()).size, 2);
    for (const connection of connections) connection.close();
  });

  it('all come through, many at once, also where they want the same range', async () => {
    const connections = await Promise.all(Array.from({ length: 8 }, () => server.open('fc')));
    await Promise.all(connections.map(async (connection, n) => {
      for (let i = 0; i < 20; i += 1) {
        await connection.query(`INSERT INTO apps (name, image, port) VALUES ('n${n}-${i}', 'x', 80)`);
        // Of one name, so from one place on.
        await connection.query("INSERT INTO apps (name, image, port) VALUES ('same', 'x', 80)").catch((error: unknown) => { assert.match(String(error), /Duplicate entry|Deadlock/); });
        await connection.query("DELETE FROM apps WHERE name = 'same'").catch((error: unknown) => { assert.match(String(error), /Deadlock/); });
      }
    }));
    await db.query("DELETE FROM apps WHERE name = 'same'");
    const given = [...(await ranges()).values()];
    assert.equal(given.length, 160);
    assert.equal(new Set(given).size, 160);
    for (const connection of connections) connection.close();
  });

  it('with thousands of apps in one take about as long as they did', async (t) => {
    const many = (name: string): string => `INSERT INTO apps (name, image, port) SELECT CONCAT('${name}-', seq), 'x', 80 FROM seq_1_to_5000`;
    const began = performance.now();
    await db.query(many('m'));
    t.diagnostic(`5000 apps in ${Math.round(performance.now() - began)} ms`);
    assert.equal(new Set((await ranges()).values()).size, 5000);
  });
});

describe('an account', () => {
  const account = async (name: string, grants: readonly string[]): Promise<Connection> => {
    const admin = await server.open();
    await admin.query(`CREATE USER ${name}@localhost`);
    for (const grant of grants) await admin.query(`GRANT ${grant} TO ${name}@localhost`);
    admin.close();
    return Connection.open(server.address('fc', { user: name }), undefined, 5_000);
  };

  it('that may write the four tables only can do all of it', async () => {
    const writer = await account('writer', ['hosts', 'apps', 'domains', 'placements'].map((table) => `SELECT, INSERT, UPDATE, DELETE ON fc.${table}`));
    await writer.query("INSERT INTO apps (name, image, port) VALUES ('a', 'x', 80)");
    await writer.query("UPDATE apps SET uid_base = NULL WHERE name = 'a'");
    await writer.query("DELETE FROM apps WHERE name = 'a'");
    writer.close();
    assert.equal((await kept()).size, 2);
  });

  it('that may read only is enough for fc-sync', async () => {
    await insert('a');
    const reader = await account('reader', ['SELECT ON fc.*']);
    assert.equal((await readRows(reader)).apps[0]?.['uid_base'], String((await ranges()).get('a')));
    reader.close();
  });
});
