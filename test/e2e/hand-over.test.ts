/** What happens to an awake app when its row changes: nobody notices. fc-sync --watch runs as its unit. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, TEST_COMMAND, TEST_ROOTFS, type TestHost } from '../support/host.ts';

let host: TestHost;

before(async () => {
  host = await bootHost('handover', { sync: 'watch' });
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** The generation that serves, from the link that other programs use. */
const generation = async (app: string): Promise<string> => (await host.ok(`readlink /run/fastcontainer/${app}.sock || true`)).trim().replace(/^.*-|\.sock$/g, '');

const version = async (app: string): Promise<string> => {
  const { status, body } = await host.request(`${app}.test`, '/');
  return status === 200 ? /^hello from \S* ?(\S*)/.exec(body)?.[1] ?? '' : String(status);
};

const setVersion = async (app: string, value: string, more = ''): Promise<void> => {
  await host.sql(`UPDATE apps SET env = JSON_OBJECT('APP_VERSION', '${value}')${more} WHERE name = '${app}'`);
};

const serves = async (app: string, gen: { not: string } | string): Promise<void> => {
  await host.until(async () => {
    const now = await generation(app);
    return (typeof gen === 'string' ? now === gen : now !== '' && now !== gen.not) || `${app} serves ${now}`;
  }, { timeoutMs: 15_000, what: `${app} changes its generation` });
};

const containers = async (app: string): Promise<readonly string[]> =>
  (await host.ok(`systemctl list-units --no-legend --plain --state=active 'fc-ctr-${app}-*' | cut -d' ' -f1`)).split('\n').filter((line) => line !== '');

describe('a changed row', () => {
  test('of a sleeping app changes its route at once, and starts nothing', async () => {
    await host.addApp('calm', { env: { APP_VERSION: 'v1' } });
    await serves('calm', { not: '' });
    const before = await generation('calm');
    await setVersion('calm', 'v2');
    await serves('calm', { not: before });
    assert.deepEqual(await containers('calm'), []);
    assert.equal(await version('calm'), 'v2');
  });

  test('of an awake app starts the new generation beside the old one; the old one is let go once it idles', async () => {
    await host.addApp('shop', { env: { APP_VERSION: 'v1' }, idle_timeout_s: 3 });
    await serves('shop', { not: '' });
    assert.equal(await version('shop'), 'v1');
    const before = await generation('shop');
    // In the old generation, longer than its lease: no request is cut off.
    const slow = host.request('shop.test', '/slow?ms=5000');
    await setVersion('shop', 'v2', ", command = JSON_ARRAY('/usr/bin/node', '/app.mjs')");
    await serves('shop', { not: before });
    const { headers, body } = await host.request('shop.test', '/');
    assert.match(body, /v2/);
    assert.equal(headers['server-timing'], undefined, 'no visitor pays for the start');
    assert.equal((await containers('shop')).length, 2, 'side by side');
    assert.equal((await slow).status, 200);
    // Its unit files wait for others to change, as systemd reads all of them after each change.
    const left = async (...folders: readonly string[]): Promise<string> => (await host.ok(`ls ${folders.join(' ')} | grep shop-${before} || true`)).trim();
    const state = ['net', 'env', 'visits'].map((folder) => `/var/lib/fastcontainer/${folder}`);
    await host.until(async () => await left(...state, '/run/netns', '/run/fastcontainer') || true, { timeoutMs: 20_000, what: 'nothing is left of the old generation but unit files' });
    await host.addApp('next');
    await host.until(async () => await left('/etc/systemd/system') || true, { timeoutMs: 20_000, what: 'which go when others come' });
    assert.equal(await host.ok(`systemctl list-units --all --no-legend 'fc-*shop-${before}*' | cat`), '');
  });

  test('changed back returns to the name it had', async () => {
    const v2 = await generation('shop');
    await setVersion('shop', 'v3');
    await serves('shop', { not: v2 });
    await setVersion('shop', 'v2');
    await serves('shop', v2);
    assert.equal(await version('shop'), 'v2');
  });

  test('takes effect within a second of the commit', async () => {
    for (let round = 0; round < 3; round++) {
      await host.ok('sleep 0.2'); // Another phase of the watch each time; nothing is waited for.
      await host.sql(`INSERT INTO domains (fqdn, app) VALUES ('extra${round}.test', 'calm')`);
      const committed = performance.now();
      await host.until(async () => (await host.ok('cat /var/lib/fastcontainer/snapshot.json')).includes(`extra${round}.test`) || 'not in the snapshot', { timeoutMs: 10_000, what: 'the new domain' });
      const took = performance.now() - committed;
      // It is an awake app, so its route changes only after its hand-over; the domain is known before.
      assert.ok(took < 1_000, `round ${round}: ${Math.round(took)} ms`);
    }
  });

  test('of one app is not held up by another that starts slowly', async () => {
    await host.addApp('slow', { idle_timeout_s: 60 });
    await serves('slow', { not: '' });
    assert.equal((await host.request('slow.test', '/')).status, 200);
    await host.sql("UPDATE apps SET env = JSON_OBJECT('START_DELAY_MS', '8000') WHERE name = 'slow'");
    await host.until(async () => (await host.ok("systemctl list-units --no-legend --state=activating 'fc-ctr-slow-*'")).includes('slow') || 'not starting', { timeoutMs: 10_000, what: 'the slow hand-over' });
    await host.addApp('quick');
    await host.until(async () => (await host.request('quick.test', '/')).status === 200 || 'no answer', { timeoutMs: 5_000, what: 'the other app' });
    assert.equal((await host.ok("systemctl list-units --no-legend --state=activating 'fc-ctr-slow-*'")).includes('slow'), true, 'the slow one is still starting');
    assert.equal((await host.request('slow.test', '/')).status, 200, 'and its old generation serves');
  });
});

