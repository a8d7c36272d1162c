/** fc-sync on a real host: what it applies, refuses, says, and does when the database is away. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('sync');
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

const generated = async (): Promise<readonly string[]> =>
  (await host.ok("cd /etc/systemd/system && ls -1 | grep -E '^fc-(app|ctr)-' || true")).split('\n').filter((line) => line !== '');

/** Everything fc-sync keeps or makes on a host, with content hashes; but for what says when it ran, and what fc-admin counts. */
const fingerprint = async (): Promise<string> =>
  await host.ok("cd / && find etc/systemd/system run/fastcontainer var/lib/fastcontainer ! -type d ! -name '*.pid' ! -name 'sync.lock' ! -name 'settled.json' ! -name 'report.json' ! -path '*/admin/*' ! -path '*/runs/*' -printf '%p %l ' -exec sh -c 'test -f \"$1\" && sha256sum <\"$1\" || echo' _ {} \\; | sort");

const reloads = async (): Promise<number> => Number(await host.ok("journalctl --no-pager -o cat _PID=1 | grep -c '^Reloading' || true"));

describe('rows become apps', () => {
  test('an app of three plain rows is written, listens, answers, and costs nothing the second time', async () => {
    const reloadsBefore = await reloads();
    await host.addApp('shop');
    const first = await host.sync();
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^\+ shop: new, generation [0-9a-f]{8}/m);
    assert.equal((await generated()).length, 3);
    assert.equal((await host.request('shop.test', '/')).status, 200);
    const printed = await fingerprint();
    const second = await host.sync();
    assert.deepEqual([second.code, second.stdout], [0, '1 unchanged\n']);
    assert.equal(await fingerprint(), printed);
    assert.equal(await reloads(), reloadsBefore, 'fc-sync never reloads systemd');
  });

  test('--dry-run says what would happen and does nothing, also as JSON', async () => {
    await host.addApp('later', { idle_timeout_s: 2 });
    const printed = await fingerprint();
    const plain = await host.sync('--dry-run');
    assert.equal(plain.code, 0, plain.stderr);
    assert.match(plain.stdout, /^\+ later: new/m);
    const json = await host.sync('--dry-run', '--json');
    const report = JSON.parse(json.stdout) as { dryRun: boolean; steps: { app: string; kind: string }[] };
    assert.equal(report.dryRun, true);
    assert.deepEqual(report.steps.map(({ app, kind }) => `${app} ${kind}`), ['later create', 'shop unchanged']);
    assert.equal(await fingerprint(), printed);
    assert.equal((await host.sync()).code, 0);
  });

  test('plan says what changes of an app, how, and what it costs, and does nothing', async () => {
    assert.equal((await host.request('shop.test', '/')).status, 200, 'it is awake');
    await host.sql(`UPDATE apps SET memory_max = '600M', env = '{"TOKEN":"hidden"}' WHERE name = 'shop'; UPDATE placements SET weight = 50 WHERE app = 'later'`);
    const printed = await fingerprint();
    const { code, stdout, stderr } = await host.sync('plan');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Changed:\n~ shop: shop-[0-9a-f]{8} -> generation [0-9a-f]{8}; awake: started beside the old one, serves once it is ready\n {4}memory_max: 512M -> 600M\n {4}env: \+ TOKEN\n\nOnly where requests go: nothing restarts:\n~ later\n {4}placements: ~ web1, weight 100 -> 50\n\n/);
    assert.match(stdout, /\nIn all: 1 hand-over now, no cold start for a visitor; 1 unchanged\.\n$/);
    assert.equal((await host.sync('--dry-run')).stdout, stdout);
    const json = await host.sync('plan', '--json');
    const report = JSON.parse(json.stdout) as { dryRun: boolean; costs: { handOvers: number }; apps: { app: string; changes: unknown[] }[] };
    assert.deepEqual([report.dryRun, report.costs.handOvers, report.apps.map(({ app }) => app).sort()], [true, 1, ['later', 'shop']]);
    for (const said of [stdout, json.stdout]) assert.doesNotMatch(said, /hidden/);
    const unread = await host.sh('fc-sync plan | true; echo "${PIPESTATUS[0]}"');
    assert.deepEqual([unread.stdout, unread.stderr], ['0\n', ''], 'a reader that leaves is no error');
    assert.equal(await fingerprint(), printed);
    const done = await host.sync();
    assert.equal(done.code, 0, done.stderr);
    assert.match((await host.sync('plan')).stdout, /^(Besides:\n( .*\n)+\n)?In all: no cold start for a visitor; 2 unchanged\.\n$/);
  });

  test('a plan knows what a row said before only where it was noted: an upgrade notes it at its first look', async () => {
    assert.equal((await host.ok('stat -c "%a %U" /var/lib/fastcontainer/rows /var/lib/fastcontainer/rows/*')).trim().split('\n').sort().at(-1), '700 root');
    await host.ok('rm /var/lib/fastcontainer/rows/*');
    const change = (megabytes: number): Promise<unknown> => host.sql(`UPDATE apps SET memory_max = '${megabytes}M' WHERE name = 'later'`);
    await change(700);
    assert.match((await host.sync('plan')).stdout, /^~ later: .*\n {4}what its row said before is not known$/m);
    await change(512);
    assert.equal((await host.sync('--json')).code, 0, 'a look at everything');
    await change(700);
    assert.match((await host.sync('plan')).stdout, /^~ later: .*\n {4}memory_max: 512M -> 700M$/m);
    await change(512);
  });

  test('two runs at once both succeed', async () => {
    await host.addApp('twice');
    const runs = await Promise.all([host.sync(), host.sync(), host.sync()]);
    assert.deepEqual(runs.map(({ code, stderr }) => [code, stderr]), [[0, ''], [0, ''], [0, '']]);
    assert.equal((await host.request('twice.test', '/')).status, 200);
  });
});

