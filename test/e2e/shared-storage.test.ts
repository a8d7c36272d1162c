/**
 * Storage that several hosts share: an app starts on any of them and finds its files, which are its own on every host
 * and nobody else's. And storage that is not there.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { TestFleet } from '../support/fleet-hosts.ts';
import { TEST_COMMAND, type TestHost } from '../support/host.ts';
import { PROBE_COMMAND, instanceOf, probe, reasonOf, uidBase } from '../support/units.ts';

const SHARED = '/srv/shared';
/** On the overlay that a test host's root is: its files can be shown with no other owner, as on NFS. */
const PLAIN = '/opt/plain';
const IMAGES = new URL('../../.cache/images/', import.meta.url).pathname;

let folder = '';
let fleet: TestFleet;
let front: TestHost;
let web1: TestHost;
let web2: TestHost;

/** Volumes of apps that are to fail, and what is wrong with each. */
const BROKEN = { refused: '/srv/refused/x', slow: '/srv/slow/x', silent: '/srv/silent/x' };

before(async () => {
  folder = await mkdtemp('/var/tmp/fc-shared-');
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2'], bind: `${folder}:${SHARED}` });
  [front, web1, web2] = [fleet.cmdb, fleet.host('web1'), fleet.host('web2')];
  for (const host of [front, web1, web2]) {
    await host.ok(`
      mkdir -p ${PLAIN}
      printf '[volumes]\nroots = /srv, ${SHARED}, ${PLAIN}\n' >>/etc/fastcontainer/fastcontainer.ini
      systemctl restart fc-sync-watch`);
  }
  await web1.ok(`cp -a ${IMAGES}test-app.rootfs ${SHARED}/tree; cp -a ${IMAGES}test-app.rootfs ${PLAIN}/tree; mkdir -m 0755 ${SHARED}/empty ${SHARED}/foreign; echo theirs >${SHARED}/foreign/file`);
  const app = { command: PROBE_COMMAND, idle_timeout_s: 60 };
  await fleet.place('a', ['web1'], { ...app, volumes: [`${SHARED}/tenants/a/data:/data`, `${SHARED}/empty:/empty`, `${SHARED}/foreign:/foreign`] });
  await fleet.place('b', ['web1'], { ...app, volumes: [`${SHARED}/tenants/a/data:/of-a`, `${SHARED}/tenants/b:/data`] });
  await fleet.place('ro', ['web1'], { ...app, volumes: [`${SHARED}/nowhere:/x:ro`] });
  await fleet.place('tree1', ['web1'], { ...app, rootfs: `${SHARED}/tree`, image: null });
  await fleet.place('tree2', ['web2'], { ...app, rootfs: `${SHARED}/tree`, image: null });
  await fleet.place('plain', ['web1'], { rootfs: `${PLAIN}/tree`, image: null, command: TEST_COMMAND });
  await fleet.place('eighty', ['web1'], { port: 80, env: { PORT: '80' } });
  await front.until(async () => (await front.request('eighty.test', '/')).status !== 404 || 'nobody knows it', { timeoutMs: 20_000, what: 'the rows have arrived' });
}, { timeout: 300_000 });

after(async () => {
  await fleet.kill();
  await rm(folder, { recursive: true, force: true });
});

/** Some calls of node:fs inside the app. */
const fs = (app: string, code: string): Promise<unknown> => probe(front, app, `const fs = require('node:fs'); return ${code}`);
/** Owners of a path as a host sees them, `uid:gid mode`. */
const owner = async (host: TestHost, path: string): Promise<string> => (await host.ok(`stat -c '%u:%g %a' ${path}`)).trim();

