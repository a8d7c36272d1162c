/**
 * Hosts hold nothing: one that is empty needs scripts/provision and its row, and the first requests build the rest.
 * What is on a host's disk is enough for it to serve after a reboot while the CMDB is down.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runsOn } from '../support/fleet-apps.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import { bootHost, type TestHost } from '../support/host.ts';
import { throughProxy, underLoad } from '../support/load.ts';

let fleet: TestFleet;
let front: TestHost;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2'] });
  front = fleet.host('front');
  await fleet.place('one', ['web1'], { env: { APP_NAME: 'one', SECRET: 'of one' }, idle_timeout_s: 2 });
  await fleet.place('other', ['web1'], { env: { APP_NAME: 'other' } });
  await fleet.place('two', ['web2'], { env: { APP_NAME: 'two' } });
  for (const app of ['one', 'other', 'two']) await hello(app);
}, { timeout: 300_000 });

after(() => fleet.kill());

/** The app, and no other, answers; through `by`, which may have heard of it only just now. */
async function hello(app: string, by: TestHost = front): Promise<void> {
  let said = '';
  await by.until(async () => {
    const { status, body } = await by.request(`${app}.test`, '/');
    said = body;
    return status === 200 || `${status} ${body}`;
  }, { timeoutMs: 30_000, what: `${app} answers ${by.row}` });
  assert.ok(said.startsWith(`hello from ${app} `), said);
}

/** While `work` is done, no request to an app of another host fails. */
function unnoticed(apps: readonly string[], work: () => Promise<void>): Promise<string> {
  return underLoad({ perSecond: 40, targets: apps.map((app) => throughProxy(front, app)) }, work);
}

const WIPE = `
  podman rm --all --force --time 0 >/dev/null
  podman rmi --all --force >/dev/null
  rm -rf /etc/systemd/system/fc-* /etc/systemd/system/*.wants/fc-* /etc/fastcontainer /run/fastcontainer /var/lib/fastcontainer /usr/lib/fastcontainer \
    /usr/lib/{sysusers,tmpfiles}.d/fastcontainer.conf /usr/lib/systemd/system/fc-* /usr/share/polkit-1/rules.d/*fastcontainer* \
    /usr/lib/fastcontainer-node/node /usr/sbin/fc-provision /usr/bin/fc-*`;

describe('a host that lost everything', () => {
  test('is built again by scripts/provision and requests, and the others do not notice', { timeout: 180_000 }, async (t) => {
    t.diagnostic(await unnoticed(['two'], async () => {
      const web1 = fleet.host('web1');
      // As somebody would who cleans a machine up that runs: what was in memory goes with the reboot.
      await web1.ok(WIPE);
      await web1.reboot();
      assert.equal((await web1.sh('ls -d /etc/fastcontainer /var/lib/fastcontainer /etc/systemd/system/fc-*')).stdout, '', 'it is empty');
      await fleet.provision(web1);
      await hello('one');
      await hello('other');
      assert.match((await front.request('one.test', '/env')).body, /"SECRET": "of one"/);
    }));
  });

  test('while it goes on running, too', { timeout: 180_000 }, async (t) => {
    t.diagnostic(await unnoticed(['two'], async () => {
      const web1 = fleet.host('web1');
      await hello('other');
      await web1.ok(WIPE);
      await fleet.provision(web1);
      await hello('one');
      await hello('other');
    }));
  });

  test('may be another machine with another address, under the same row', { timeout: 180_000 }, async (t) => {
    t.diagnostic(await unnoticed(['two'], async () => {
      await fleet.killHost('web1');
      const { status, headers } = await front.request('one.test', '/');
      assert.equal(status, 503);
      assert.notEqual(headers['retry-after'], undefined);
      const again = await bootHost('web1b', { row: 'web1', provision: false });
      await fleet.replace(again);
      await hello('one');
      await hello('other');
    }));
  });
});

test('an empty host takes over what rows place on it', { timeout: 120_000 }, async (t) => {
  t.diagnostic(await unnoticed(['two', 'other'], async () => {
    const web3 = await bootHost('web3', { row: 'web3', provision: false });
    await fleet.join(web3);
    await front.sql(`
      INSERT INTO placements (app, host) VALUES ('two', 'web3');
      UPDATE placements SET host = 'web3' WHERE app = 'other'`);
    for (const app of ['two', 'other']) {
      await front.until(async () => await runsOn(web3, app) || 'it does not run there', { timeoutMs: 20_000, what: `${app} runs on web3` });
    }
  }));
});

describe('with the database down', () => {
  before(async () => {
    await front.ok('systemctl disable --quiet --now mariadb.service');
  });

  test('a host that is rebooted listens again from what is on its disk, and starts its apps', { timeout: 120_000 }, async () => {
    const web1 = fleet.host('web1');
    await web1.reboot();
    assert.equal(await runsOn(web1, 'one'), false);
    assert.match(await web1.ok('curl --silent --fail --unix-socket /run/fastcontainer/one-*.sock http://one.test/'), /^hello from one /);
    // The name that leads to the current generation's socket comes with fc-sync, which first asks the database.
    await web1.until(async () => (await web1.sh('curl --silent --fail --unix-socket /run/fastcontainer/one.sock http://one.test/')).stdout.startsWith('hello from one ') || 'no answer',
      { timeoutMs: 10_000, what: 'one.sock leads to the app' });
    await hello('one', web1);
    await hello('one');
    await hello('two', web1);
  });

  test('so does the front', { timeout: 120_000 }, async () => {
    await front.reboot();
    assert.equal(await front.state('mariadb.service'), 'inactive');
    for (const app of ['one', 'other', 'two']) await hello(app);
  });

  test('once it is back, changes are applied everywhere', { timeout: 120_000 }, async () => {
    await front.ok('systemctl start mariadb.service');
    await fleet.place('late', ['web1', 'web2', 'web3'], { env: { APP_NAME: 'late' } });
    for (const name of ['front', 'web1', 'web2', 'web3']) await hello('late', fleet.host(name));
    await front.sql("UPDATE placements SET host = 'web2' WHERE app = 'one'");
    await front.until(async () => {
      await hello('one');
      return await runsOn(fleet.host('web2'), 'one') || 'it does not run there';
    }, { timeoutMs: 20_000, what: 'one runs on web2' });
  });
});
