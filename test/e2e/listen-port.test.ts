/** Apps that do not speak HTTP: they sleep and wake behind a TCP port of their host. fc-sync --watch runs as its unit. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppRow, bootHost, type TestHost } from '../support/host.ts';
import { TcpClient } from '../support/tcp.ts';
import { asleep, containerOf, instanceOf, uidBase } from '../support/units.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('listen', { sync: 'watch' });
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Adds an app that speaks lines (test/apps/tcp.mjs), without a domain, at `port` of the host. */
async function addTcpApp(name: string, port: number | null, { env = {}, ...row }: Readonly<Record<string, unknown>> & AppRow = {}): Promise<void> {
  await host.addApp(name, { command: ['/usr/bin/node', '/tcp.mjs'], idle_timeout_s: 2, ...row, env: { APP_NAME: name, ...(env as Record<string, string>) } }, []);
  if (port !== null) await setPort(name, port);
}

async function setPort(app: string, port: number | null): Promise<void> {
  await host.sql(`UPDATE placements SET listen_port = ${port ?? 'NULL'} WHERE app = '${app}'`);
}

const listens = async (port: number): Promise<boolean> => (await host.ok(`ss -Hltn 'sport = :${port}'`)) !== '';
const opens = (port: number): Promise<void> => host.until(async () => (await listens(port)) || 'closed', { timeoutMs: 15_000, what: `port ${port} opens` });
const closes = (port: number): Promise<void> => host.until(async () => !(await listens(port)) || 'open', { timeoutMs: 20_000, what: `port ${port} closes` });

/** Who answers there: `mail v1`. @throws Error when nobody does */
async function whoAnswers(port: number): Promise<string> {
  const client = await TcpClient.to(host.address, port);
  try {
    return nameIn(await client.line());
  } finally {
    client.close();
  }
}

/** Waits until connections to an open port are closed without a word. */
async function leadsNowhere(port: number): Promise<void> {
  await host.until(async () => {
    const client = await TcpClient.to(host.address, port);
    try {
      return nameIn(await client.line());
    } catch (error) {
      return /the other side closed the connection/.test(String(error)) || String(error);
    } finally {
      client.close();
    }
  }, { timeoutMs: 10_000, what: `port ${port} leads nowhere` });
}

function nameIn(banner: string): string {
  return /^220 (\S+ \S+) run \S+ ready$/.exec(banner)?.[1] ?? banner;
}

/** Generations of an app that have not ended: unit files alone are nothing. */
async function generationsOf(app: string): Promise<readonly string[]> {
  return (await host.ok(`ls -1 /var/lib/fastcontainer/net | sed -n 's/^${app}-//p'`)).split('\n').filter((name) => name !== '');
}

async function startsOf(app: string): Promise<number> {
  return (await host.journal(`fc-ctr-${app}-*`)).filter(({ message }) => message.startsWith(`Started fc-ctr-${app}-`)).length;
}

