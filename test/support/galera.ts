/** A Galera cluster of three MariaDB servers on loopback. */
import { freePort, startMariadb, type Mariadb } from './mariadb.ts';
import { until } from './until.ts';

const PROVIDER = '/usr/lib/galera/libgalera_smm.so';
/** Shorter than by default, so that a test need not wait for them; longer than a busy machine makes a node wait. */
const TIMEOUTS = 'evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT6S;evs.inactive_check_period=PT0.5S;evs.install_timeout=PT6S';

/** @returns the nodes, all in one primary component; close() each */
export async function startGalera(): Promise<readonly [Mariadb, Mariadb, Mariadb]> {
  const nodes: Mariadb[] = [];
  try {
    const peer = await freePort();
    const first = await startNode('one', peer, 'gcomm://');
    nodes.push(first);
    // They get the data from the first, one after the other: a node can be the donor of one at a time.
    const second = await startNode('two', await freePort(), `gcomm://127.0.0.1:${peer}`);
    nodes.push(second);
    const third = await startNode('three', await freePort(), `gcomm://127.0.0.1:${peer}`);
    nodes.push(third);
    await untilStatus(first, 'wsrep_cluster_size', '3');
    for (const node of nodes) await untilStatus(node, 'wsrep_ready', 'ON');
    return [first, second, third];
  } catch (error) {
    for (const node of nodes) await node.close();
    throw error;
  }
}

async function startNode(name: string, peer: number, cluster: string): Promise<Mariadb> {
  const [incremental, transfer] = [await freePort(), await freePort()];
  return await startMariadb({
    // As root, the rsync that brings the data would become nobody.
    user: 'mysql',
    args: [
      '--wsrep-on=ON', `--wsrep-provider=${PROVIDER}`, '--binlog-format=ROW', '--innodb-autoinc-lock-mode=2', `--wsrep-cluster-address=${cluster}`,
      `--wsrep-node-name=${name}`, `--wsrep-node-address=127.0.0.1:${peer}`, '--wsrep-sst-method=rsync', `--wsrep-sst-receive-address=127.0.0.1:${transfer}`,
      `--wsrep-provider-options=base_port=${peer};gmcast.listen_addr=tcp://127.0.0.1:${peer};ist.recv_addr=127.0.0.1:${incremental};gcache.size=8M;${TIMEOUTS}`,
    ],
  });
}

/** Waits for what SHOW STATUS says. */
export async function untilStatus(node: Mariadb, name: string, value: string): Promise<void> {
  const connection = await node.open();
  try {
    await until(async () => {
      const [row] = await connection.query(`SHOW STATUS LIKE '${name}'`);
      return row?.['Value'] === value || `it is ${row?.['Value']}`;
    }, { timeoutMs: 30_000, what: `${name} is ${value}` });
  } finally {
    connection.close();
  }
}
