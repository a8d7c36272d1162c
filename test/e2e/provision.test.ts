/** scripts/testhost and scripts/provision: what every other test stands on. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bootHost, type TestHost } from '../support/host.ts';
import { run, runOk } from '../support/run.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

describe('a disposable host', () => {
  const name = `bare-${process.pid}`;
  after(() => run(`${scripts}/testhost`, ['kill', name]));

  test('boots, is reached, passes exit codes on, and leaves nothing', async () => {
    await runOk(`${scripts}/testhost`, ['boot', name]);
    const second = await run(`${scripts}/testhost`, ['boot', name]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /exists already/);
    assert.equal((await run(`${scripts}/testhost`, ['exec', name, 'sh', '-c', 'exit 7'])).code, 7);
    assert.equal((await run(`${scripts}/testhost`, ['exec', name, 'cat'], { input: 'through' })).stdout, 'through');
    assert.equal((await run(`${scripts}/testhost`, ['exec', name, 'systemctl', 'is-system-running'])).stdout, 'running\n');

    await runOk(`${scripts}/testhost`, ['kill', name]);
    assert.doesNotMatch(await runOk(`${scripts}/testhost`, ['list']), new RegExp(name));
    assert.doesNotMatch(await runOk('findmnt', ['--noheadings', '--output', 'TARGET']), new RegExp(name));
    assert.doesNotMatch(await runOk('ip', ['netns', 'list']), new RegExp(name));
  });

  test('that does not exist is named', async () => {
    const result = await run(`${scripts}/testhost`, ['exec', 'nobody', 'true']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /no host named nobody/);
  });
});

describe('scripts/provision, told something wrong,', () => {
  let host: TestHost;
  before(async () => {
    host = await bootHost('wrong', { provision: false });
    await host.ok("cd /root; echo secret >password; : >empty; echo short >short; printf '# none\\n\\n' >none; printf '# old\\naaaaaaaaaaaaaaaa bbbb\\n' >second; ls /etc >before");
  });
  after(() => host.kill());

  const cmdb = '--cmdb mysql://fc@192.0.2.10/fastcontainer';
  const cases: readonly [options: string, code: number, says: RegExp][] = [
    ['--hots web1', 2, /no option --hots/],
    ['--host', 2, /--host needs a value/],
    ['--host --timer', 2, /--host needs a value/],
    ['--timer --manual', 2, /exclude each other/],
    ['--mariadb-bind 192.0.2.10', 2, /goes with --with-mariadb/],
    ['--cmdb-only --host web1', 2, /makes no host/],
    ['--cmdb-password password', 2, /goes with --cmdb/],
    [`${cmdb} --cmdb-password nowhere`, 1, /--cmdb-password nowhere: no such file/],
    [`${cmdb} --cmdb-password empty`, 1, /is empty/],
    ['--fleet-token nowhere', 1, /--fleet-token nowhere: no such file/],
    ['--fleet-token /root', 1, /no file that can be read/],
    ['--fleet-token empty', 1, /holds no token/],
    ['--fleet-token none', 1, /holds no token/],
    ['--fleet-token short', 1, /line 1 is no token/],
    ['--fleet-token second', 1, /line 2 is no token/],
  ];

  test('says what, and changes nothing', async () => {
    for (const [options, code, says] of cases) {
      const result = await host.sh(`cd /root && ${scripts}/provision --no-packages ${options}`);
      assert.equal(result.code, code, `${options}\n${result.stderr}`);
      assert.match(result.stderr, says);
      assert.equal(result.stderr.includes('Usage:'), code === 2, options);
    }
    assert.equal(await host.ok('ls /etc | diff /root/before -; ls /usr/lib/fastcontainer /usr/bin/fc-{sync,proxy,admin} 2>/dev/null || true'), '');
  });

  test('that only the program can tell, keeps nothing of it', async () => {
    for (const [options, says] of [
      [`--host Bad_Name ${cmdb}`, /\[host\] name: is "Bad_Name"/],
      ['--host web1 --cmdb http://192.0.2.10/', /begins with http:/],
    ] as const) {
      const { code, stderr } = await host.sh(`${scripts}/provision --no-packages ${options} --cmdb-password /root/password`);
      assert.equal(code, 1, stderr);
      assert.match(stderr, says);
      assert.equal(await host.ok('ls /etc/fastcontainer'), '');
    }
  });

  test('or not run by root, does nothing', async () => {
    for (const readable of ['/tmp/scripts', scripts]) {
      const { code, stderr } = await host.sh(`cp -r ${scripts} /tmp/ 2>/dev/null; setpriv --reuid nobody --clear-groups ${readable}/provision`);
      assert.notEqual(code, 0);
      assert.match(stderr, readable === scripts ? /needs root|Permission denied|No such file/ : /needs root/);
    }
    assert.equal(await host.ok('ls /etc/fastcontainer'), '');
  });

  test('and then right, without a CMDB that answers, tells the row that is left', async () => {
    const { code, stderr } = await host.sh(`umask 077; openssl rand -hex 32 >/root/token; ${scripts}/provision --no-packages --host web7 --address 192.0.2.17 ${cmdb} --cmdb-password /root/password --fleet-token /root/token`);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the CMDB cannot be used: fc@192\.0\.2\.10/);
    assert.match(stderr, /INSERT INTO hosts \(name, address\) VALUES \('web7', '192\.0\.2\.17'\);\n$/);
    assert.equal(await host.ok('stat -c "%a %U" /etc/fastcontainer/fleet-tokens; cmp /root/token /etc/fastcontainer/fleet-tokens'), '600 root\n');
  });

  test('never replaces a token, and says so', async () => {
    const { code, stderr } = await host.sh(`openssl rand -hex 32 >/root/other; ${scripts}/provision --no-packages --fleet-token /root/other`);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /fleet-tokens is there with other tokens than \/root\/other and stays as it is/);
    assert.equal(await host.ok('cmp /root/token /etc/fastcontainer/fleet-tokens'), '');
  });
});

describe('scripts/provision', () => {
  let host: TestHost;
  before(async () => { host = await bootHost('provision', { sync: 'watch' }); });
  after(() => host.kill());

  test('keeps secrets from all but those who need them', async () => {
    const modes = await host.ok(`stat -c '%a %U:%G %n' /etc/fastcontainer/* /var/lib/fastcontainer /var/lib/fastcontainer/{env,net} /run/fastcontainer /var/lib/containers /var/lib/containers/storage/db.sql`);
    assert.deepEqual(modes.trim().split('\n'), [
      '600 root:root /etc/fastcontainer/cmdb.password',
      '640 root:fc-proxy /etc/fastcontainer/fastcontainer.ini',
      '750 root:fc-proxy /var/lib/fastcontainer',
      '700 root:root /var/lib/fastcontainer/env',
      '700 root:root /var/lib/fastcontainer/net',
      '755 root:root /run/fastcontainer',
      '711 root:root /var/lib/containers',
      '600 root:root /var/lib/containers/storage/db.sql',
    ]);
    assert.equal((await host.sh('setpriv --reuid fc-proxy --regid fc-proxy --clear-groups cat /etc/fastcontainer/cmdb.password')).code, 1);
  });

  test('installs units that systemd has nothing to say about', async () => {
    assert.equal(await host.ok('systemd-analyze verify --man=no --recursive-errors=no $(find /etc/systemd/system /usr/lib/systemd/system -maxdepth 1 -type f -name "fc-*" | sed "s/fc-port@/&25/") 2>&1 || true'), '');
  });

  test('gives fc-sync an account that can read the CMDB and nothing else', async () => {
    const reader = 'mariadb --user=fc --password="$(cat /etc/fastcontainer/cmdb.password)" fastcontainer --execute';
    assert.equal((await host.sh(`${reader} "SELECT COUNT(*) FROM apps"`)).code, 0);
    const { code, stderr } = await host.sh(`${reader} "DELETE FROM apps"`);
    assert.equal(code, 1);
    assert.match(stderr, /command denied/);
  });

  test('run again, keeps the configuration and what is running', async () => {
    await host.addApp('steady');
    await host.until(async () => (await host.request('steady.test', '/')).status === 200 || 'no answer with 200', { timeoutMs: 15_000, what: 'the app answers' });
    const before = await host.ok('cat /etc/fastcontainer/fastcontainer.ini; echo "# mine" >>/etc/fastcontainer/fastcontainer.ini; systemctl show -P MainPID "fc-ctr-steady-*"');
    await host.ok(`${scripts}/provision --no-packages --host another`);
    const now = await host.ok('cat /etc/fastcontainer/fastcontainer.ini; systemctl show -P MainPID "fc-ctr-steady-*"');
    assert.equal(now.replace('# mine\n', ''), before);
    assert.equal(await host.state('fc-sync-watch.service'), 'active');
    assert.equal((await host.request('steady.test', '/')).status, 200);
  });

  test('makes of one host the first of a fleet', async () => {
    assert.equal((await host.sh('ls /etc/fastcontainer/fleet-tokens')).code, 2, 'who is alone needs no token');
    const said = await host.ok(`${scripts}/provision --no-packages --with-mariadb --mariadb-bind ${host.address} 2>&1`);
    assert.match(said, new RegExp(`--cmdb mysql://fc@${host.address}/fastcontainer --cmdb-password FILE --fleet-token FILE`));
    assert.match(await host.ok('cat /etc/fastcontainer/fleet-tokens'), /^[0-9a-f]{64}\n$/);
    assert.equal(await host.ok('stat -c %a /etc/fastcontainer/fleet-tokens'), '600\n');
    const reader = `mariadb --host=${host.address} --user=fc --password="$(cat /etc/fastcontainer/cmdb.password)" fastcontainer --execute "SELECT COUNT(*) FROM apps"`;
    assert.equal((await host.sh(reader)).code, 0);
    assert.equal((await host.request('steady.test', '/')).status, 200);
  });

  test('leaves a quiet journal', async () => {
    await host.assertQuiet([
      // The watch starts before this test has inserted the host's row.
      /^fc-sync-watch\.service: .*hosts 'web1'/,
      // An upgrade starts the next fc-proxy while the last one finishes what it has.
      /^fc-proxy\.service: .*(Found left-over process|remains running after unit stopped|usually indicates unclean termination)/,
      // MariaDB is restarted once, to listen for others.
      /^fc-sync-watch\.service: the CMDB is lost; what serves goes on serving/,
    ]);
  });

  test('serves after a reboot, though the CMDB does not come back', async () => {
    await host.ok('systemctl disable --quiet mariadb.service');
    await host.reboot();
    assert.equal(await host.state('mariadb.service'), 'inactive');
    assert.equal((await host.request('steady.test', '/')).status, 200);
    assert.equal((await host.ok('curl --silent --unix-socket /run/fastcontainer/steady.sock http://steady.test/')).split(' ')[0], 'hello');
    await host.assertQuiet([/^fc-sync-watch\.service: the CMDB is lost; what serves goes on serving/]);
  });
});