describe('an app at a port of its host', () => {
  test('answers from its sleep, over IPv4 and IPv6, and speaks first', async (t) => {
    await addTcpApp('mail', 2525);
    await opens(2525);
    assert.equal(await startsOf('mail'), 0, 'nothing is started before somebody connects');
    const began = performance.now();
    assert.equal(await whoAnswers(2525), 'mail -');
    t.diagnostic(`first byte of a sleeping app after ${Math.round(performance.now() - began)} ms`);
    const warm = performance.now();
    assert.equal(await whoAnswers(2525), 'mail -');
    t.diagnostic(`and of an awake one after ${Math.round(performance.now() - warm)} ms`);
    await asleep(host, 'mail');
    const banner = await host.ok("node -e \"require('net').connect(2525, '::1').once('data', (data) => { process.stdout.write(data); process.exit(); })\"");
    assert.match(banner, /^220 mail /);
  });

  test('stays awake as long as a connection is open, also without a byte; asleep after the last one', async (t) => {
    const [silent, other] = [await TcpClient.to(host.address, 2525), await TcpClient.to(host.address, 2525)];
    const banner = await silent.line();
    await other.line();
    other.close();
    const unit = await containerOf(host, 'mail');
    // Three times its idle time: what is shown is that nothing happens.
    await sleep(6_000);
    assert.equal(await host.state(unit), 'active');
    assert.match(await host.ok("ss -Htno state established 'sport = :2525'"), /timer:\(keepalive,/, 'a client that went without a word would be missed');
    assert.equal(await silent.ask('ECHO still there'), 'still there');
    silent.close();
    const began = performance.now();
    await asleep(host, 'mail');
    t.diagnostic(`asleep ${((performance.now() - began) / 1000).toFixed(1)} s after the last connection, idle time 2 s`);
    const next = await TcpClient.to(host.address, 2525);
    assert.notEqual(await next.line(), banner, 'a fresh run');
    next.close();
  });

  test('takes a crowd while it sleeps, with one start', async (t) => {
    await asleep(host, 'mail');
    const before = await startsOf('mail');
    const began = performance.now();
    const clients = await Promise.all(Array.from({ length: 600 }, () => TcpClient.to(host.address, 2525)));
    const banners = new Set(await Promise.all(clients.map((client) => client.line())));
    assert.equal(banners.size, 1);
    assert.deepEqual(await Promise.all(clients.map((client, n) => client.ask(`ECHO ${n}`))), clients.map((_, n) => String(n)));
    t.diagnostic(`600 clients at once, all open: ${Math.round(performance.now() - began)} ms`);
    for (const client of clients) client.close();
    assert.equal(await startsOf('mail') - before, 1);
  });
});

test('generation switches under load: no connection refused, none lost, and old generations end meanwhile', { timeout: 120_000 }, async (t) => {
  await addTcpApp('busy', 2600, { env: { APP_VERSION: 'v0' } });
  await opens(2600);
  const failures: string[] = [];
  const seen = new Map<string, number>();
  const pending = new Set<Promise<void>>();
  const one = async (): Promise<void> => {
    const client = await TcpClient.to(host.address, 2600);
    try {
      const name = nameIn(await client.line());
      if (await client.ask('ECHO x y') !== 'x y') throw new Error('another echo');
      client.say('BYTES 20000');
      const bytes = await client.bytes(20_000);
      for (let n = 0; n < bytes.length; n++) if (bytes.charCodeAt(n) !== n % 251) throw new Error(`byte ${n}`);
      await client.line();
      if (await client.ask('QUIT') !== '221 bye') throw new Error('no goodbye');
      await client.ended();
      seen.set(name, (seen.get(name) ?? 0) + 1);
    } finally {
      client.close();
    }
  };
  // An open loop: a new connection every 25 ms, whatever becomes of those before.
  const timer = setInterval(() => {
    const connection: Promise<void> = one().catch((error: unknown) => { failures.push(String(error)); }).finally(() => { pending.delete(connection); });
    pending.add(connection);
  }, 25);
  const long = await TcpClient.to(host.address, 2600);
  const first = nameIn(await long.line());
  const firstGeneration = (await instanceOf(host, 'busy')).slice('busy-'.length);
  const began = performance.now();
  try {
    for (let n = 1; n <= 6; n++) {
      await host.sql(`UPDATE apps SET env = JSON_OBJECT('APP_NAME', 'busy', 'APP_VERSION', 'v${n}') WHERE name = 'busy'`);
      await host.until(async () => {
        const name = await whoAnswers(2600);
        return name === `busy v${n}` || name;
      }, { timeoutMs: 15_000, what: `v${n} answers` });
      assert.equal(await long.ask('ECHO across'), 'across', 'the connection of before stays');
    }
    const current = (await instanceOf(host, 'busy')).slice('busy-'.length);
    await host.until(async () => {
      const left = await generationsOf('busy');
      return left.length === 2 || left.join(' ');
    }, { timeoutMs: 20_000, what: 'all old generations but the one with a connection have ended, under load' });
    assert.deepEqual([...await generationsOf('busy')].sort(), [firstGeneration, current].sort());
    assert.equal(await long.ask('ENV APP_VERSION'), 'v0');
    long.close();
    await host.until(async () => (await generationsOf('busy')).length === 1 || 'two', { timeoutMs: 20_000, what: 'and that one, once it has ended' });
  } finally {
    clearInterval(timer);
    long.close();
  }
  await Promise.all(pending);
  const count = [...seen.values()].reduce((sum, n) => sum + n, 0);
  t.diagnostic(`${count} connections in ${Math.round((performance.now() - began) / 1000)} s over 6 switches (${[...seen].map(([name, n]) => `${name}: ${n}`).join(', ')}), ${failures.length} failed`);
  assert.deepEqual(failures, []);
  assert.equal(first, 'busy v0');
  assert.ok(count >= 200, `${count} connections`);
  assert.equal(seen.size, 7, 'each generation served some');
});

describe('a changed listen_port', () => {
  test('makes no new generation; the new port opens, the old one closes once its connection has ended', async () => {
    const before = await instanceOf(host, 'mail');
    const open = await TcpClient.to(host.address, 2525);
    await open.line();
    await setPort('mail', 2526);
    await opens(2526);
    assert.equal(await whoAnswers(2526), 'mail -');
    assert.equal(await instanceOf(host, 'mail'), before);
    assert.equal(await open.ask('ECHO on the old port'), 'on the old port');
    await leadsNowhere(2525);
    open.close();
    await closes(2525);
    assert.equal(await host.ok("systemctl list-units --all --no-legend 'fc-port@2525*'; find /etc/systemd/system /var/lib/fastcontainer -name '*2525*'"), '');
  });

  test('moves a port to another app in one transaction without closing it, while a connection is open', async () => {
    await addTcpApp('post', null);
    const open = await TcpClient.to(host.address, 2526);
    await open.line();
    await host.sql("START TRANSACTION; UPDATE placements SET listen_port = NULL WHERE app = 'mail'; UPDATE placements SET listen_port = 2526 WHERE app = 'post'; COMMIT");
    const answers: string[] = [];
    await host.until(async () => {
      answers.push(await whoAnswers(2526));
      return answers.at(-1) === 'post -' || `${answers.at(-1)} answers`;
    }, { timeoutMs: 10_000, what: 'the other app answers' });
    assert.deepEqual([...new Set(answers)], ['mail -', 'post -'].slice(answers.length === 1 ? 1 : 0), 'every connection was answered, by one or the other');
    assert.equal(await open.ask('ECHO mine'), 'mine');
    assert.match(await open.ask('ENV APP_NAME'), /^mail$/);
    open.close();
    await setPort('mail', 2525);
    await opens(2525);
    assert.equal(await whoAnswers(2525), 'mail -');
  });

  test('cannot be claimed twice: the database refuses', async () => {
    await assert.rejects(setPort('mail', 2526), /Duplicate entry 'web1-2526' for key 'placements_listen_port'/);
  });

  test('of which another program has the port is told, and opens once that has gone', async () => {
    await host.ok("systemd-run --quiet --unit=squatter --property=RuntimeMaxSec=120 node -e \"require('net').createServer().listen(2700, '127.0.0.1')\"");
    await host.until(async () => (await listens(2700)) || 'not yet', { timeoutMs: 5_000, what: 'the other program listens' });
    await addTcpApp('late', 2700);
    await host.until(async () => (await host.journal('fc-sync-watch.service')).some(({ message }) => /late: its port 2700 \(listen_port\) could not be opened: another program of this host listens on it/.test(message)) || 'nothing said', { timeoutMs: 15_000, what: 'it is told' });
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, /^! late: its port 2700 \(listen_port\) could not be opened: another program of this host listens on it \(ss -ltnp 'sport = :2700' names it\); it opens once that has gone$/m);
    assert.equal(await whoAnswers(2525), 'mail -', 'the others are open');
    await host.ok('systemctl stop squatter');
    await opens(2700);
    assert.equal(await whoAnswers(2700), 'late -');
    assert.equal((await host.sync()).code, 0);
  });

  test('that somebody has stopped is opened again', async () => {
    await host.until(async () => (await host.state('fc-port@2700.service')) === 'inactive' || 'it runs', { timeoutMs: 15_000, what: 'the door is idle' });
    await host.ok('systemctl stop fc-port@2700.socket');
    assert.equal(await listens(2700), false);
    await opens(2700);
    assert.equal(await whoAnswers(2700), 'late -');
  });

  test('is named by --dry-run, for people and as JSON', async () => {
    await host.ok('systemctl stop fc-sync-watch');
    await setPort('late', 2701);
    const { stdout } = await host.sync('--dry-run');
    assert.match(stdout, /^- port 2700: leads to late no more, and closes/m);
    assert.match(stdout, /^\+ port 2701: opens, leads to late$/m);
    const report = JSON.parse((await host.sync('--dry-run', '--json')).stdout) as { ports: { opened: unknown; closed: { port: number; app: string }[] } };
    assert.deepEqual(report.ports.opened, [{ port: 2701, app: 'late' }]);
    assert.deepEqual(report.ports.closed.map(({ port, app }) => [port, app]), [[2700, 'late']]);
    await host.ok('systemctl start fc-sync-watch');
    await opens(2701);
    await closes(2700);
  });
});