describe('an app on shared storage', () => {
  test('is root in its container and nobody on the host', async () => {
    assert.deepEqual(await fs('a', '[process.getuid(), process.getgid()]'), [0, 0]);
    const base = await uidBase(front, 'a');
    const pid = (await web1.ok(`cat /run/fastcontainer/${await instanceOf(web1, 'a')}.pid`)).trim();
    const ids = await web1.ok(`grep -E '^(Uid|Gid)' /proc/${pid}/status | tr '\\t' ' '; cat /proc/${pid}/uid_map /proc/${pid}/gid_map | tr -s ' '`);
    assert.equal(ids, `Uid: ${base} ${base} ${base} ${base}\nGid: ${base} ${base} ${base} ${base}\n 0 ${base} 65536\n 0 ${base} 65536\n`);
  });

  test('has its area made where it is missing, with its ids, and an empty one given to it', async () => {
    const base = await uidBase(front, 'a');
    assert.equal(await owner(web1, `${SHARED}/tenants/a/data`), `${base}:${base} 700`);
    assert.equal(await owner(web1, `${SHARED}/tenants/a`), '0:0 711');
    assert.equal(await owner(web1, `${SHARED}/empty`), `${base}:${base} 700`);
    await fs('a', "(fs.writeFileSync('/data/root', 'from web1'), fs.writeFileSync('/data/www', ''), fs.chownSync('/data/www', 33, 33), fs.writeFileSync('/empty/x', ''))");
    assert.equal(await owner(web1, `${SHARED}/tenants/a/data/root`), `${base}:${base} 644`);
    assert.equal(await owner(web1, `${SHARED}/tenants/a/data/www`), `${base + 33}:${base + 33} 644`);
  });

  test('gets files of others as they are, and the journal says how to give them to it', async () => {
    assert.equal(await owner(web1, `${SHARED}/foreign`), '0:0 755');
    assert.equal(await fs('a', "fs.readFileSync('/foreign/file', 'utf8')"), 'theirs\n');
    assert.deepEqual(await fs('a', "fs.writeFileSync('/foreign/file', 'x')"), { error: 'EACCES' });
    const said = (await web1.journal('fc-ctr-a-*')).map(({ message }) => message).find((message) => message.includes('foreign')) ?? '';
    assert.match(said, /^\/srv\/shared\/foreign belongs to user id 0, and the app has [0-9]+ to [0-9]+: to give it to the app: /);
    await web1.ok(said.replace(/^.* to the app: /, ''));
    await fs('a', "fs.writeFileSync('/foreign/file', 'mine')");
    assert.equal(await web1.ok(`cat ${SHARED}/foreign/file`), 'mine');
  });

  test('cannot read what is another app\'s, even where its row names it', async () => {
    for (const code of ["fs.readdirSync('/of-a')", "fs.readFileSync('/of-a/root', 'utf8')", "fs.writeFileSync('/of-a/new', '')", "fs.chownSync('/of-a', 0, 0)", "fs.chmodSync('/of-a', 0o777)"]) {
      const answer = await fs('b', code);
      assert.ok(typeof answer === 'object' && answer !== null && 'error' in answer && ['EACCES', 'EPERM'].includes(String(answer.error)), `${code}: ${JSON.stringify(answer)}`);
    }
    await fs('b', "fs.writeFileSync('/data/own', '')");
  });

  test('moves to another host by its row, and goes on with its files', async () => {
    await front.sql("UPDATE placements SET host = 'web2' WHERE app = 'a'");
    await front.until(async () => await fs('a', "require('node:os').hostname()") === 'a' && (await web2.ok("systemctl list-units --no-legend --state=active 'fc-ctr-a-*' | cat")) !== '' || 'not there yet', { timeoutMs: 20_000, what: 'a runs on web2' });
    assert.deepEqual(await fs('a', "[fs.readFileSync('/data/root', 'utf8'), fs.statSync('/data/root').uid, fs.statSync('/data/www').gid]"), ['from web1', 0, 33]);
    await fs('a', "(fs.appendFileSync('/data/root', ' and web2'), fs.writeFileSync('/data/second', ''))");
    const base = await uidBase(front, 'a');
    assert.equal(await owner(web1, `${SHARED}/tenants/a/data/second`), `${base}:${base} 644`);
    assert.equal(await web1.ok(`cat ${SHARED}/tenants/a/data/root`), 'from web1 and web2');
  });

  test('shares one rootfs with other apps, each its own root in it', async () => {
    for (const app of ['tree1', 'tree2']) {
      assert.deepEqual(await fs(app, "[process.getuid(), fs.statSync('/app.mjs').uid, (fs.writeFileSync('/app.mjs', ''), fs.statSync('/app.mjs').size)]"), [0, 0, 0]);
    }
    assert.notEqual(await uidBase(front, 'tree1'), await uidBase(front, 'tree2'));
    assert.equal(await owner(web1, `${SHARED}/tree/app.mjs`), '0:0 644');
    assert.notEqual(await web1.ok(`cat ${SHARED}/tree/app.mjs`), '');
  });

  test('needs a rootfs of its own where the file system can show no other owner, and hears how', async () => {
    const refused = await front.request('plain.test', '/');
    assert.equal(refused.status, 502);
    assert.equal(await reasonOf(front, refused), `The app did not start: ${PLAIN}/tree belongs to user id 0, not to the app, and cannot be shown to it as its own.`);
    const said = (await web1.journal('fc-ctr-plain-*')).map(({ message }) => message).find((message) => message.startsWith('to give it')) ?? '';
    await web1.ok(said.replace(/^.* to the app: /, ''));
    await front.until(async () => (await front.request('plain.test', '/')).status === 200 || 'no answer', { timeoutMs: 15_000, what: 'plain answers' });
  });

  test('is given no read-only volume that is not there', async () => {
    const response = await front.request('ro.test', '/');
    assert.equal(response.status, 502);
    assert.equal(await reasonOf(front, response), `The app did not start: ${SHARED}/nowhere does not exist.`);
    assert.equal((await web1.sh(`test -e ${SHARED}/nowhere`)).code, 1);
  });

  test('listens on a port below 1024 of its own network', async () => {
    assert.equal((await front.request('eighty.test', '/')).status, 200);
  });
});

