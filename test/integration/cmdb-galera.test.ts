/** The nodes of a Galera cluster: one is cut off, one is killed, and the last goes on alone. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { migrate } from '../../src/cmdb/migrate.ts';
import { CmdbHost } from '../support/cmdb-host.ts';
import { startGalera, untilStatus } from '../support/galera.ts';
import type { Mariadb } from '../support/mariadb.ts';
import { until } from '../support/until.ts';

async function ask(node: Mariadb, sql: string): Promise<readonly Readonly<Record<string, string | null>>[]> {
  const connection = await node.open('fc');
  try {
    return await connection.query(sql);
  } finally {
    connection.close();
  }
}

const addApp = (node: Mariadb, name: string): Promise<unknown> => ask(node, `INSERT INTO apps (name, image, port) VALUES ('${name}', 'x', 1)`);

// In this order: each test goes on from where the one before has left the cluster.
describe('a Galera cluster', () => {
  let one: Mariadb;
  let two: Mariadb;
  let three: Mariadb;
  before(async () => {
    [one, two, three] = await startGalera();
    await one.createDatabase('fc');
    const connection = await one.open('fc');
    await migrate(connection);
    connection.close();
  });
  after(async () => { await Promise.all([one, two, three].map((node) => node.kill().then(() => node.close()))); });

  it('has one history, whichever node is written to', async (t) => {
    const host = await CmdbHost.make(t);
    for (const [i, node] of [one, two, three].entries()) {
      await addApp(node, `a${i}`);
      // The node that was written to has it at once, the others as soon as they have applied it.
      await host.sync([node.address('fc')]);
      const log = 'SELECT id, stamp FROM changes ORDER BY id';
      const has = JSON.stringify(await ask(node, log));
      for (const other of [one, two, three]) {
        await until(async () => JSON.stringify(await ask(other, log)) === has || 'it has not', { timeoutMs: 10_000, what: 'another node has the same log' });
        assert.equal(await host.sync([other.address('fc')]), host.has);
      }
    }
    assert.equal(host.has, 'a0 a1 a2');
  });

  it('goes on without a node that is cut off and refuses queries, and without one that is killed; a last node that stays alone is lost until it is told to go on', async (t) => {
    const [once, watching] = [await CmdbHost.make(t), await CmdbHost.make(t)];
    const addresses = [three, two, one].map((node) => node.address('fc'));
    watching.watch(t, addresses);
    await watching.untilHas('a0 a1 a2');

    await ask(three, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
    await untilStatus(three, 'wsrep_cluster_status', 'non-Primary');
    for (const node of [one, two]) await untilStatus(node, 'wsrep_cluster_size', '2');
    for (const node of [one, two]) await untilStatus(node, 'wsrep_ready', 'ON');
    await addApp(one, 'b');
    await watching.untilHas('a0 a1 a2 b');
    assert.match(watching.said.join('\n'), new RegExp(`the CMDB is lost.*WSREP has not yet prepared node[\\s\\S]*follows another address of the CMDB address=${addressPattern(two)}`));
    assert.equal(await once.sync(addresses), 'a0 a1 a2 b');
    assert.match(once.said.join('\n'), /passed over an address.*WSREP has not yet prepared node.* \(is it a node that has lost its cluster\? see SHOW STATUS/);

    await two.kill();
    await untilStatus(one, 'wsrep_cluster_status', 'non-Primary');
    await watching.untilSays(/the CMDB is lost.*(ECONNREFUSED|ENOENT).*WSREP has not yet prepared node/);
    assert.match(await once.refusal(addresses), /^the CMDB cannot be used: .*WSREP.*; .*(ECONNREFUSED|ENOENT).*; .*WSREP/);

    await ask(one, "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'");
    await untilStatus(one, 'wsrep_ready', 'ON');
    await addApp(one, 'c');
    await watching.untilHas('a0 a1 a2 b c', 20_000);
    assert.deepEqual(watching.applied, ['a0 a1 a2', 'a0 a1 a2 b', 'a0 a1 a2 b c']);
    assert.equal(await once.sync(addresses), 'a0 a1 a2 b c');
  });
});

function addressPattern({ socketPath }: Mariadb): string {
  return `root@${socketPath}/fc`;
}