test('a start that fails closes the connection promptly, and the port stays open for the next try', async (t) => {
  await addTcpApp('broken', 2800, { env: { EXIT_AT_START: '3' } });
  await opens(2800);
  const began = performance.now();
  const client = await TcpClient.to(host.address, 2800);
  assert.equal(await client.ended(), '');
  // The client's own patience (20 s) is shorter than the app's start_timeout_s.
  t.diagnostic(`closed after ${Math.round(performance.now() - began)} ms`);
  await host.sql("UPDATE apps SET env = JSON_OBJECT('APP_NAME', 'broken', 'APP_VERSION', 'mended') WHERE name = 'broken'");
  await host.until(async () => {
    const name = await whoAnswers(2800);
    return name === 'broken mended' || name;
  }, { timeoutMs: 15_000, what: 'the mended app answers' });
});

test('after a reboot with the database down, and fc-sync too, every port is open and leads to its app', async () => {
  await host.ok('systemctl disable --quiet mariadb fc-sync-watch');
  // Said at boot before there is a journal, and depending on chance: systemd leaves out a job where units wait for each other in a circle.
  assert.equal(await host.ok('systemd-analyze verify multi-user.target 2>&1'), '');
  await host.reboot();
  assert.equal(await host.state('mariadb'), 'inactive');
  for (const [port, name] of [[2525, 'mail -'], [2526, 'post -'], [2600, 'busy v6'], [2701, 'late -']] as const) assert.equal(await whoAnswers(port), name);
  // What fc-sync does there without the database: it finds nothing to mend.
  await host.ok('systemctl stop fc-port@2600.socket fc-port@2600.service; rm /var/lib/fastcontainer/ports/2701');
  assert.equal((await host.sync()).code, 3);
  assert.equal(await whoAnswers(2600), 'busy v6');
  await host.ok('systemctl enable --quiet --now mariadb fc-sync-watch');
  await host.until(async () => (await whoAnswers(2701)) === 'late -' || 'another', { timeoutMs: 15_000, what: 'a link that was lost is made again' });
});