describe('bad rows', () => {
  test('are named, skipped, and leave every other app and their own last generation as they were', async () => {
    await host.sql("INSERT INTO apps (name, image, port) VALUES ('Bad_Name', 'localhost/fc-test-app', 8080)");
    await host.sql("UPDATE apps SET memory_max = '512 elephants' WHERE name = 'twice'");
    await host.sql("INSERT INTO domains (fqdn, app) VALUES ('not a name', 'shop')");
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, /apps 'Bad_Name', column name:/);
    assert.match(stderr, /apps 'twice', column memory_max: .*512 elephants/);
    assert.match(stderr, /domains 'not a name', column fqdn:/);
    for (const app of ['shop', 'twice', 'later']) assert.equal((await host.request(`${app}.test`, '/')).status, 200, app);
    await host.sql("DELETE FROM apps WHERE name = 'Bad_Name'; DELETE FROM domains WHERE fqdn = 'not a name'; UPDATE apps SET memory_max = '512M' WHERE name = 'twice'");
    const mended = await host.sync();
    assert.deepEqual([mended.code, mended.stderr], [0, '']);
  });

  test('a bad placement row does not take its app away', async () => {
    await host.sql("UPDATE placements SET weight = 70000 WHERE app = 'later'");
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, /placements 'later\/web1', column weight/);
    assert.equal((await host.request('later.test', '/')).status, 200);
    await host.sql("UPDATE placements SET weight = 100 WHERE app = 'later'");
    assert.equal((await host.sync()).code, 0);
  });
});

describe('usage and configuration', () => {
  for (const args of [['--frobnicate'], ['frobnicate'], ['--url', 'mysql://x@y/z'], ['--watch', '--json'], ['--watch', '--accept-older'], ['migrate', '--dry-run'], ['plan', '--watch'], ['plan', '--dry-run'], ['plan', 'shop'], ['plan', '--url', 'mysql://x@y/z'], ['migrate', '--url', 'http://x']]) {
    test(`fc-sync ${args.join(' ')} ends with 2 and says why`, async () => {
      const { code, stderr, stdout } = await host.sync(...args);
      assert.equal(code, 2);
      assert.match(stderr, /^error: fc-sync: .+/);
      assert.equal(stdout, '');
    });
  }

  test('--help ends with 0 and names every option', async () => {
    const { code, stdout } = await host.sync('--help');
    assert.equal(code, 0);
    for (const option of ['--dry-run', '--json', '--watch', '--allow-removals', '--accept-older', '--config', 'migrate', 'plan']) assert.ok(stdout.includes(option), option);
  });

  test('a bad configuration ends with 2 and says all that is wrong with it', async () => {
    await host.ok("printf '[host]\\nname = web1\\n[cmdb]\\nurl = mysql://fc:secret@localhost/fastcontainer\\ncolour = red\\n[proxy]\\nmax_starts = many\\n' > /root/bad.ini");
    const { code, stderr } = await host.sync('--config', '/root/bad.ini');
    assert.equal(code, 2);
    for (const what of ['bad.ini:4', 'url', 'bad.ini:5', 'colour', 'bad.ini:7', 'max_starts']) assert.ok(stderr.includes(what), `${what} in ${stderr}`);
    assert.ok(!stderr.includes('secret'), 'a password is not shown');
  });

  test('a configuration that is not there ends with 2', async () => {
    const { code, stderr } = await host.sync('--config', '/nowhere.ini');
    assert.equal(code, 2);
    assert.match(stderr, /\/nowhere\.ini/);
  });
});

