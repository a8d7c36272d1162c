/** What `fc-sync --watch` makes passes over. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Connection } from '../../src/cmdb/connection.ts';
import { CmdbHost } from '../support/cmdb-host.ts';
import { startCmdb, type Mariadb } from '../support/mariadb.ts';
import { until } from '../support/until.ts';

let server: Mariadb;
let db: Connection;
before(async () => {
  ({ server, db } = await startCmdb());
});
after(async () => {
  db.close();
  await server.close();
});

const addApp = (name: string): Promise<unknown> => db.query(`INSERT INTO apps (name, image, port) VALUES ('${name}', 'x', 1)`);

test('a changed row has a pass over its app, also when it changes while another pass is under way', async (t) => {
  const host = await CmdbHost.make(t);
  await addApp('a');
  host.watch(t, [server.address('fc')]);
  await host.untilHas('a');
  assert.deepEqual(host.about, ['everything']);
  await addApp('b');
  await host.untilHas('a b');
  assert.deepEqual(host.about, ['everything', 'b']);

  let release = (): void => undefined;
  host.held = new Promise((resolve) => { release = resolve; });
  host.passDue();
  await until(() => host.about.length === 3 || host.about.join(', '), { timeoutMs: 5_000, what: 'a pass over everything is under way' });
  await addApp('c');
  // Two looks at the change log: the pass over it waits for the one before.
  const queries = async (): Promise<number> => Number((await db.query("SHOW GLOBAL STATUS LIKE 'Com_select'"))[0]?.['Value']);
  const before = await queries();
  await until(async () => await queries() >= before + 9 || String(await queries() - before), { timeoutMs: 10_000, what: 'the change has been read' });
  release();
  await host.untilHas('a b c');
  assert.deepEqual(host.about, ['everything', 'b', 'everything', 'c']);

  await db.query("INSERT INTO hosts (name, address) VALUES ('web1', 'a')");
  await until(() => host.about.length === 5 || host.about.join(', '), { timeoutMs: 10_000, what: 'a pass follows the new host' });
  assert.equal(host.about.at(-1), 'everything');
});