test('a database server as Debian has it sleeps and wakes, keeps what it was told, and is not stopped in a query', async () => {
  const [tree, data] = ['/srv/fastcontainer/mariadb', '/srv/fastcontainer/mariadb-data'];
  await host.ok(`
    mkdir -p ${tree}/{usr/sbin,usr/lib,usr/lib64,usr/share,etc,tmp,proc,sys,dev,run,data}; chmod 1777 ${tree}/tmp
    for folder in lib lib64; do ln -s usr/$folder ${tree}/$folder; done
    cp -a /usr/sbin/mariadbd ${tree}/usr/sbin/; cp -a $(ls -d /usr/share/mysql /usr/share/mariadb 2>/dev/null) ${tree}/usr/share/
    ldd /usr/sbin/mariadbd | grep -o '/[^ ]*' | while read -r file; do cp --parents -L "$file" ${tree}; done
    echo root:x:0:0:root:/:/bin/false > ${tree}/etc/passwd
    mariadb-install-db --no-defaults --user=root --datadir=${data} --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/dev/null`, { timeoutMs: 60_000 });
  await addTcpApp('db', 3307, {
    rootfs: tree, volumes: [`${data}:/data`], port: 3306,
    command: ['/usr/sbin/mariadbd', '--no-defaults', '--user=root', '--datadir=/data', '--socket=/tmp/db.sock', '--bind-address=0.0.0.0', '--skip-name-resolve', '--innodb-buffer-pool-size=16M', '--innodb-log-file-size=8M', '--skip-log-bin'],
  });
  await host.ok(`/usr/lib/fastcontainer/libexec/fc-own ${await uidBase(host, 'db')} ${data}`);
  await opens(3307);
  const query = async (sql: string): Promise<string> => (await host.ok(`mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port=3307 --user=root --skip-column-names --batch -e "${sql}"`, { timeoutMs: 60_000 })).trim();
  await query('CREATE DATABASE kept; CREATE TABLE kept.t (n INT); INSERT INTO kept.t VALUES (42)');
  await asleep(host, 'db');
  assert.equal(await query('SELECT n FROM kept.t'), '42');
  const starts = await startsOf('db');
  // Three times its idle time, in one query.
  assert.equal(await query('SELECT SLEEP(6), n FROM kept.t'), '0\t42');
  assert.equal(await startsOf('db'), starts);
  await asleep(host, 'db');
});

