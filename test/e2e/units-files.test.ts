/** What an app sees of the host's files: its volumes and its rootfs, nothing else, and no way out of them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, TEST_ROOTFS, type TestHost } from '../support/host.ts';
import { asleep, containerOf, instanceOf, PROBE_COMMAND, probe, reasonOf, uidBase } from '../support/units.ts';

let host: TestHost;
const DATA = '/srv/fastcontainer/data';

before(async () => {
  host = await bootHost('files');
  await host.ok(`
    mkdir -p ${DATA}/rw/sub ${DATA}/ro "${DATA}/it's 5% \\$off" /srv/outside; echo read > ${DATA}/ro/file; echo whole > ${DATA}/one-file; echo odd > "${DATA}/it's 5% \\$off/file"
    echo secret > /srv/outside/file; ln -s /srv/outside ${DATA}/leads-out; ln -s rw ${DATA}/leads-in; ln -s ../../outside ${DATA}/leads-up; ln -s /srv/fastcontainer ${DATA}/leads-to-root
    cp -a ${TEST_ROOTFS} /srv/fastcontainer/tree; mknod -m 666 /srv/fastcontainer/tree/kmsg c 1 11; mknod -m 666 ${DATA}/rw/kmsg c 1 11`);
  const app = { command: PROBE_COMMAND, idle_timeout_s: 2 };
  await host.addApp('vols', { ...app, volumes: [`${DATA}/rw:/rw`, `${DATA}/ro:/ro:ro`, `${DATA}/leads-in:/in:rw`, `${DATA}/one-file:/etc/one:ro`, `${DATA}/it's 5% $off:/odd place`] });
  await host.addApp('leads-out', { ...app, volumes: [`${DATA}/leads-out:/x`] });
  await host.addApp('leads-up', { ...app, volumes: [`${DATA}/leads-up/file:/x:ro`] });
  await host.addApp('leads-to-root', { ...app, volumes: [`${DATA}/leads-to-root:/x`] });
  await host.addApp('missing', { ...app, volumes: [`${DATA}/nowhere:/x:ro`] });
  await host.addApp('tree', { ...app, rootfs: '/srv/fastcontainer/tree' });
  await host.addApp('no-tree', { ...app, rootfs: '/srv/fastcontainer/no-tree' });
  // What an operator does with files that were there before the app.
  await host.ok(`/usr/lib/fastcontainer/libexec/fc-own ${await uidBase(host, 'vols')} ${DATA}/rw "${DATA}/it's 5% \\$off"`);
  const { stdout, stderr, code } = await host.sync();
  assert.equal(code, 0, stdout + stderr);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Outcome of some calls of node:fs inside the app. */
const fs = (app: string, call: string): Promise<unknown> => probe(host, app, `return require('node:fs').${call}`);