describe('removal', () => {
  test('of one app closes its socket, lets it finish what it has, and removes its files', async () => {
    assert.equal((await host.request('later.test', '/')).status, 200);
    const slow = host.request('later.test', '/slow?ms=3000');
    await host.until(async () => (await host.ok("systemctl list-units --no-legend 'fc-ctr-later-*' --state=active")).includes('running') || 'asleep', { timeoutMs: 5_000, what: 'later is awake' });
    await host.sql("DELETE FROM apps WHERE name = 'later'");
    assert.equal((await host.sync()).code, 0);
    assert.equal((await host.request('later.test', '/')).status, 404);
    assert.equal((await slow).status, 200, 'the request that was in it');
    assert.equal(await host.ok("ls /run/fastcontainer | grep '^later.*sock$' || true"), '', 'no socket and no link');
    await host.until(async () => {
      await host.sync();
      return (await generated()).filter((name) => name.includes('later')).join(' ') || true;
    }, { timeoutMs: 20_000, what: 'the files of later are gone' });
    assert.equal(await host.ok("systemctl list-units --all --no-legend 'fc-*later-*' | cat"), '', 'systemd has forgotten it');
    assert.equal(await host.ok('ls /run/netns /var/lib/fastcontainer/net /var/lib/fastcontainer/env | grep later || true'), '');
  });

  test('of a disabled app is done although its row is there, and undone with it', async () => {
    await host.sql("UPDATE apps SET enabled = 0 WHERE name = 'twice'");
    assert.equal((await host.sync()).code, 0);
    assert.equal((await host.request('twice.test', '/')).status, 404);
    await host.sql("UPDATE apps SET enabled = 1 WHERE name = 'twice'");
    assert.equal((await host.sync()).code, 0);
    assert.equal((await host.request('twice.test', '/')).status, 200);
  });

  test('of everything is refused, until it is allowed', async () => {
    await host.sql('CREATE TABLE keep_apps AS SELECT * FROM apps; CREATE TABLE keep_domains AS SELECT * FROM domains; CREATE TABLE keep_placements AS SELECT * FROM placements; DELETE FROM apps');
    const printed = await fingerprint();
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, /shop: was not removed: .*--allow-removals/);
    assert.match(stderr, /twice: was not removed/);
    assert.equal((await host.request('shop.test', '/')).status, 200);
    // The rows have been read, and that is noted; nothing else is done.
    const applied = (files: string): string => files.replace(/(snapshot|standing)\.json.*\n/g, '');
    assert.equal(applied(await fingerprint()), applied(printed));
    assert.equal((await host.sync('--allow-removals')).code, 0);
    assert.equal((await host.request('shop.test', '/')).status, 404);
    await host.sql('INSERT INTO apps SELECT * FROM keep_apps; INSERT INTO domains SELECT * FROM keep_domains; INSERT INTO placements SELECT * FROM keep_placements; DROP TABLE keep_apps, keep_domains, keep_placements');
    assert.equal((await host.sync()).code, 0);
    assert.equal((await host.request('shop.test', '/')).status, 200);
  });
});