describe('storage that is not there', () => {
  before(async () => {
    // mount(8) calls mount.<type>: one that fails, and one that does not come back.
    await web2.ok(`
      printf '#!/bin/sh\\necho "the server refuses" >&2; exit 32\\n' >/sbin/mount.fcrefused
      printf '#!/bin/sh\\nexec sleep 600\\n' >/sbin/mount.fcslow
      chmod 0755 /sbin/mount.fc*
      for kind in refused slow; do printf '[Mount]\\nWhat=server:/x\\nWhere=/srv/%s\\nType=fc%s\\n' $kind $kind >/etc/systemd/system/srv-$kind.mount; done
      # A file system whose server never says a word.
      test -e /dev/fuse || mknod /dev/fuse c 10 229
      mkdir -p /srv/silent
      systemd-run --quiet --unit=silent bash -c 'exec 3<>/dev/fuse && mount -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 silent /srv/silent && sleep 600'`);
    await web2.until(async () => (await web2.sh('grep -q " /srv/silent " /proc/self/mountinfo')).code === 0 || 'no mount', { timeoutMs: 10_000, what: '/srv/silent is mounted' });
    for (const [name, path] of Object.entries(BROKEN)) await fleet.place(name, ['web2'], { volumes: [`${path}:/x`], start_timeout_s: 5 });
    await web2.until(async () => (await web2.sh('readlink /run/fastcontainer/{refused,slow,silent}.sock')).code === 0 || 'not all have units', { timeoutMs: 20_000, what: 'the rows have arrived' });
  });

  for (const [app, within, words] of [
    ['refused', 3_000, /^The app did not start: its storage at \/srv\/refused is not mounted\.$/],
    ['slow', 7_000, /its storage at \/srv\/slow is not mounted/],
    ['silent', 7_000, /the storage of \/srv\/silent\/x does not answer/],
  ] as const) {
    test(`${app}: a clear failure, and no hang`, async (t) => {
      const began = performance.now();
      const response = await web2.request(`${app}.test`, '/');
      const took = performance.now() - began;
      t.diagnostic(`${app}: ${response.status} after ${Math.round(took)} ms`);
      assert.ok([502, 504].includes(response.status), response.body);
      assert.match(await reasonOf(web2, response), words);
      assert.ok(took < within, `${Math.round(took)} ms`);
    });
  }

  test('is told in the journal, and nothing is made in the folder below', async () => {
    assert.match(await web2.ok("journalctl -o cat -u 'fc-*' -u 'srv-*.mount'"), /the server refuses[^]*Dependency failed for fc-ctr-refused[^]*the storage of \/srv\/silent\/x does not answer/);
    assert.equal(await web2.ok('ls -A /srv/refused /srv/slow'), '/srv/refused:\n\n/srv/slow:\n');
  });

  test('and once it is there the app starts', async () => {
    await web2.ok("systemctl stop srv-refused.mount; printf '[Mount]\\nWhat=none\\nWhere=/srv/refused\\nType=tmpfs\\n' >/etc/systemd/system/srv-refused.mount; systemctl daemon-reload");
    await front.until(async () => (await front.request('refused.test', '/')).status === 200 || 'no answer', { timeoutMs: 20_000, what: 'refused answers' });
    const base = await uidBase(front, 'refused');
    assert.equal(await owner(web2, BROKEN.refused), `${base}:${base} 700`);
  });
});
