/** Apps that nobody has visited for long: systemd knows nothing of them, and fc-proxy wakes them all the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootHost, type TestHost } from '../support/host.ts';
import { type Failure, Load, socketsOf, summary, throughProxy, underLoad, type Target } from '../support/load.ts';

const DEEP_SLEEP_S = 1;
/** Times that a door closed while requests were aimed at that moment. */
const CLOSINGS = 20;
const LONGEST_MS = 120_000;

let host: TestHost;

before(async () => {
  host = await bootHost('deep', { sync: 'watch' });
  await host.ok(`
    sed -i 's/^\\[host\\]$/&\\ndeep_sleep_s = ${DEEP_SLEEP_S}/' /etc/fastcontainer/fastcontainer.ini
    systemctl restart fc-sync-watch`);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** The only generation of an app that has not ended. */
async function generationOf(app: string): Promise<string> {
  let instance = '';
  await host.until(async () => {
    const files = (await host.ok(`ls -1 /var/lib/fastcontainer/net | grep '^${app}-' || true`)).trim().split('\n');
    instance = files[0] ?? '';
    return (files.length === 1 && instance !== '') || files.join(' ');
  }, { timeoutMs: 20_000, what: `${app} has one generation` });
  return instance;
}

/** What the host holds of an app, besides its files and its row. */
async function held(app: string): Promise<string> {
  const instance = await generationOf(app);
  return (await host.ok(`
    systemctl list-units --all --plain --no-legend '*${instance}*' | cut -d' ' -f1
    ls -d /run/netns/fc-${instance} /run/fastcontainer/${app}.sock /run/fastcontainer/${instance.replaceAll('_', '-')}.sock* \
      /etc/systemd/system/fc-doors.target.wants/*${instance}* /var/lib/fastcontainer/visits/${instance} 2>/dev/null || true`)).trim();
}

async function fallsDeep(app: string): Promise<void> {
  await host.until(async () => {
    const left = await held(app);
    return left === '' || `there is still ${left.replaceAll('\n', ' ')}`;
  }, { timeoutMs: 30_000, what: `nothing of ${app} is left` });
}

const greeting = async (app: string): Promise<readonly unknown[]> => {
  const { status, body } = await host.request(`${app}.test`, '/');
  return [status, body.split('\n')[0]?.trim()];
};

/** Whether another program on the host finds the app. */
async function answersAtDoor(app: string): Promise<boolean> {
  return (await host.sh(`curl --silent --fail --max-time 20 --unix-socket /run/fastcontainer/${app}.sock http://${app}.test/`)).code === 0;
}

async function doorOpens(app: string): Promise<void> {
  await host.until(async () => await answersAtDoor(app) || 'it does not answer', { timeoutMs: 30_000, what: `the door of ${app} is open` });
}

test('an app that was never visited falls into deep sleep, a request wakes it, and its door opens again', { timeout: 120_000 }, async () => {
  await host.addApp('quiet', { idle_timeout_s: 1 });
  await doorOpens('quiet');
  const instance = await generationOf('quiet');
  await fallsDeep('quiet');
  assert.equal(await answersAtDoor('quiet'), false);
  assert.deepEqual(await greeting('quiet'), [200, 'hello from quiet']);
  await underLoad({ perSecond: 5, targets: [throughProxy(host, 'quiet')] }, () => doorOpens('quiet'));
  await fallsDeep('quiet');
  assert.equal(await generationOf('quiet'), instance, 'it is the same generation all the time');
});

test('an app with apps.socket = 1 keeps its door, and the column takes effect both ways without a new generation', { timeout: 120_000 }, async () => {
  await host.addApp('door', { idle_timeout_s: 1, socket: 1 });
  await host.addApp('other', { idle_timeout_s: 1 });
  await doorOpens('door');
  const instance = await generationOf('door');
  await fallsDeep('other');
  assert.equal(await answersAtDoor('door'), true);
  await host.sql("UPDATE apps SET socket = 0 WHERE name = 'door'");
  await fallsDeep('door');
  await host.sql("UPDATE apps SET socket = 1 WHERE name = 'door'");
  await doorOpens('door');
  assert.equal(await generationOf('door'), instance);
});

test('apps that never sleep, and those with a port of the host, are never in deep sleep', { timeout: 120_000 }, async () => {
  await host.addApp('port', { idle_timeout_s: 1 });
  await host.sql("UPDATE placements SET listen_port = 2525 WHERE app = 'port'");
  await host.addApp('sleepless', { idle_timeout_s: null });
  await host.addApp('third', { idle_timeout_s: 1 });
  await fallsDeep('third');
  const { stdout } = await host.sync('--dry-run', '--json');
  const report: unknown = JSON.parse(stdout);
  assert.ok(typeof report === 'object' && report !== null && 'deepAsleep' in report);
  const asleep = [...await Promise.all(['port', 'sleepless', 'third', 'other'].map(async (app) => [app, await held(app) === ''] as const))];
  assert.deepEqual(asleep, [['port', false], ['sleepless', false], ['third', true], ['other', true]]);
  assert.equal((await host.sh('curl --silent --fail --max-time 20 http://127.0.0.1:2525/')).code, 0);
});

test('an app that listens on loopback only wakes from deep sleep', { timeout: 120_000 }, async () => {
  await host.addApp('inner', { idle_timeout_s: 1, env: { LISTEN_HOST: '127.0.0.1' } });
  await doorOpens('inner');
  for (let round = 0; round < 2; round++) {
    await fallsDeep('inner');
    assert.deepEqual(await greeting('inner'), [200, 'hello from inner'], `round ${round}`);
  }
  await fallsDeep('inner');
});

test('a changed row of an app in deep sleep takes effect, and its new generation listens', { timeout: 120_000 }, async () => {
  await host.addApp('shop', { idle_timeout_s: 1 });
  const before = await generationOf('shop');
  await fallsDeep('shop');
  await host.sql("UPDATE apps SET env = '{\"A\": \"1\"}' WHERE name = 'shop'");
  await host.until(async () => await generationOf('shop') !== before || 'it has its old generation', { timeoutMs: 20_000, what: 'the change is applied' });
  assert.match((await host.request('shop.test', '/env')).body, /"A": "1"/);
  await fallsDeep('shop');
  await host.sql("DELETE FROM placements WHERE app = 'shop'");
  await host.until(async () => (await host.sh('ls /etc/systemd/system/fc-*-shop-*')).code !== 0 || 'there are', { timeoutMs: 20_000, what: 'its files are gone' });
});

/** How often doors have closed. */
async function closings(): Promise<number> {
  return Number(await host.ok("journalctl --no-pager -o cat --unit='fc-app-*.socket' _PID=1 | grep -c '^Closed ' || true"));
}

/** Lets an app come close to the moment at which its door closes, or to just past it, and asks for it then. */
async function aim(load: Load, app: string, target: Target, more: () => boolean): Promise<void> {
  while (more()) {
    // Who finds its door closed cannot wake it.
    await load.request(throughProxy(host, app));
    // Its lease, its end, deep sleep, and the look that closes the door.
    await sleep(1000 + DEEP_SLEEP_S * 1000 + 200 + Math.random() * 1800);
    await Promise.all(Array.from({ length: 1 + Math.floor(Math.random() * 2) }, () => load.request(target)));
  }
}

/** Who looks up a door that is closed finds none; that is all that may happen to him. */
function isClosedDoor({ target, kind, what }: Failure): boolean {
  return target.endsWith('its socket') && kind === 'broken' && /^(?:ENOENT|ECONNREFUSED): connect /.test(what);
}

test(`${CLOSINGS} doors close while requests come, through fc-proxy and through the door itself`, { timeout: 240_000 }, async (t) => {
  const names = (prefix: string): string[] => Array.from({ length: 5 }, (_, n) => `${prefix}${n}`);
  const [proxied, loopback, direct] = [names('p'), names('l'), names('s')];
  for (const app of [...proxied, ...direct]) await host.addApp(app, { idle_timeout_s: 1 });
  for (const app of loopback) await host.addApp(app, { idle_timeout_s: 1, env: { LISTEN_HOST: '127.0.0.1' } });
  // Through fc-proxy: their doors may have closed again by now.
  await Promise.all([...proxied, ...loopback, ...direct].map((app) =>
    host.until(async () => (await greeting(app))[0] === 200 || 'it is not', { timeoutMs: 60_000, what: `${app} is served` })));

  const socket = await socketsOf(host);
  const load = new Load({ perSecond: 0, targets: [] });
  const first = await closings();
  let count = 0;
  const began = performance.now();
  const more = (): boolean => count < CLOSINGS && performance.now() - began < LONGEST_MS;
  const aiming = Promise.all([
    ...[...proxied, ...loopback].map((app) => aim(load, app, throughProxy(host, app), more)),
    ...direct.map((app) => aim(load, app, socket(app), more)),
  ]);
  while (more()) {
    await sleep(1000);
    count = await closings() - first;
  }
  await aiming;
  const report = await load.stop();
  const failures = report.failures.filter((failure) => !isClosedDoor(failure));
  t.diagnostic(`${count} doors closed; ${report.failures.length - failures.length} direct clients found a closed door; ${summary({ ...report, failures })}`);
  assert.deepEqual(failures, [], summary({ ...report, failures }));
  assert.ok(count >= CLOSINGS, `only ${count} doors closed`);
});

test('after a reboot only those doors are open that were open before, also without the database', { timeout: 180_000 }, async () => {
  await fallsDeep('quiet');
  const quiet = await generationOf('quiet');
  const door = await generationOf('door');
  await host.ok('systemctl disable --quiet mariadb');
  await host.reboot();
  await doorOpens('door');
  assert.equal(await host.state(`fc-app-${quiet}.socket`), 'inactive');
  assert.equal(await host.state(`fc-app-${door}.socket`), 'active');
  assert.deepEqual(await greeting('quiet'), [200, 'hello from quiet']);
  await host.ok('systemctl enable --quiet --now mariadb');
  await underLoad({ perSecond: 5, targets: [throughProxy(host, 'quiet')] }, () => doorOpens('quiet'));
});

test('nor does systemd keep of an app what it has loaded at boot, when its door was open', { timeout: 180_000 }, async () => {
  const instance = await generationOf('quiet');
  await greeting('quiet');
  await doorOpens('quiet');
  await host.reboot();
  assert.match(await host.ok(`journalctl -b -o cat -u fc-app-${instance}.socket`), /Listening on/);
  await fallsDeep('quiet');
  assert.deepEqual(await greeting('quiet'), [200, 'hello from quiet']);
});