describe('a generation that does not start', () => {
  test('never replaces one that works: exit 1, the app is named, the old one serves', async () => {
    await host.addApp('firm', { env: { APP_VERSION: 'good' }, idle_timeout_s: 3, start_timeout_s: 5 });
    await serves('firm', { not: '' });
    assert.equal(await version('firm'), 'good');
    const good = await generation('firm');
    await host.sql("UPDATE apps SET env = JSON_OBJECT('APP_VERSION', 'bad', 'EXIT_AT_START', '3') WHERE name = 'firm'");
    await host.until(async () => (await host.journal('fc-sync-watch.service')).some(({ message }) => /did not start.*app=firm/.test(message)) || 'nothing said', { timeoutMs: 15_000, what: 'the failed hand-over is told' });
    assert.equal(await version('firm'), 'good');
    const { code, stderr } = await host.sync();
    assert.equal(code, 1);
    assert.match(stderr, /^! firm: generation [0-9a-f]{8} did not start, firm-[0-9a-f]{8} goes on serving, next try in [0-9]+ s: .*exited with status 3/m);
    assert.equal(await generation('firm'), good);
  });

  test('does not replace it while it sleeps either', async () => {
    await host.until(async () => (await containers('firm')).length === 0 || 'awake', { timeoutMs: 15_000, what: 'firm falls asleep' });
    assert.equal((await host.sync()).code, 1);
    assert.equal(await version('firm'), 'good');
  });

  test('is forgotten as soon as the row is mended', async () => {
    const before = await generation('firm');
    await host.sql("UPDATE apps SET env = JSON_OBJECT('APP_VERSION', 'mended') WHERE name = 'firm'");
    await serves('firm', { not: before });
    assert.equal(await version('firm'), 'mended');
    assert.deepEqual(await host.sync().then(({ code, stderr }) => [code, stderr]), [0, '']);
  });

  test('because its image is missing is told so', async () => {
    assert.equal(await version('firm'), 'mended');
    await host.sql("UPDATE apps SET image = 'localhost/nothing-here:1' WHERE name = 'firm'");
    await host.until(async () => (await host.sync()).code === 1 || 'exit 0', { timeoutMs: 15_000, what: 'the failure' });
    assert.equal(await version('firm'), 'mended');
    assert.match((await host.sync()).stderr, /^! fc-image@[0-9a-f]{16}\.service: the image localhost\/nothing-here:1 of firm could not be fetched, .*no registry has it/m);
    await host.sql("UPDATE apps SET image = 'localhost/fc-test-app' WHERE name = 'firm'");
    await host.until(async () => (await host.sync()).code === 0 || 'exit 1', { timeoutMs: 15_000, what: 'back to normal' });
  });
});

