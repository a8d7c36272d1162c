/** Two databases, a primary and its replica, as fc-sync --watch sees them on a real host. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';

const REPLICA = '/var/lib/mysql-replica';

let host: TestHost;

before(async () => {
  host = await bootHost('cmdb', { sync: 'watch' });
  // The replica begins as a copy: with the same accounts, and all that the primary has logged since still to come.
  await host.ok(`
    systemctl stop fc-sync-watch mariadb
    cp -a /var/lib/mysql ${REPLICA}
    printf '[mariadbd]\\nlog-bin = binlog\\nserver-id = 1\\n' > /etc/mysql/mariadb.conf.d/99-primary.cnf
    systemctl start mariadb
    systemd-run --quiet --unit=mariadb-replica --property=Type=notify mariadbd --no-defaults --user=mysql --datadir=${REPLICA} \
      --socket=${REPLICA}/mysqld.sock --pid-file=${REPLICA}/mysqld.pid --bind-address=127.0.0.1 --port=3307 --server-id=2
    mariadb -e "CREATE USER replica IDENTIFIED BY 'replica'; GRANT REPLICATION SLAVE ON *.* TO replica"
    mariadb -S ${REPLICA}/mysqld.sock -e "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_USER = 'replica', MASTER_PASSWORD = 'replica', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1; START SLAVE"
    sed -i 's#^url = \\(.*\\)#url = \\1, mysql://fc@localhost/fastcontainer?socketPath=${REPLICA}/mysqld.sock#' /etc/fastcontainer/fastcontainer.ini
    systemctl start fc-sync-watch
  `, { timeoutMs: 120_000 });
}, { timeout: 300_000 });

after(async () => {
  await host.kill();
});

const untilVersion = async (version: string): Promise<void> => {
  await host.until(async () => {
    const { status, body } = await host.request('shop.test', '/');
    return (status === 200 && body.includes(` ${version}\n`)) || `${status} ${body.slice(0, 80)}`;
  }, { timeoutMs: 30_000, what: `shop.test is ${version}` });
};

const setVersion = (version: string): string => `UPDATE apps SET env = JSON_OBJECT('APP_VERSION', '${version}') WHERE name = 'shop'`;

const onReplica = (statement: string): Promise<string> => host.ok(`mariadb -S ${REPLICA}/mysqld.sock -N fastcontainer <<'SQL'
${statement}
SQL`);

test('a row that is changed in the second takes effect when the first is stopped, and the first is not believed when it is back without it', async (t) => {
  await host.addApp('shop', { env: { APP_VERSION: 'v1' } });
  await untilVersion('v1');
  await host.until(async () => (await onReplica("SELECT COUNT(*) FROM placements WHERE app = 'shop'")).trim() === '1' || 'not yet', { timeoutMs: 10_000, what: 'the replica has the app' });

  await host.ok('systemctl stop mariadb');
  const began = performance.now();
  await onReplica(setVersion('v2'));
  await untilVersion('v2');
  t.diagnostic(`${Math.round(performance.now() - began)} ms from the change in the second database to its effect, the first just stopped`);

  await host.ok('systemctl start mariadb');
  const run = await host.sync();
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /^warning: passed over an address of the CMDB error=.*mysqld\/mysqld\.sock\/fastcontainer: is behind: it has change [0-9]+ and lacks change [0-9]+/);
  await untilVersion('v2');

  // Nobody but the one that is behind: refused, with the way out, and nothing is changed.
  await host.ok('systemctl stop mariadb-replica');
  const refused = await host.sync();
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /is behind.*fc-sync --accept-older/);
  await untilVersion('v2');
  const accepted = await host.sync('--accept-older');
  assert.equal(accepted.code, 0, accepted.stderr);
  await untilVersion('v1');
  await host.sql(setVersion('v3'));
  await untilVersion('v3');
});

test('the journal of our units has no line that nobody expected', async () => {
  await host.assertQuiet([
    // Between its provisioning and its row.
    /^fc-sync-watch\.service: rejected: hosts 'web1', column name: .*no row has it/,
    /^fc-sync-watch\.service: the CMDB is lost; what serves goes on serving /,
    /^fc-sync-watch\.service: follows another address of the CMDB /,
  ]);
});