describe('an app that goes', () => {
  test('by enabled = 0 takes its port with it, lets connections finish, and brings it back', async () => {
    const open = await TcpClient.to(host.address, 2526);
    await open.line();
    await host.sql("UPDATE apps SET enabled = 0 WHERE name = 'post'");
    await leadsNowhere(2526);
    assert.equal(await open.ask('ECHO to the end'), 'to the end');
    open.close();
    await closes(2526);
    await assert.rejects(TcpClient.to(host.address, 2526), { code: 'ECONNREFUSED' });
    await host.sql("UPDATE apps SET enabled = 1 WHERE name = 'post'");
    await opens(2526);
    assert.equal(await whoAnswers(2526), 'post -');
  });

  test('for good leaves nothing of it', async () => {
    await host.sql("DELETE FROM apps WHERE name IN ('post', 'late', 'broken')");
    for (const port of [2526, 2701, 2800]) await closes(port);
    await host.until(async () => (await generationsOf('post')).length === 0 || 'its files are there', { timeoutMs: 20_000, what: 'post is gone' });
    // Not --all: fc-apps.target remembers what it wanted at boot until somebody reloads systemd.
    assert.equal(await host.ok("systemctl list-units --no-legend 'fc-port@2526*' 'fc-port@2701*' 'fc-port@2800*'; ls /etc/systemd/system/fc-apps.target.wants /var/lib/fastcontainer/ports | grep -E '2526|2701|2800' || true"), '');
    assert.equal(await whoAnswers(2525), 'mail -');
  });
});

test('the journal holds no line nobody expected', async () => {
  await host.assertQuiet([
    // fc-sync follows the CMDB before the harness has put the host's row there.
    /^fc-sync-watch\.service: rejected: hosts 'web1', column name: .*no row has it/,
    /^fc-sync-watch\.service: late: its port 2700 /,
    // The app that does not start, and who waited for it.
    /^fc-(?:ctr|app)-broken-.*(?:Failed with result 'exit-code'|Failed to start|Dependency failed|Control process exited)/,
    // Connections to a port that leads nowhere any more, or to an app that has just refused.
    /^fc-port@[0-9]+\.service: Failed to connect to remote host: (?:No such file or directory|Connection refused)/,
    // The test boots without the database.
    /^fc-sync/,
  ]);
});