describe('volumes', () => {
  test('rw and ro, through a link that stays inside, a single file, with odd characters', async () => {
    assert.equal(await fs('vols', "readFileSync('/ro/file', 'utf8')"), 'read\n');
    assert.deepEqual(await fs('vols', "writeFileSync('/ro/file', 'x')"), { error: 'EROFS' });
    assert.deepEqual(await fs('vols', "writeFileSync('/etc/one', 'x')"), { error: 'EROFS' });
    assert.equal(await fs('vols', "readFileSync('/etc/one', 'utf8')"), 'whole\n');
    assert.equal(await fs('vols', "readFileSync('/odd place/file', 'utf8')"), 'odd\n');
    await fs('vols', "writeFileSync('/in/file', 'written')");
    assert.equal(await host.ok(`cat ${DATA}/rw/file`), 'written');
    await asleep(host, 'vols');
    assert.equal(await fs('vols', "readFileSync('/rw/file', 'utf8')"), 'written', 'they outlive the container');
  });

  test('hold no devices and no set-user-ID programs', async () => {
    assert.deepEqual(await fs('vols', "openSync('/rw/kmsg', 'w')"), { error: 'EACCES' });
    const mounts = String(await fs('vols', "readFileSync('/proc/self/mountinfo', 'utf8')"));
    for (const place of ['/rw', '/ro', '/in', '/etc/one', '/odd\\\\040place']) assert.match(mounts, new RegExp(` ${place} r[wo],nosuid,nodev`));
  });

  test('come after the mounts of the host that they lie on', async () => {
    // In no order of ours, and quoted as systemctl sees fit.
    const paths = (await host.ok(`systemctl show -P RequiresMountsFor ${await containerOf(host, 'vols')}`)).replaceAll(/["\\]/g, '');
    for (const name of ['rw', 'ro', 'leads-in', 'one-file', "it's 5% $off"]) assert.ok(paths.includes(`${DATA}/${name}`), paths);
  });

  for (const [app, reason] of [
    ['leads-out', `${DATA}/leads-out leads to /srv/outside, outside of /srv/fastcontainer`],
    ['leads-up', `${DATA}/leads-up/file leads to /srv/outside/file, outside of /srv/fastcontainer`],
    ['leads-to-root', `${DATA}/leads-to-root leads to /srv/fastcontainer, outside of /srv/fastcontainer`],
    ['missing', `${DATA}/nowhere does not exist`],
    ['no-tree', '/srv/fastcontainer/no-tree does not exist'],
  ] as const) {
    test(`a bad path is refused, and the client hears it: ${app}`, async () => {
      const response = await host.request(`${app}.test`, '/');
      assert.equal(response.status, 502);
      assert.equal(await reasonOf(host, response), `The app did not start: ${reason}.`);
      assert.equal(await host.ok(`ls -A /run/fastcontainer/mounts/${await instanceOf(host, app)} 2>&1 || true`), `ls: cannot access '/run/fastcontainer/mounts/${await instanceOf(host, app)}': No such file or directory\n`);
    });
  }

  test('outside of the roots, or over the kernel\'s own file systems, are rejected by name', async () => {
    await host.addApp('etc', { volumes: ['/etc:/x'] });
    await host.addApp('dots', { volumes: [`${DATA}/../../../etc:/x`] });
    await host.addApp('proc', { volumes: [`${DATA}/rw:/proc/sys`] });
    await host.addApp('etc-tree', { rootfs: '/', command: ['/bin/sh'] });
    const { code, stdout, stderr } = await host.sync();
    assert.equal(code, 1);
    for (const line of [/apps 'etc', column volumes: .*"\/etc", which is not below \/srv\/fastcontainer/, /apps 'dots', column volumes: /, /apps 'proc', column volumes: .*nothing may be mounted in \/proc/, /apps 'etc-tree', column rootfs: /]) assert.match(stdout + stderr, line);
    assert.equal(await host.ok('ls /etc/systemd/system | grep -E "fc-ctr-(etc|dots|proc)" || true'), '');
    await host.sql("DELETE FROM apps WHERE name IN ('etc', 'dots', 'proc', 'etc-tree')");
  });

  test('a folder that turns into a link between the look and the mount leads nowhere else', async () => {
    // What a tenant with a volume one level up can do, as fast as the kernel lets it.
    const said = await host.ok(`
      cd ${DATA}; mkdir flip; echo mine > flip/file; ln -s /srv/outside flip-link
      node -e 'const fs = require("fs"); const end = Date.now() + 20000;
        while (!fs.existsSync("stop") && Date.now() < end) { fs.renameSync("flip", "flip-away"); fs.renameSync("flip-link", "flip"); fs.renameSync("flip", "flip-link"); fs.renameSync("flip-away", "flip"); }' &
      flipper=$!
      for ((i = 0; i < 60; i++)); do
        if NOTIFY_SOCKET= /usr/lib/fastcontainer/libexec/fc-paths /run/fastcontainer/mounts/race 600309760 10000 ro /srv/fastcontainer ${DATA}/flip 2>/dev/null; then cat /run/fastcontainer/mounts/race/0/file; umount /run/fastcontainer/mounts/race/0; else echo refused; fi
      done
      touch stop; wait $flipper; rm -r /run/fastcontainer/mounts/race`, { timeoutMs: 40_000 });
    const outcomes = said.trim().split('\n');
    assert.equal(outcomes.length, 60);
    assert.deepEqual([...new Set(outcomes)].sort(), ['mine', 'refused'], 'both happen, and the secret never shows');
  });
});

describe('a rootfs', () => {
  test('is under an overlay: what the app writes is gone after its sleep, and the tree unchanged', async () => {
    const picture = (): Promise<string> => host.ok('cd /srv/fastcontainer/tree; find . -printf "%p %y %m %U %G %s %T@ %C@\\n" | sort | sha256sum; sha256sum app.mjs');
    const before = await picture();
    await fs('tree', "writeFileSync('/app.mjs', 'overwritten')");
    await fs('tree', "writeFileSync('/new', 'new')");
    await fs('tree', "rmSync('/data', { recursive: true })");
    assert.deepEqual(await fs('tree', "readdirSync('/').filter((name) => ['new', 'data'].includes(name))"), ['new']);
    assert.equal(await picture(), before);
    await asleep(host, 'tree');
    assert.equal(await picture(), before);
    assert.deepEqual(await fs('tree', "readdirSync('/').filter((name) => ['new', 'data'].includes(name))"), ['data']);
    assert.match(String(await fs('tree', "readFileSync('/app.mjs', 'utf8')")), /^\/\*\*/);
  });

  test('a device node in it opens nothing', async () => {
    assert.deepEqual(await fs('tree', "openSync('/kmsg', 'w')"), { error: 'EACCES' });
  });
});

test('of an image\'s files, too, what the app writes is gone after its sleep', async () => {
  await fs('vols', "writeFileSync('/app.mjs', 'overwritten')");
  await asleep(host, 'vols');
  assert.match(String(await fs('vols', "readFileSync('/app.mjs', 'utf8')")), /^\/\*\*/);
});

test('nobody gets to the volumes by way of fc-paths\' mounts', async () => {
  assert.equal(await fs('vols', "readFileSync('/ro/file', 'utf8')"), 'read\n');
  assert.notEqual(await host.ok('ls -A /run/fastcontainer/mounts'), '');
  const { code, stderr } = await host.sh('setpriv --reuid nobody --regid nogroup --clear-groups ls /run/fastcontainer/mounts');
  assert.equal(code, 2);
  assert.match(stderr, /Permission denied/);
});

test('the journal holds no line nobody expected', async () => {
  const bad = '(?:leads_(?:out|up|to_root)|missing|no_tree)';
  await host.assertQuiet([
    new RegExp(`^fc-(?:ctr|lease).*${bad}-.*(?:Failed with result 'exit-code'|Failed to start|Dependency failed|Control process exited)`),
    new RegExp(`^fc-proxy\\.service: The app did not start: .*generation=${bad}`),
  ]);
});
