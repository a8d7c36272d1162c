/** A host that restarts: what never sleeps is awake again, what sleeps wakes on request, and nothing of before is in the way. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, TEST_COMMAND, TEST_IMAGE, TEST_ROOTFS, type TestHost } from '../support/host.ts';
import { asleep, containerOf, instanceOf, netUnitOf } from '../support/units.ts';

let host: TestHost;

const isAwake = async (app: string): Promise<true | string> => {
  const state = await host.state(await containerOf(host, app));
  return state === 'active' || `it is ${state}`;
};

const awakens = (app: string, what: string): Promise<void> => host.until(() => isAwake(app), { timeoutMs: 20_000, what });

const hello = async (app: string): Promise<void> => {
  const { status, body } = await host.request(`${app}.test`, '/');
  assert.deepEqual([status, body.split('\n')[0]?.trim()], [200, `hello from ${app}`]);
};

before(async () => {
  host = await bootHost('reboot', { sync: 'watch' });
  await host.ok('mkdir -p /srv/fastcontainer/data');
  await host.addApp('sleepless', { idle_timeout_s: null });
  await host.addApp('sleeper', { idle_timeout_s: 2, env: { SECRET: 'a\nb' }, volumes: ['/srv/fastcontainer/data:/data'] });
  await host.addApp('long', { idle_timeout_s: 600, rootfs: TEST_ROOTFS, command: TEST_COMMAND, env: { SECRET: 'a\nb' } });
  await host.until(async () => (await host.sh('ls /run/fastcontainer/{sleepless,sleeper,long}.sock')).code === 0 || 'no', { timeoutMs: 20_000, what: 'the apps are there' });
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

test('after a reboot the app that never sleeps is awake, the others wake on request', async () => {
  await awakens('sleepless', 'it never sleeps');
  for (const app of ['sleeper', 'long']) await hello(app);
  const before = await instanceOf(host, 'sleepless');
  await host.reboot();
  await awakens('sleepless', 'nobody asked for it after the reboot');
  assert.equal(await instanceOf(host, 'sleepless'), before);
  assert.notEqual(await isAwake('sleeper'), true);
  assert.notEqual(await isAwake('long'), true);
  const names = async (): Promise<string[]> => (await host.ok("podman ps --all --format '{{.Names}}' | sort")).trim().split('\n');
  assert.deepEqual(await names(), [`fc-${before}`], 'no container of before is left');
  assert.equal(await host.ok('podman secret ls --quiet; ls /run/fastcontainer/mounts 2>/dev/null || true'), '', 'nor its secrets and mounts');
  for (const app of ['sleepless', 'sleeper', 'long']) await hello(app);
  await asleep(host, 'sleeper');
});

describe('after a power cut', () => {
  test('a container, a secret, a mount and a PID file that were left are no obstacle', async () => {
    const instance = await instanceOf(host, 'sleeper');
    await asleep(host, 'sleeper');
    await host.ok(`
      podman create --quiet --name fc-${instance} ${TEST_IMAGE} >/dev/null
      echo stale | podman secret create fc-${instance}-0 - >/dev/null
      echo 1 >/run/fastcontainer/${instance}.pid
      mkdir -p /run/fastcontainer/mounts/${instance}/0; mount --bind /srv /run/fastcontainer/mounts/${instance}/0
      ip netns exec fc-${instance} true; systemctl stop ${await netUnitOf(host, 'sleeper')}; ip netns add fc-${instance}`);
    await hello('sleeper');
    assert.equal((await host.request('sleeper.test', '/env')).body.includes('"SECRET": "a\\nb"'), true);
    await asleep(host, 'sleeper');
    assert.equal(await host.ok(`podman ps --all --quiet --filter name=fc-${instance}; podman secret ls | grep fc-${instance} || true; ls -A /run/fastcontainer/mounts | grep ${instance} || true; findmnt -rno TARGET | grep mounts/${instance} || true`), '');
    assert.match(await host.ok('ls /srv'), /fastcontainer/, 'nothing below a mount that was left is removed');
  });

  test('a container killed with everything around it is cleaned up and starts again', async () => {
    const unit = await containerOf(host, 'long');
    await hello('long');
    await host.ok(`systemctl kill --signal=KILL --kill-whom=all ${unit}`);
    await host.until(async () => ['inactive', 'failed'].includes(await host.state(unit)) || 'it runs', { timeoutMs: 15_000, what: 'systemd has seen it die' });
    assert.equal(await host.ok(`podman ps --all --quiet --filter name=${unit.slice(0, -8).replace('fc-ctr', 'fc')}; podman secret ls --quiet`), '');
    await hello('long');
  });
});

test('the journal holds no line nobody expected', async () => {
  // fc-sync follows the CMDB before the harness has put the host's row there.
  await host.assertQuiet([/^fc-sync-watch\.service: rejected: hosts 'web1', column name: .*no row has it/]);
});
