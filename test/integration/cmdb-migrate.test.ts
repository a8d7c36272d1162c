import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Connection } from '../../src/cmdb/connection.ts';
import { migrate } from '../../src/cmdb/migrate.ts';
import { readRows } from '../../src/cmdb/read.ts';
import { loadMigrations, SCHEMA_VERSION, splitStatements } from '../../src/cmdb/schema.ts';
import { TABLES } from '../../src/model/columns.ts';
import { startCmdb, startMariadb, type Mariadb } from '../support/mariadb.ts';

const ALL = loadMigrations().map(({ name }) => name);

describe('schema files', () => {
  it('are numbered without a gap, up to the version that the programs read', () => {
    assert.deepEqual(loadMigrations().map(({ version }) => version), Array.from({ length: SCHEMA_VERSION }, (_, i) => i + 1));
  });

  it('are cut into statements as the mysql client would', () => {
    assert.deepEqual(splitStatements('-- x;\nA\n  b;\n\nDELIMITER //\nC;\nd;//\nDELIMITER ;\nE;\n'), ['A\n  b', 'C;\nd;', 'E']);
    assert.throws(() => splitStatements('A;\nB\n'), /does not end with ;: B/);
  });
});

describe('migrate', () => {
  let server: Mariadb;
  let db: Connection;
  let count = 0;
  let name = '';
  before(async () => { server = await startMariadb(); });
  after(async () => { await server.close(); });
  beforeEach(async () => {
    name = `fc${(count += 1)}`;
    await server.createDatabase(name);
    db = await server.open(name);
  });
  afterEach(() => { db.close(); });

  const insertLeast = async (): Promise<void> => {
    await db.query("INSERT INTO hosts (name, address) VALUES ('web1', '10.0.0.1')");
    await db.query("INSERT INTO apps (name, image, port) VALUES ('shop', 'shop:1', 8080)");
    await db.query("INSERT INTO domains (fqdn, app) VALUES ('shop.example.com', 'shop')");
    await db.query("INSERT INTO placements (app, host) VALUES ('shop', 'web1')");
  };

  it('makes everything in an empty database, and nothing the second time', async () => {
    assert.deepEqual(await migrate(db), { from: 0, to: SCHEMA_VERSION, ran: ALL });
    await insertLeast();
    assert.deepEqual(await migrate(db), { from: SCHEMA_VERSION, to: SCHEMA_VERSION, ran: [] });
    assert.equal((await readRows(db)).apps.length, 1);
    const versions = await db.query('SELECT version, name FROM schema_versions ORDER BY version');
    assert.deepEqual(versions, ALL.map((file, i) => ({ version: String(i + 1), name: file })));
  });

  it('waits for another one at work, and then finds nothing to do', async () => {
    const connections = await Promise.all([1, 2, 3, 4].map(() => server.open(name)));
    const results = await Promise.all(connections.map((connection) => migrate(connection)));
    assert.deepEqual(results.map(({ ran }) => ran.length).sort(), [0, 0, 0, ALL.length]);
    assert.deepEqual(new Set(results.map(({ to }) => to)), new Set([SCHEMA_VERSION]));
    for (const connection of connections) connection.close();
  });

  for (let version = 1; version < SCHEMA_VERSION; version += 1) {
    it(`upgrades from version ${version} and keeps the rows`, async () => {
      assert.equal((await migrate(db, loadMigrations().slice(0, version))).to, version);
      await insertLeast();
      await assert.rejects(readRows(db), { name: 'CmdbError', message: new RegExp(`the schema is of version ${version}, and this fc-sync reads ${SCHEMA_VERSION}: run fc-sync migrate$`) });
      assert.deepEqual(await migrate(db), { from: version, to: SCHEMA_VERSION, ran: ALL.slice(version) });
      assert.deepEqual((await readRows(db)).domains, [{ fqdn: 'shop.example.com', app: 'shop' }]);
      const { revision } = await readRows(db);
      await db.query("UPDATE apps SET port = 81 WHERE name = 'shop'");
      assert.equal((await readRows(db)).revision, String(Number(revision) + 1));
      assert.match((await readRows(db)).apps[0]?.['uid_base'] ?? '', /^[0-9]+$/);
      // What was the default then goes on being what they say.
      assert.equal((await readRows(db)).apps[0]?.['network'], version < 7 ? 'private' : 'egress');
    });
  }

  it('says which rows claim one port, where an older schema let them, and goes on once they are mended', async () => {
    await migrate(db, loadMigrations().slice(0, 1));
    await insertLeast();
    await db.query("INSERT INTO apps (name, image, port) VALUES ('mail', 'mail:1', 25)");
    await db.query("INSERT INTO placements (app, host) VALUES ('mail', 'web1')");
    await db.query('UPDATE placements SET listen_port = 2525');
    await assert.rejects(migrate(db), { name: 'CmdbError', message: /listen-port\.sql failed: .*web1-2525.*placements_listen_port.*two rows have what only one may have: change one of them/ });
    await db.query("UPDATE placements SET listen_port = NULL WHERE app = 'shop'");
    assert.equal((await migrate(db)).to, SCHEMA_VERSION);
    await assert.rejects(db.query('UPDATE placements SET listen_port = 2525'), /Duplicate entry/);
    await db.query("INSERT INTO hosts (name, address) VALUES ('web2', '10.0.0.2')");
    await db.query("INSERT INTO placements (app, host, listen_port) VALUES ('shop', 'web2', 2525)");
  });

  it('goes on where an earlier run was killed, at every statement', async () => {
    const migrations = loadMigrations();
    const statements = migrations.flatMap((migration) => migration.statements);
    for (const [at] of statements.entries()) {
      if (at % 5 !== 0) continue;
      const database = `${name}_${at}`;
      await server.createDatabase(database);
      const connection = await server.open(database);
      for (const statement of statements.slice(0, at)) await connection.query(statement);
      await migrate(connection);
      assert.deepEqual((await readRows(connection)).apps, []);
      connection.close();
    }
  });

  it('puts back what somebody has dropped', async () => {
    await migrate(db);
    await insertLeast();
    await db.query('DROP TRIGGER fc_domains_update');
    await db.query('DROP TABLE placements');
    await assert.rejects(readRows(db), { name: 'CmdbError', message: /placements' doesn't exist \(run fc-sync migrate\)/ });
    assert.deepEqual((await migrate(db)).ran, ALL);
    assert.deepEqual((await readRows(db)).placements, []);
    await db.query("UPDATE domains SET fqdn = 'new.example.com'");
    const [last] = await db.query('SELECT tbl, name FROM changes ORDER BY id DESC LIMIT 1');
    assert.deepEqual(last, { tbl: 'domains', name: 'shop' });
  });

  it("says so when a table of that name is somebody else's", async () => {
    await db.query('CREATE TABLE apps (name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, vendor INT)');
    await assert.rejects(migrate(db), { name: 'CmdbError', message: /the schema lacks apps\.image, .*a database of its own/ });
  });

  it('leaves a newer schema alone', async () => {
    await migrate(db);
    await db.query('INSERT INTO schema_versions (version, name) VALUES (99, "future")');
    await assert.rejects(migrate(db), { name: 'CmdbError', message: new RegExp(`of version 99, and this fc-sync knows ${SCHEMA_VERSION}: upgrade fc-sync`) });
    await assert.rejects(readRows(db), { name: 'CmdbError', message: new RegExp(`of version 99, and this fc-sync reads ${SCHEMA_VERSION}: upgrade fc-sync`) });
  });

  it('does not ask what the database or the session are set to', async () => {
    await db.query(`ALTER DATABASE ${name} CHARACTER SET latin1 COLLATE latin1_swedish_ci`);
    await db.query("SET SESSION sql_mode = 'ANSI_QUOTES,ORACLE', default_storage_engine = MyISAM");
    await migrate(db);
    const tables = await db.query(
      'SELECT DISTINCT engine, table_collation FROM information_schema.tables WHERE table_schema = DATABASE()');
    assert.deepEqual(tables, [{ engine: 'InnoDB', table_collation: 'utf8mb4_bin' }]);
  });

  it('says what an account lacks that may not create tables', async () => {
    const admin = await server.open();
    await admin.query("CREATE USER IF NOT EXISTS reader@localhost");
    await admin.query(`GRANT SELECT ON ${name}.* TO reader@localhost`);
    admin.close();
    const reader = await Connection.open(server.address(name, { user: 'reader' }), undefined, 5_000);
    await assert.rejects(migrate(reader), { name: 'CmdbError', message: /CREATE command denied.*fc-sync migrate needs ALL on it/ });
    reader.close();
  });

  it('gives a working app its defaults: those the model knows', async () => {
    await migrate(db);
    await insertLeast();
    const rows = await readRows(db);
    const given = new Set(['hosts.name', 'hosts.address', 'apps.name', 'apps.image', 'apps.port', 'domains.fqdn', 'domains.app', 'placements.app', 'placements.host', 'apps.uid_base']);
    for (const table of ['hosts', 'apps', 'domains', 'placements'] as const) {
      const [row] = rows[table];
      assert.ok(row !== undefined);
      assert.deepEqual(Object.keys(row).sort(), TABLES[table].map((column) => column.name).sort());
      for (const column of TABLES[table]) {
        if (!given.has(`${table}.${column.name}`)) assert.equal(row[column.name], column.default, `${table}.${column.name}`);
      }
    }
    assert.deepEqual(rows.apps[0], {
      name: 'shop', image: 'shop:1', rootfs: null, command: null, port: '8080', env: null, volumes: null, network: 'egress',
      memory_max: '512M', cpu_quota: null, tasks_max: '512', idle_timeout_s: '300', lifetime_s: null,
      start_timeout_s: '30', stop_timeout_s: '10', ready_path: null, enabled: '1', socket: '0', waiting_page: null, uid_base: '1458700288',
    });
    assert.deepEqual(rows.hosts, [{ name: 'web1', address: '10.0.0.1', port: '8079', state: 'active' }]);
    assert.deepEqual(rows.placements, [{ app: 'shop', host: 'web1', weight: '100', listen_port: null }]);
  });

  it('keeps domains and placements of apps that exist only', async () => {
    await migrate(db);
    await insertLeast();
    await assert.rejects(db.query("INSERT INTO domains (fqdn, app) VALUES ('x.example.com', 'none')"), /foreign key constraint fails/);
    await assert.rejects(db.query("INSERT INTO placements (app, host) VALUES ('shop', 'none')"), /foreign key constraint fails/);
    await assert.rejects(db.query("DELETE FROM hosts WHERE name = 'web1'"), /foreign key constraint fails/);
    await db.query("UPDATE hosts SET name = 'web2'");
    await db.query("UPDATE apps SET name = 'store'");
    assert.deepEqual((await readRows(db)).placements, [{ app: 'store', host: 'web2', weight: '100', listen_port: null }]);
    await db.query('DELETE FROM apps');
    const rows = await readRows(db);
    assert.deepEqual([rows.domains, rows.placements], [[], []]);
  });
});