test('a lifetime that is over hands the app over to a fresh generation, and no visitor pays for it', async () => {
  await host.addApp('aged', { lifetime_s: 10, idle_timeout_s: 60 });
  await serves('aged', { not: '' });
  const run = async (): Promise<string> => /run (\S+)/.exec((await host.request('aged.test', '/')).body)?.[1] ?? '';
  const first = await run();
  const before = await generation('aged');
  await host.until(async () => (await run()) !== first || 'the same run', { timeoutMs: 40_000, what: 'a fresh run of the app' });
  assert.notEqual(await generation('aged'), before);
  assert.equal((await host.request('aged.test', '/')).headers['server-timing'], undefined);
  await host.sql("UPDATE apps SET lifetime_s = NULL WHERE name = 'aged'");
});

test('an app that never sleeps is awake without a visitor, and so is its next generation', async () => {
  await host.addApp('owl', { idle_timeout_s: null, env: { APP_VERSION: 'v1' } });
  await host.until(async () => (await containers('owl')).length === 1 || 'asleep', { timeoutMs: 15_000, what: 'owl wakes by itself' });
  const before = await generation('owl');
  await setVersion('owl', 'v2');
  await serves('owl', { not: before });
  assert.equal(await version('owl'), 'v2');
  await host.until(async () => (await host.state(`fc-lease-never@owl-${before}.timer`)) === 'inactive' || 'held', { timeoutMs: 15_000, what: 'the endless lease of the old generation ends' });
  assert.equal(await host.state(`fc-ctr-owl-${await generation('owl')}.service`), 'active');
});

test('on the network of the host the old generation makes place for the new one, and comes back when that fails', async () => {
  await host.ok("sed -i '/^\\[network\\]/,$d' /etc/fastcontainer/fastcontainer.ini && printf '[network]\\nallow_host = yes\\n' >> /etc/fastcontainer/fastcontainer.ini && systemctl restart fc-sync-watch");
  await host.addApp('edge', { network: 'host', port: 8099, env: { PORT: '8099', APP_VERSION: 'v1' }, idle_timeout_s: 60, start_timeout_s: 5 });
  await serves('edge', { not: '' });
  assert.equal(await version('edge'), 'v1');
  const v1 = await generation('edge');
  await host.sql("UPDATE apps SET env = JSON_OBJECT('PORT', '8099', 'APP_VERSION', 'v2') WHERE name = 'edge'");
  await serves('edge', { not: v1 });
  await host.until(async () => (await version('edge')) === 'v2' || 'not v2', { timeoutMs: 10_000, what: 'the new generation' });
  const v2 = await generation('edge');
  await host.sql("UPDATE apps SET env = JSON_OBJECT('PORT', '8099', 'EXIT_AT_START', '4') WHERE name = 'edge'");
  await host.until(async () => (await host.journal('fc-sync-watch.service')).some(({ message }) => /did not start.*app=edge/.test(message)) || 'nothing said', { timeoutMs: 20_000, what: 'the failed replacement is told' });
  await serves('edge', v2);
  assert.equal(await version('edge'), 'v2');
});

test('an image source and a rootfs source are interchangeable', async () => {
  await host.addApp('tree', { env: { APP_VERSION: 'image' } });
  await serves('tree', { not: '' });
  assert.equal(await version('tree'), 'image');
  const before = await generation('tree');
  await host.sql(`UPDATE apps SET image = NULL, rootfs = '${TEST_ROOTFS}', command = '${JSON.stringify(TEST_COMMAND)}', env = JSON_OBJECT('APP_VERSION', 'rootfs') WHERE name = 'tree'`);
  await serves('tree', { not: before });
  assert.equal(await version('tree'), 'rootfs');
});
