import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { follow, type Change } from '../../src/cmdb/changes.ts';
import { Connection } from '../../src/cmdb/connection.ts';
import { CmdbError } from '../../src/cmdb/error.ts';
import { migrate } from '../../src/cmdb/migrate.ts';
import { reach } from '../../src/cmdb/reach.ts';
import { readRows } from '../../src/cmdb/read.ts';
import { startMariadb, type Mariadb } from '../support/mariadb.ts';

/** What a follower says, in order; next() waits for what it says next, a second unless told otherwise. */
class Heard {
  readonly #said: string[] = [];
  readonly #more = new EventEmitter();

  say(text: string): void {
    this.#said.push(text);
    this.#more.emit('said');
  }

  async next(withinMs = 1_000): Promise<string> {
    const signal = AbortSignal.timeout(withinMs);
    while (this.#said.length === 0) {
      await once(this.#more, 'said', { signal }).catch(() => assert.fail(`nothing heard within ${withinMs} ms`));
    }
    return this.#said.shift() ?? '';
  }

  /** Nothing unheard. */
  assertSilent(): void {
    assert.deepEqual(this.#said, []);
  }
}

function text({ full, apps, hosts }: Change): string {
  return full ? 'everything' : [...[...apps].sort(), ...[...hosts].sort().map((host) => `host ${host}`)].join(' ');
}

describe('follow', () => {
  let server: Mariadb;
  let db: Connection;
  before(async () => {
    server = await startMariadb();
    const admin = await server.open();
    await admin.query('CREATE USER reader@localhost');
    await admin.query('GRANT SELECT ON fc.* TO reader@localhost');
    admin.close();
  });
  after(async () => { await server.close(); });
  beforeEach(async () => {
    await server.createDatabase('fc');
    db = await server.open('fc');
    await migrate(db);
  });
  afterEach(async () => {
    if (!db.alive) db = await server.open();
    await db.query('DROP DATABASE IF EXISTS fc');
    db.close();
  });

  /** A follower as the reader, ended with the test. */
  function start(t: TestContext, onChange: (change: Change, connection: Connection) => Promise<void> = () => Promise.resolve()): { readonly heard: Heard; readonly end: () => Promise<void> } {
    const heard = new Heard();
    const stop = new AbortController();
    const done = follow({
      reach: (use) => reach(server.config('fc', { user: 'reader' }), use),
      signal: stop.signal,
      onChange: async (change, connection) => {
        await onChange(change, connection);
        heard.say(text(change));
      },
      onLost: (error) => { heard.say(`lost: ${error.message}`); },
      onReturn: () => { heard.say('back'); },
      onMove: (address) => { heard.say(`follows ${address}`); },
    });
    const end = async (): Promise<void> => {
      stop.abort();
      await done;
    };
    t.after(end);
    return { heard, end };
  }

  const addApps = (...names: readonly string[]): Promise<unknown> =>
    db.query(`INSERT INTO apps (name, image, port) VALUES ${names.map((name) => `('${name}', 'x', 1)`).join(', ')}`);

  it('tells of everything first, then of each committed change within a second, as an account with SELECT only', async (t) => {
    await addApps('old');
    const { heard } = start(t);
    assert.equal(await heard.next(5_000), 'everything');
    for (let i = 0; i < 5; i += 1) {
      await addApps(`app${i}`);
      assert.equal(await heard.next(), `app${i}`);
    }
    await db.query("INSERT INTO hosts (name, address) VALUES ('web1', 'x')");
    assert.equal(await heard.next(), 'host web1');
    await db.query("UPDATE apps SET name = 'renamed' WHERE name = 'old'");
    assert.equal(await heard.next(), 'old renamed');
    heard.assertSilent();
  });

  it('gives what has been read in the change', async (t) => {
    let apps = '';
    const { heard } = start(t, async (_change, connection) => {
      apps = (await readRows(connection)).apps.map((row) => row['name']).join(' ');
    });
    await heard.next(5_000);
    await addApps('a', 'b');
    assert.equal(await heard.next(), 'a b');
    assert.equal(apps, 'a b');
  });

  it('says nothing of what is not committed', async (t) => {
    const { heard } = start(t);
    await heard.next(5_000);
    await db.query('START TRANSACTION');
    await addApps('undone');
    await db.query('ROLLBACK');
    await addApps('done');
    assert.equal(await heard.next(), 'done');
  });

  it('misses no transaction that commits after one with higher ids', async (t) => {
    const slow = await server.open('fc');
    const slower = await server.open('fc');
    t.after(() => { slow.close(); slower.close(); });
    for (const [connection, name] of [[slow, 'slow'], [slower, 'slower']] as const) {
      await connection.query('START TRANSACTION');
      await connection.query(`INSERT INTO apps (name, image, port) VALUES ('${name}', 'x', 1)`);
    }
    await addApps('fast1');
    // Under way since before the first look, with ids lower than all in the log.
    const { heard } = start(t);
    await heard.next(5_000);
    await addApps('fast2');
    assert.equal(await heard.next(), 'fast2');
    await slower.query('COMMIT');
    assert.equal(await heard.next(), 'slower');
    await addApps('fast3');
    assert.equal(await heard.next(), 'fast3');
    await slow.query('COMMIT');
    assert.equal(await heard.next(), 'slow');

    // Begun since.
    await slow.query('START TRANSACTION');
    await slow.query("UPDATE apps SET port = 2 WHERE name = 'slow'");
    await addApps('fast4');
    assert.equal(await heard.next(), 'fast4');
    await slow.query("UPDATE apps SET port = 3 WHERE name = 'slower'");
    await slow.query('COMMIT');
    assert.equal(await heard.next(), 'slow slower');
    heard.assertSilent();
  });

  it('takes a change of many rows in one', async (t) => {
    const { heard } = start(t);
    await heard.next(5_000);
    const names = Array.from({ length: 12_000 }, (_, i) => `n${String(i).padStart(5, '0')}`);
    await addApps(...names);
    assert.equal(await heard.next(3_000), names.join(' '));
    heard.assertSilent();
  });

  it('takes together what happens while a change is dealt with', async (t) => {
    const gate = new EventEmitter();
    let wait = false;
    const { heard } = start(t, async () => { if (wait) await once(gate, 'open'); });
    await heard.next(5_000);
    wait = true;
    await addApps('a');
    await db.query('DO SLEEP(0.8)'); // a poll and more: 'a' is being dealt with
    await addApps('b');
    await addApps('c');
    wait = false;
    gate.emit('open');
    assert.equal(await heard.next(), 'a');
    assert.equal(await heard.next(), 'b c');
  });

  it('asks at most two queries a second when nothing happens', async (t) => {
    const { heard } = start(t);
    await heard.next(5_000);
    const questions = async (): Promise<number> => Number((await db.query("SHOW GLOBAL STATUS LIKE 'Questions'"))[0]?.['Value']);
    const first = await questions();
    const begun = performance.now();
    await db.query('DO SLEEP(6)');
    const asked = await questions() - first - 2; // the SLEEP and the second SHOW
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(asked <= 2 * seconds, `${asked} queries in ${seconds.toFixed(2)} s`);
    assert.ok(asked >= 1.5 * seconds, `it has been following: ${asked} queries in ${seconds.toFixed(2)} s`);
  });

  it('tells of everything when the log is another one', async (t) => {
    await addApps('a', 'b');
    const { heard } = start(t);
    await heard.next(5_000);
    await db.query('DELETE FROM changes');
    assert.equal(await heard.next(), 'everything');
    await addApps('c');
    assert.equal(await heard.next(), 'c');
  });

  it('tells of the loss once, of the return, and then of everything', async (t) => {
    const { heard } = start(t);
    assert.equal(await heard.next(5_000), 'everything');
    await server.stop();
    // The connection breaks, or says why first; then the server is not there, as often as it is tried.
    const lost = [await heard.next(3_000), await heard.next(5_000)];
    assert.match(lost[0] ?? '', /^lost: .*(lost the connection|shutdown)/);
    assert.match(lost[1] ?? '', /^lost: the CMDB cannot be used: .*(ENOENT|ECONNREFUSED)/);
    await server.start();
    assert.equal(await heard.next(10_000), 'everything');
    assert.equal(await heard.next(), 'back');
    db = await server.open('fc');
    await addApps('after');
    assert.equal(await heard.next(), 'after');
    heard.assertSilent();
  });

  it('says what a server lacks that came back empty, and is well when it is mended', async (t) => {
    const { heard } = start(t);
    assert.equal(await heard.next(5_000), 'everything');
    await server.emptied();
    let said = '';
    for (const deadline = performance.now() + 10_000; performance.now() < deadline && !/Access denied|Unknown database/.test(said);) said = await heard.next(8_000);
    assert.match(said, /^lost: the CMDB cannot be used: reader@.*(Access denied|Unknown database)/);
    const admin = await server.open();
    await admin.query('CREATE USER reader@localhost');
    await admin.query('CREATE DATABASE fc');
    await admin.query('GRANT SELECT ON fc.* TO reader@localhost');
    admin.close();
    assert.match(await heard.next(10_000), /^lost: .*changes' doesn't exist \(run fc-sync migrate\)$/);
    db = await server.open('fc');
    await migrate(db);
    assert.equal(await heard.next(10_000), 'everything');
    assert.equal(await heard.next(), 'back');
  });

  it('repeats what failed for want of the database, and ends with any other failure', async (t) => {
    let failures = 2;
    const { heard } = start(t, () => (failures-- > 0 ? Promise.reject(new CmdbError('no such schema')) : Promise.resolve()));
    assert.equal(await heard.next(5_000), 'lost: the CMDB cannot be used: no such schema');
    assert.equal(await heard.next(5_000), 'everything');
    assert.equal(await heard.next(), 'back');

    await assert.rejects(follow({
      reach: (use) => reach(server.config('fc'), use),
      signal: new AbortController().signal,
      onChange: () => Promise.reject(new TypeError('a bug')),
      onLost: () => undefined,
      onReturn: () => undefined,
      onMove: () => undefined,
    }), { name: 'TypeError', message: 'a bug' });
  });

  it('ends at once when told to, whatever it waits for', async (t) => {
    const { heard, end } = start(t);
    await heard.next(5_000);
    const begun = performance.now();
    await end();
    const frozen = await server.open('fc');
    await db.query('LOCK TABLES changes WRITE');
    const stop = new AbortController();
    const reached = new EventEmitter();
    const waiting = follow({
      reach: async (use) => {
        setImmediate(() => reached.emit('reached'));
        return { connection: frozen, first: true, value: await use(frozen, false), passedOver: [] };
      },
      signal: stop.signal,
      onChange: () => assert.fail('the log is locked'),
      onLost: (error) => { assert.fail(error); },
      onReturn: () => undefined,
      onMove: () => undefined,
    });
    await once(reached, 'reached');
    stop.abort();
    await waiting;
    await db.query('UNLOCK TABLES');
    assert.ok(performance.now() - begun < 1_500);
  });
});