describe('change log', () => {
  let server: Mariadb;
  let db: Connection;
  before(async () => {
    ({ server, db } = await startCmdb());
  });
  after(async () => {
    db.close();
    await server.close();
  });

  /** What the log has of one statement, oldest first. */
  const logged = async (sql: string): Promise<string[]> => {
    const [mark] = await db.query('SELECT COALESCE(MAX(id), 0) AS id FROM changes');
    await db.query(sql);
    const rows = await db.query('SELECT tbl, name FROM changes WHERE id > ? ORDER BY id', [mark?.['id'] ?? '']);
    return rows.map((row) => `${row['tbl']} ${row['name']}`);
  };

  // In this order: each statement works on what those before it have left.
  const cases: readonly (readonly [sql: string, entries: readonly string[]])[] = [
    ["INSERT INTO hosts (name, address) VALUES ('web1', 'a'), ('web2', 'b')", ['hosts web1', 'hosts web2']],
    ["UPDATE hosts SET state = 'draining' WHERE name = 'web2'", ['hosts web2']],
    ["UPDATE hosts SET name = 'web3' WHERE name = 'web2'", ['hosts web3', 'hosts web2']],
    ["DELETE FROM hosts WHERE name = 'web3'", ['hosts web3']],
    ["INSERT INTO apps (name, image, port) VALUES ('a', 'x', 1), ('b', 'x', 1)", ['apps a', 'apps b']],
    ["UPDATE apps SET port = 2 WHERE name = 'a'", ['apps a']],
    ["INSERT INTO apps (name, image, port) VALUES ('a', 'x', 1) ON DUPLICATE KEY UPDATE port = 3", ['apps a']],
    ["INSERT INTO domains (fqdn, app) VALUES ('one.example', 'a')", ['domains a']],
    ["UPDATE domains SET fqdn = 'two.example' WHERE fqdn = 'one.example'", ['domains a']],
    ["UPDATE domains SET app = 'b' WHERE fqdn = 'two.example'", ['domains b', 'domains a']],
    ["DELETE FROM domains WHERE fqdn = 'two.example'", ['domains b']],
    ["INSERT INTO placements (app, host) VALUES ('a', 'web1'), ('b', 'web1')", ['placements a', 'placements b']],
    ["UPDATE placements SET weight = 1 WHERE app = 'a'", ['placements a']],
    ["DELETE FROM placements WHERE app = 'b'", ['placements b']],
    ["UPDATE placements SET app = 'b' WHERE app = 'a'", ['placements b', 'placements a']],
    ["INSERT INTO domains (fqdn, app) VALUES ('b.example', 'b')", ['domains b']],
    ["UPDATE apps SET name = 'c' WHERE name = 'b'", ['apps c', 'apps b']],
    ["UPDATE hosts SET name = 'web9' WHERE name = 'web1'", ['hosts web9', 'hosts web1']],
    ["DELETE FROM apps WHERE name = 'c'", ['apps c']],
    ["REPLACE INTO apps (name, image, port) VALUES ('a', 'y', 1)", ['apps a', 'apps a']],
    ["DELETE FROM apps", ['apps a']],
    ["DELETE FROM apps", []],
  ];
  for (const [sql, entries] of cases) {
    it(sql, async () => { assert.deepEqual(await logged(sql), entries); });
  }

  it('stays bounded: each entry takes an old one with it, and those it missed', async () => {
    const ids = async (): Promise<(string | null | undefined)[]> => (await db.query('SELECT id FROM changes ORDER BY id')).map((row) => row['id']);
    await db.query('DELETE FROM changes');
    await db.query("INSERT INTO changes (id, tbl, name) VALUES (999999, 'old', ''), (1000000, 'old', ''), (1000001, 'old', ''), (1000002, 'old', '')");
    await db.query('ALTER TABLE changes AUTO_INCREMENT = 1100800');
    await db.query("INSERT INTO apps (name, image, port) VALUES ('n1', 'x', 1)");
    assert.deepEqual(await ids(), ['999999', '1000001', '1000002', '1100800']);
    await db.query("UPDATE apps SET name = 'n2'");
    assert.deepEqual(await ids(), ['999999', '1000001', '1100800', '1100801', '1100802']);
    await db.query('ALTER TABLE changes AUTO_INCREMENT = 1201601');
    await db.query("DELETE FROM apps WHERE name = 'n2'");
    assert.deepEqual(await ids(), ['999999', '1100800', '1100802', '1201601']);
  });

  it('makes no transaction wait for another that touches other rows', async () => {
    await db.query("INSERT INTO apps (name, image, port) VALUES ('w1', 'x', 1), ('w2', 'x', 1)");
    await db.query('DELETE FROM changes');
    const [next] = await db.query("SELECT auto_increment AS id FROM information_schema.tables WHERE table_schema = 'fc' AND table_name = 'changes'");
    const from = Number(next?.['id']) - 100_800;
    // The old rows that the entries below are going to take with them.
    await db.query(`INSERT INTO changes (id, tbl, name) VALUES ${Array.from({ length: 40 }, (_, i) => `(${from + i - 10}, 'old', '')`).join(', ')}`);
    const [first, second] = [await server.open('fc'), await server.open('fc')];
    for (const connection of [first, second]) {
      await connection.query('SET SESSION innodb_lock_wait_timeout = 1');
      await connection.query('START TRANSACTION');
    }
    for (let i = 0; i < 8; i += 1) {
      await first.query("UPDATE apps SET port = port + 1 WHERE name = 'w1'");
      await second.query("UPDATE apps SET port = port + 1 WHERE name = 'w2'");
    }
    await second.query('COMMIT');
    await first.query('COMMIT');
    for (const connection of [first, second]) connection.close();
  });
});
