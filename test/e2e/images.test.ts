/** Where images come from: fetched when a placement appears, never on a visitor's time. fc-sync --watch runs as its unit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { bootHost, quote, type Response, TEST_IMAGE, type TestHost } from '../support/host.ts';
import { Registry, REGISTRY } from '../support/registry.ts';
import { containerOf, instanceOf, reasonOf } from '../support/units.ts';

let host: TestHost;
let registry: Registry;

before(async () => {
  host = await bootHost('images', { sync: 'watch' });
  registry = await Registry.start(host);
  // As the unit's own, but for the time that an operator would wait here.
  await host.ok("mkdir -p /etc/systemd/system/fc-image@.service.d && printf '[Service]\\nRestartSec=1s\\n' > /etc/systemd/system/fc-image@.service.d/test.conf && systemctl daemon-reload");
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

const unitOf = (reference: string): string => `fc-image@${createHash('sha256').update(reference).digest('hex').slice(0, 16)}.service`;

const fetched = async (reference: string, timeoutMs = 20_000): Promise<void> => {
  await host.until(async () => {
    const state = await host.state(unitOf(reference));
    return state === 'active' || `it is ${state}`;
  }, { timeoutMs, what: `${reference} is fetched` });
};

const fetching = async (reference: string): Promise<void> => {
  await host.until(async () => {
    const state = await host.state(unitOf(reference));
    return state === 'activating' || `it is ${state}`;
  }, { timeoutMs: 10_000, what: `${reference} is being fetched` });
};

const listens = async (app: string): Promise<void> => {
  await host.until(async () => (await host.sh(`test -S /run/fastcontainer/${app}.sock`)).code === 0 || 'no socket', { timeoutMs: 10_000, what: `${app} listens` });
};

const hello = (app: string): Promise<Response> => host.request(`${app}.test`, '/');
const versionIn = ({ status, body }: Response): string => (status === 200 ? /^hello from \S* ?(\S*)/.exec(body)?.[1] ?? '' : `${status} ${body}`);
const version = async (app: string): Promise<string> => versionIn(await hello(app));
const setImage = (app: string, reference: string): Promise<unknown> => host.sql(`UPDATE apps SET image = ${quote(reference)} WHERE name = ${quote(app)}`);

describe('a placement that appears', () => {
  test('has its image fetched, and systemctl shows it; its first visitor pulls nothing', async () => {
    const reference = await registry.push('app:v1', 'v1');
    await host.addApp('shop', { image: reference, idle_timeout_s: 60 });
    await fetched(reference);
    const status = await host.ok(`systemctl status ${unitOf(reference)} | cat`);
    assert.match(status, /active \(exited\)/);
    assert.ok(status.includes(`fetched ${reference}`), status);
    assert.equal((await host.ok("systemctl list-units --no-legend --plain 'fc-ctr-shop-*' | cat")).trim(), '', 'nobody has woken it');
    const asked = await registry.asked();
    assert.equal(await version('shop'), 'v1');
    assert.equal(await registry.asked(), asked);
  });

  test('has it fetched also with weight 0: the first of two steps of a move', async () => {
    const reference = await registry.push('app:v2', 'v2');
    await host.sql(`START TRANSACTION; INSERT INTO apps (name, image, port) VALUES ('coming', ${quote(reference)}, 8080); INSERT INTO placements (app, host, weight) VALUES ('coming', 'web1', 0); COMMIT`);
    await fetched(reference);
  });
});

describe('a registry that is slow', () => {
  test('is waited for by who comes meanwhile, who then is served; nothing is fetched twice', async () => {
    const reference = await registry.push('app:slow', 'slow');
    await registry.shut();
    await host.addApp('slow', { image: reference, start_timeout_s: 60 });
    await fetching(reference);
    await listens('slow');
    const visit = hello('slow');
    await host.until(async () => (await host.ok("systemctl list-jobs --no-legend 'fc-ctr-slow-*' | cat")).includes('waiting') || 'no job', { timeoutMs: 10_000, what: 'the start waits for the image' });
    assert.equal(await host.state(unitOf(reference)), 'activating');
    await registry.open();
    assert.equal(versionIn(await visit), 'slow');
    const starts = (await host.journal(unitOf(reference))).filter(({ message }) => message.startsWith('Starting '));
    assert.equal(starts.length, 1);
  });

  test('longer than a visitor waits: 504 that says so, and starts of other apps are not held up by any number of such', async () => {
    const reference = await registry.push('app:stuck', 'stuck');
    await host.addApp('other', { idle_timeout_s: 60 });
    await registry.shut();
    // Nor passes of fc-sync, by one that is to be awake all the time.
    await host.addApp('owl', { image: reference, idle_timeout_s: null });
    await fetching(reference);
    const stuck = ['stuck1', 'stuck2', 'stuck3', 'stuck4', 'stuck5', 'stuck6'];
    for (const app of stuck) await host.addApp(app, { image: reference, start_timeout_s: 3 });
    for (const app of [...stuck, 'other']) await listens(app);
    const visits = stuck.map(hello);
    assert.equal((await hello('other')).status, 200);
    for (const answer of await Promise.all(visits)) {
      assert.equal(answer.status, 504, answer.body);
      assert.match(await reasonOf(host, answer), new RegExp(`waiting for its image.*${unitOf(reference).replaceAll('.', '\\.')}: fetching ${reference.replaceAll('.', '\\.')}`));
    }
    await registry.open();
    await fetched(reference);
    for (const app of stuck) assert.equal(await version(app), 'stuck', app);
    await host.until(async () => (await host.state(await containerOf(host, 'owl'))) === 'active' || 'asleep', { timeoutMs: 10_000, what: 'owl is awake without a visitor' });
    await host.sql("DELETE FROM apps WHERE name = 'owl'");
  });
});

test('a run of fc-sync that waits for an image holds up nothing that is committed meanwhile', { timeout: 90_000 }, async (t) => {
  const reference = await registry.push('app:awaited', 'awaited');
  await registry.shut();
  await host.ok('systemctl stop fc-sync-watch');
  await host.addApp('awaited', { image: reference });
  await host.ok('systemctl start --no-block fc-sync.service');
  await fetching(reference);
  await host.ok('systemctl start fc-sync-watch');
  const began = performance.now();
  await host.addApp('meanwhile');
  await listens('meanwhile');
  t.diagnostic(`it was there ${Math.round(performance.now() - began)} ms after its row`);
  assert.equal(await host.state('fc-sync.service'), 'activating', 'the run still waits');
  await registry.open();
  assert.equal(await version('awaited'), 'awaited');
  await host.sql("DELETE FROM apps WHERE name IN ('awaited', 'meanwhile')");
});

describe('an image that no registry has', () => {
  const reference = `${REGISTRY}/later:1`;

  test('is told by fc-sync, and to a visitor, promptly and by name', async () => {
    await host.addApp('early', { image: reference });
    await host.until(async () => (await host.journal('fc-sync-watch.service')).some(({ message }) => message.includes(`the image ${reference} of early could not be fetched`)) || 'nothing said', { timeoutMs: 15_000, what: 'fc-sync --watch says so' });
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, /^! fc-image@[0-9a-f]{16}\.service: the image 127\.0\.0\.1:5001\/later:1 of early could not be fetched, which is tried again: .*manifest unknown/m);
    const began = performance.now();
    const answer = await hello('early');
    const tookMs = performance.now() - began;
    assert.ok([502, 503].includes(answer.status), answer.body);
    const reason = await reasonOf(host, answer);
    assert.ok(reason.includes(`${unitOf(reference)} could not fetch its image ${reference}: `), reason);
    assert.ok(tookMs < 15_000, `${Math.round(tookMs)} ms, with a start time-out of 30 s`);
  });

  test('comes up by itself once it is pushed', async () => {
    await registry.push('later:1', 'later');
    await fetched(reference);
    await host.until(async () => {
      const said = await version('early');
      return said === 'later' || said;
    }, { timeoutMs: 20_000, what: 'early serves' });
    assert.equal((await host.sync()).code, 0);
  });

  test('replaces none that works: the old generation serves, awake or asleep, until the row is mended', async () => {
    await setImage('shop', `${REGISTRY}/nothing:1`);
    await host.until(async () => (await host.sync()).code === 1 || 'exit 0', { timeoutMs: 15_000, what: 'the failure' });
    const { stdout, stderr } = await host.sync();
    assert.match(stdout, /^~ shop: shop-[0-9a-f]{8} -> generation [0-9a-f]{8}; serves once its image 127\.0\.0\.1:5001\/nothing:1 is here/m);
    assert.match(stderr, /nothing:1 of shop could not be fetched/);
    assert.equal(await version('shop'), 'v1');
    await setImage('shop', `${REGISTRY}/app:v1`);
    await host.until(async () => (await host.sync()).code === 0 || 'exit 1', { timeoutMs: 15_000, what: 'back to normal' });
    await host.until(async () => (await host.state(unitOf(`${REGISTRY}/nothing:1`))) === 'inactive' || 'still tried', { timeoutMs: 5_000, what: 'nobody tries to fetch it any more' });
  });
});

test('a changed image: awake and asleep, the old one serves until the new one is here, and no visitor waits for it', async () => {
  const [was, next] = [`${REGISTRY}/app:v1`, await registry.push('app:v3', 'v3')];
  await host.addApp('nap', { image: was, idle_timeout_s: 60 });
  await host.addApp('dream', { image: was, idle_timeout_s: 60 });
  for (const app of ['nap', 'dream']) await listens(app);
  assert.equal(await version('shop'), 'v1');
  const dreamt = await instanceOf(host, 'dream');
  await registry.shut();
  for (const app of ['shop', 'nap', 'dream']) await setImage(app, next);
  await fetching(next);
  // Asleep, it starts with what it has.
  assert.equal(await version('nap'), 'v1');
  assert.equal(await instanceOf(host, 'dream'), dreamt);
  let opened = false;
  const seen = new Map([['shop', ''], ['nap', '']]);
  await host.until(async () => {
    for (const app of seen.keys()) {
      const answer = await hello(app);
      seen.set(app, versionIn(answer));
      assert.equal(answer.headers['server-timing'], undefined, `a visitor of ${app} waited`);
    }
    assert.deepEqual([...seen.values()].filter((value) => value !== 'v1' && value !== 'v3'), []);
    if (!opened) {
      assert.deepEqual([...seen.values()], ['v1', 'v1']);
      await registry.open();
      opened = true;
    }
    return [...seen.values()].every((value) => value === 'v3') || JSON.stringify([...seen]);
  }, { timeoutMs: 20_000, what: 'both are at v3' });
  await host.until(async () => (await instanceOf(host, 'dream')) !== dreamt || 'the old one', { timeoutMs: 10_000, what: 'dream changes in its sleep' });
  assert.equal(await host.state(await containerOf(host, 'dream')), 'inactive');
  assert.equal(await version('dream'), 'v3');
});

describe('odd references', () => {
  const odd = [
    '--privileged', '-v', 'a b', `${REGISTRY}/app:v1 --tls-verify=false`, 'a"b', "a'b", '../../etc', 'docker://x/y', 'dir:etc', 'a\nb', '$(reboot)', '',
    'oci-archive:/etc/passwd', 'oci-archive:/srv/fastcontainer/../../etc/passwd', 'oci-archive:relative', "oci-archive:/srv/fastcontainer/a:'x'", 'oci-archive:/srv/fastcontainer/a:--x', 'oci-archive:/srv/fastcontainer/a"b',
  ];

  test('are refused by name, and reach no unit', async () => {
    const ids = async (): Promise<readonly string[]> =>
      (await host.ok("ls /var/lib/fastcontainer/image; systemctl list-units --all --no-legend --plain 'fc-image@*' | cut -d' ' -f1")).split('\n');
    const before = new Set(await ids());
    await host.sql(['START TRANSACTION', ...odd.flatMap((reference, n) => [
      `INSERT INTO apps (name, image, port) VALUES ('odd${n}', ${quote(reference)}, 8080)`, `INSERT INTO placements (app, host) VALUES ('odd${n}', 'web1')`,
    ]), 'COMMIT'].join(';\n'));
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    for (const [n, reference] of odd.entries()) assert.match(stderr, new RegExp(`^! apps 'odd${n}', column image: `, 'm'), reference);
    assert.deepEqual((await ids()).filter((id) => !before.has(id)), []);
    await host.sql("DELETE FROM apps WHERE name LIKE 'odd%'");
    assert.equal((await host.sync()).code, 0);
  });
});

describe('an image that is gone from the host', () => {
  const noContainers = async (): Promise<void> => {
    await host.until(async () => (await host.ok('podman ps --all --quiet')).trim() === '' || 'there are some', { timeoutMs: 20_000, what: 'no container is left' });
  };

  test('by hand: the visitor who finds it missing has it fetched, and is served', async () => {
    await host.ok("systemctl stop 'fc-lease-*'");
    await noContainers();
    await host.ok(`podman rmi ${REGISTRY}/app:v3`);
    assert.equal(await version('shop'), 'v3');
  });

  test('with all of the host\'s storage, as on one that was wiped: all that is needed is fetched again', async () => {
    await host.ok("systemctl stop fc-sync-watch 'fc-lease-*' 'fc-app-*.service'");
    await noContainers();
    // What a wipe leaves of it: nothing in the storage, no unit of ours that is active.
    await host.ok("podman rmi --all --force >/dev/null; systemctl stop 'fc-image@*'; systemctl start fc-sync-watch");
    for (const tag of ['v3', 'stuck', 'slow']) await fetched(`${REGISTRY}/app:${tag}`, 30_000);
    assert.equal(await version('dream'), 'v3');
    assert.equal(await version('stuck1'), 'stuck');
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`the image ${TEST_IMAGE} of other could not be fetched.*no registry has it.*podman load`), 'one that only this host had');
  });
});

describe('an archive on shared storage', () => {
  const FOLDER = "/srv/fastcontainer/it's 5% shared";

  test('needs no registry, also where the archive has several images', async () => {
    await host.ok(`
      mkdir -p ${quote(FOLDER).replace("\\'", "'\\''")}
      cd /srv/fastcontainer/it*shared
      skopeo copy --quiet containers-storage:${REGISTRY}/app:v3 oci-archive:app-1.tar:${REGISTRY}/app:stuck
      ln -s /etc/passwd out.tar
    `);
    await registry.stop();
    const named = async (): Promise<string> => await host.ok(`podman image inspect --format '{{.Id}}' ${REGISTRY}/app:stuck`);
    const before = await named();
    await host.addApp('arch', { image: `oci-archive:${FOLDER}/app-1.tar` });
    await host.addApp('tagged', { image: `oci-archive:${FOLDER}/app-1.tar:${REGISTRY}/app:stuck` });
    for (const app of ['arch', 'tagged']) {
      await listens(app);
      assert.equal(await version(app), 'v3', app);
    }
    assert.equal(await named(), before, 'what an archive calls its image replaces none of that name');
    assert.equal((await host.ok('grep -c /run/fastcontainer/mounts/image- /proc/mounts || true')).trim(), '0');
  });

  test('that is missing, or leads elsewhere, is told with its path', async () => {
    await host.addApp('absent', { image: `oci-archive:${FOLDER}/none.tar` });
    await host.addApp('out', { image: `oci-archive:${FOLDER}/out.tar` });
    await host.until(async () => {
      const { stderr } = await host.sync();
      return (stderr.includes(`${FOLDER}/none.tar does not exist`) && stderr.includes(`${FOLDER}/out.tar leads to /etc/passwd, outside of /srv/fastcontainer`)) || stderr;
    }, { timeoutMs: 15_000, what: 'both reasons' });
    // A shared folder comes back, a file is put there.
    await host.ok('cd /srv/fastcontainer/it*shared && cp app-1.tar none.new && mv none.new none.tar');
    await fetched(`oci-archive:${FOLDER}/none.tar`);
    await host.until(async () => (await version('absent')) === 'v3' || 'not yet', { timeoutMs: 10_000, what: 'absent serves' });
  });
});

test('an image that nothing here needs any more: its unit and file go, the image stays', async () => {
  const reference = `${REGISTRY}/app:slow`;
  const file = `/var/lib/fastcontainer/image/${unitOf(reference).slice('fc-image@'.length, -'.service'.length)}`;
  await host.ok(`test -e ${file}`);
  await host.sql("DELETE FROM apps WHERE name = 'slow'");
  await host.until(async () => (await host.sh(`test -e ${file}`)).code !== 0 || 'its file is there', { timeoutMs: 10_000, what: 'it is let go' });
  assert.equal(await host.state(unitOf(reference)), 'inactive');
  await host.ok(`podman image exists ${reference}`);
});