describe('the database', () => {
  test('stopped: fc-sync says so and ends with 3, and what serves goes on, restarts of fc-proxy included', async () => {
    const printed = await fingerprint();
    await host.ok('systemctl stop mariadb');
    const { code, stderr } = await host.sync();
    assert.equal(code, 3);
    assert.match(stderr, /mysqld\.sock.*is the server running/);
    await host.ok('systemctl restart fc-proxy');
    for (const app of ['shop', 'twice']) assert.equal((await host.request(`${app}.test`, '/')).status, 200, app);
    assert.equal(await fingerprint(), printed);
    await host.ok('systemctl start mariadb');
    assert.equal((await host.sync()).code, 0);
  });

  test('with its tables gone: 3, and what to do; restarted empty: the removals are refused', async () => {
    await host.ok('mariadb-dump --triggers fastcontainer > /root/dump.sql; mariadb -e "DROP DATABASE fastcontainer; CREATE DATABASE fastcontainer"');
    const gone = await host.sync();
    assert.equal(gone.code, 3);
    assert.match(gone.stderr, /fc-sync migrate/);
    await host.ok("fc-sync migrate --url 'mysql://root@localhost/fastcontainer?socketPath=/run/mysqld/mysqld.sock'");
    const empty = await host.sync();
    assert.equal(empty.code, 1);
    assert.match(empty.stderr, /shop: was not removed/);
    assert.equal((await host.request('shop.test', '/')).status, 200);
    await host.ok('mariadb -e "DROP DATABASE fastcontainer; CREATE DATABASE fastcontainer" && mariadb fastcontainer < /root/dump.sql');
    assert.deepEqual(await host.sync().then(({ code, stdout }) => [code, stdout.split('\n').at(-2)]), [0, '2 unchanged']);
  });

  test('answering garbage: 3', async () => {
    await host.ok(`
      systemd-run --quiet --unit=garbage --property=RuntimeMaxSec=60 /usr/bin/node -e "require('net').createServer((s) => { s.on('error', () => {}); s.end('220 smtp.example ESMTP ready, not MySQL\\\\r\\\\n'.repeat(50)); }).listen(3399, '127.0.0.1')"
      sed 's#^url = .*#url = mysql://fc@127.0.0.1:3399/fastcontainer#' /etc/fastcontainer/fastcontainer.ini > /root/garbage.ini
    `);
    await host.until(async () => (await host.sh('ss -ltn | grep -q 127.0.0.1:3399')).code === 0 || 'not yet', { timeoutMs: 5_000, what: 'the garbage server listens' });
    const { code, stderr } = await host.sync('--config', '/root/garbage.ini');
    await host.ok('systemctl stop garbage');
    assert.equal(code, 3, stderr);
    assert.match(stderr, /127\.0\.0\.1:3399/);
    assert.equal((await host.request('shop.test', '/')).status, 200);
  });
});

test('a reboot with the database down brings every socket and its link back', async () => {
  // What a reboot leaves: nothing of /run, no unit loaded. fc-apps.target is what multi-user.target would start, and has the doors opened.
  await host.ok(`
    systemctl stop mariadb fc-proxy.service
    systemctl stop 'fc-lease-*' 'fc-app-*' 'fc-ctr-*' 'fc-net-*' fc-apps.target
    rm -rf /run/fastcontainer/*
    systemctl daemon-reload
    systemctl start fc-apps.target
  `);
  await host.until(async () => (await host.ok('ls /run/fastcontainer')).split('\n').filter((name) => /^(shop|twice)-[0-9a-f]{8}\.sock$/.test(name)).length === 2 || 'both sockets', { timeoutMs: 10_000, what: 'the sockets listen' });
  assert.equal((await host.sync()).code, 3);
  assert.match(await host.ok('curl -s --unix-socket /run/fastcontainer/shop.sock http://x/'), /hello/);
  assert.equal((await host.request('twice.test', '/')).status, 200);
  await host.ok('systemctl start mariadb');
});

test('the journal of our units has no line that nobody expected', async () => {
  await host.assertQuiet([
    // Runs with bad rows, or without a database, that fc-proxy started for a host name it did not know.
    /^fc-sync\.service: /,
    // A drained fc-proxy finishes in the cgroup of its successor: see units/fc-proxy.service.
    /^fc-proxy\.service: fc-proxy\.service: Found left-over process [0-9]+ \(node\) in control group while starting unit\. Ignoring\.$/,
    /^fc-proxy\.service: This usually indicates unclean termination of a previous run, or service implementation deficiencies\.$/,
  ]);
});
