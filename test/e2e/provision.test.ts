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

describe('scripts/provision', () => {
  let host: TestHost;
  before(async () => { host = await bootHost('provision', { sync: 'watch' }); });
  after(() => host.kill());

  test('keeps secrets from all but those who need them', async () => {
    const modes = await host.ok(`stat -c '%a %U:%G %n' /etc/fastcontainer/* /var/lib/fastcontainer /var/lib/fastcontainer/{env,net} /run/fastcontainer /var/lib/containers`);
    assert.deepEqual(modes.trim().split('\n'), [
      '600 root:root /etc/fastcontainer/cmdb.password',
      '640 root:fc-proxy /etc/fastcontainer/fastcontainer.ini',
      '750 root:fc-proxy /var/lib/fastcontainer',
      '700 root:root /var/lib/fastcontainer/env',
      '700 root:root /var/lib/fastcontainer/net',
      '755 root:root /run/fastcontainer',
      '700 root:root /var/lib/containers',
    ]);
    assert.equal((await host.sh('setpriv --reuid fc-proxy --regid fc-proxy --clear-groups cat /etc/fastcontainer/cmdb.password')).code, 1);
  });

  test('installs units that systemd has nothing to say about', async () => {
    assert.equal(await host.ok('systemd-analyze verify --man=no --recursive-errors=no $(find /etc/systemd/system -maxdepth 1 -type f -name "fc-*") 2>&1 || true'), '');
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

  test('leaves a quiet journal', async () => {
    await host.assertQuiet([
      // The watch starts before this test has inserted the host's row.
      /^fc-sync-watch\.service: .*hosts 'web1'/,
      // An upgrade starts the next fc-proxy while the last one finishes what it has.
      /^fc-proxy\.service: .*(Found left-over process|remains running after unit stopped|usually indicates unclean termination)/,
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
