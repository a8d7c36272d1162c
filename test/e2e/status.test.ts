/** fc-status on booted hosts: every state as what it is, at a terminal and in a pipe, wrong input, and the fleet with a host that is gone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseFleetStatus, parseHostStatus } from '../../src/admin/parse.ts';
import type { AppState, AppStateName, FleetStatus } from '../../src/admin/state.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import type { TestHost } from '../support/host.ts';
import { TestTerminal } from '../support/terminal.ts';

let fleet: TestFleet;
let front: TestHost;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1'] });
  front = fleet.host('front');
  const long = { idle_timeout_s: 300 };
  await fleet.place('shop', ['front'], long, ['shop.test', 'www.shop.test', '*.shop.example']);
  await fleet.place('sleepy', ['front'], long);
  await fleet.place('slow', ['front'], { ...long, env: { START_DELAY_MS: '200000' }, start_timeout_s: 300 });
  await fleet.place('moving', ['front'], long);
  await fleet.place('wrong', ['front'], { port: 0 });
  await fleet.place('far', ['web1'], long);
  await untilState('far', 'elsewhere');
}, { timeout: 300_000 });

after(() => fleet.kill());

async function app(name: string): Promise<AppState | undefined> {
  const { apps } = parseHostStatus(JSON.parse(await front.ok('fc-status --json')));
  return apps.find((one) => one.name === name);
}

async function untilState(name: string, state: AppStateName, timeoutMs = 20_000): Promise<void> {
  await front.until(async () => {
    const now = (await app(name))?.state;
    return now === state || `it is ${now}`;
  }, { timeoutMs, what: `${name} is ${state}` });
}

/** The table's rows by name, as awk has them. */
async function rows(options = ''): Promise<ReadonlyMap<string, readonly string[]>> {
  const lines = (await front.ok(`fc-status --no-legend ${options}`)).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => {
    const columns = line.trim().split(/\s+/);
    assert.equal(columns.length, 12, line);
    return [columns[0] ?? '', columns];
  }));
}

describe('an app appears as what it is', () => {
  test('awake, asleep, rejected, starting, handing over', { timeout: 120_000 }, async () => {
    for (const name of ['shop', 'moving']) assert.equal((await front.request(`${name}.test`, '/')).status, 200);
    void front.request('slow.test', '/', { timeoutMs: 200_000 }).catch(() => undefined);
    await front.sql(`UPDATE apps SET env = '{"START_DELAY_MS":"200000"}', start_timeout_s = 300 WHERE name = 'moving'`);
    await untilState('moving', 'handing-over');
    await untilState('slow', 'starting');

    const all = await rows('--all');
    assert.deepEqual([...all].map(([name, [, , state]]) => `${name} ${state}`), [
      'wrong rejected', 'slow starting', 'moving handing-over', 'shop awake', 'sleepy asleep',
    ], 'what needs attention comes first');
    const [, domains, , since = '', generation = '', host] = all.get('shop') ?? [];
    assert.deepEqual([domains, host], ['shop.test,www.shop.test,*.shop.example', 'front']);
    assert.match(since, /^\d+(s|min)$/);
    assert.equal(await front.state(`fc-ctr-shop-${generation}.service`), 'active');
  });

  test('with what is wrong below the table, and who sleeps counted', async () => {
    const said = await front.ok('fc-status');
    assert.match(said, /^front +5 apps: 1 rejected, 1 starting, 1 handing over, 1 awake, 1 asleep$/m);
    assert.match(said, /^fc-sync +in step with the CMDB \d+s ago, revision \d+$/m);
    assert.match(said, /^1 asleep: --all shows them$/m);
    assert.match(said, /^Rows that were not applied:\n {2}apps 'wrong', column port: is "0"/m);
  });

  test('and only those that are asked for', async () => {
    assert.deepEqual([...(await rows('sleepy any.shop.example')).keys()], ['shop', 'sleepy']);
    assert.deepEqual([...(await rows("'s*' --sort name --reverse")).keys()], ['slow', 'sleepy', 'shop']);
    assert.deepEqual([...(await rows('--state rejected,quarantined')).keys()], ['wrong']);
    assert.match(await front.ok('fc-status shpo'), /No app here is called "shpo"/);
    const { apps, counts } = parseHostStatus(JSON.parse(await front.ok('fc-status --json --state asleep')));
    assert.deepEqual([apps.map(({ name }) => name), counts.awake], [['sleepy'], 1]);
  });
});

/** What a terminal shows in the end: what was written since the cursor last went home. */
function shown(written: string): readonly string[] {
  return (written.split('\x1b[H').at(-1) ?? '').replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, '').split(/\r?\n/);
}

describe('--watch', () => {
  async function watching(columns: number, lines: number): Promise<TestTerminal> {
    const terminal = await TestTerminal.open(front, 'fc-status --watch --interval 0.2', columns, lines);
    await front.until(async () => shown(await terminal.written()).some((line) => line.startsWith('shop ')) || 'no table', { timeoutMs: 10_000, what: 'the table is there' });
    return terminal;
  }

  test('is drawn anew in place, fits the window, and ^C gives the terminal back', { timeout: 60_000 }, async () => {
    const terminal = await watching(80, 30);
    const first = await terminal.written();
    assert.ok(first.includes('\x1b[?1049h'), 'on the alternate screen');
    assert.ok(/\x1b\[3[0-9]m/.test(first), 'in colours');
    for (const line of shown(first)) assert.ok(line.length <= 80, line);
    await front.request('sleepy.test', '/');
    await front.until(async () => shown(await terminal.written()).some((line) => /^sleepy .* awake /.test(line)) || 'it is not shown', { timeoutMs: 10_000, what: 'sleepy is shown to be awake' });
    await terminal.resize(50, 8);
    await front.until(async () => {
      const small = shown(await terminal.written());
      return (small.length <= 8 && small.every((line) => line.length <= 50) && small.some((line) => line.startsWith('APP '))) || small.join('\n');
    }, { timeoutMs: 10_000, what: 'the table is as small as the window' });
    await terminal.type('\\003');
    assert.deepEqual(await terminal.ended(5000), { code: 0, restored: true });
    const last = await terminal.written();
    assert.ok(last.lastIndexOf('\x1b[?1049l') > last.lastIndexOf('\x1b[H') && last.includes('\x1b[?25h'), 'the screen and the cursor are back');
    await terminal.close();
  });

  test('so do q and SIGTERM', { timeout: 60_000 }, async () => {
    const terminals = await Promise.all([watching(100, 30), watching(100, 30)]);
    await terminals[0].type('q');
    await front.ok(`kill -TERM ${await terminals[1].pid('fc-status')}`);
    for (const terminal of terminals) {
      assert.deepEqual(await terminal.ended(5000), { code: 0, restored: true });
      assert.ok((await terminal.written()).includes('\x1b[?1049l'));
      await terminal.close();
    }
  });

  test('outlives a restart of fc-admin, and says what it waits for meanwhile', { timeout: 60_000 }, async () => {
    const terminal = await watching(80, 30);
    await front.ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service');
    await front.until(async () => shown(await terminal.written())[0]?.startsWith('fc-admin does not listen') === true || 'nothing is said', { timeoutMs: 10_000, what: 'it says that fc-admin is gone' });
    await front.ok('systemctl start fc-admin.socket fc-admin-report.socket fc-admin.service');
    await front.until(async () => shown(await terminal.written())[0]?.startsWith('front ') === true || 'it is not back', { timeoutMs: 20_000, what: 'it is back' });
    await terminal.type('q');
    assert.equal((await terminal.ended(5000)).code, 0);
    await terminal.close();
  });

  test('in a pipe it is one table after the other, or one line of JSON, until the reader leaves', async () => {
    assert.match(await front.ok('fc-status --watch --interval 0.1 | head -n 40 | grep -c "^front "'), /^[2-9]/);
    const lines = (await front.ok('fc-status --watch --interval 0.1 --json | head -n 3')).trim().split('\n');
    assert.deepEqual(lines.map((line) => parseHostStatus(JSON.parse(line)).host), ['front', 'front', 'front']);
    assert.equal((await front.ok('fc-status | head -n 1 > /dev/null; echo ${PIPESTATUS[0]}')).trim(), '0');
  });
});

describe('what cannot be shown', () => {
  test('wrong usage ends with 2 and names what is wrong', async () => {
    for (const [args, what] of [['--sort size', /--sort size: it is one of name,/], ['--state dreaming', /--state dreaming/], ['--interval 3', /goes with --watch/], ['--watch --interval 0', /--interval 0/], ['--colour', /colour/], ['--all --state deep', /exclude/]] as const) {
      const { code, stdout, stderr } = await front.sh(`fc-status ${args}`);
      assert.equal(code, 2, args);
      assert.equal(stdout, '');
      assert.match(stderr, what);
      assert.match(stderr, /Try fc-status --help\.\n$/);
    }
    assert.match(await front.ok('fc-status --help'), /^Usage: fc-status /);
  });

  test('any user may look; without fc-admin it is said what to do, with 1', async () => {
    assert.match(await front.ok('setpriv --reuid=nobody --regid=nogroup --clear-groups fc-status'), /^front /);
    await front.ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service');
    for (const options of ['', '--watch', '--json', '--fleet']) {
      const { code, stdout, stderr } = await front.sh(`fc-status ${options}`);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^fc-status: fc-admin does not listen at .*: systemctl start fc-admin\.socket\n$/);
    }
    await front.ok('systemctl start fc-admin.socket');
    assert.match(await front.ok('fc-status'), /^front /);
  });
});

describe('the fleet', () => {
  const ask = async (): Promise<FleetStatus> => parseFleetStatus(JSON.parse(await front.ok('fc-status --fleet --json')));

  async function untilWhy(name: string, why: RegExp): Promise<void> {
    await front.until(async () => {
      const host = (await ask()).hosts.find((one) => one.name === name);
      return (host !== undefined && host.status === null && why.test(host.why)) || JSON.stringify(host).slice(0, 300);
    }, { timeoutMs: 20_000, what: `${name} is told of: ${why}` });
  }

  test('is the hosts and their apps, asked of any of them', async () => {
    await fleet.host('web1').request('far.test', '/');
    for (const name of ['front', 'web1']) {
      const said = await fleet.host(name).ok('fc-status --fleet');
      assert.match(said, /^front +active .*\nweb1 +active /m);
      assert.match(said, /^shop +\S+ +awake +\S+ +[0-9a-f]{8} +front /m);
      assert.match(said, /^far +far\.test +awake +\S+ +[0-9a-f]{8} +web1 /m);
      assert.doesNotMatch(said, /elsewhere/);
    }
    assert.deepEqual([...(await rows('--fleet far shop')).values()].map(([app, , , , , host]) => `${app} ${host}`), ['far web1', 'shop front']);
  });

  test('a host without its fc-admin is told of, and one that is gone', { timeout: 60_000 }, async () => {
    await fleet.host('web1').ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service');
    await untilWhy('web1', /^it answers 503: its fc-admin does not answer/);
    await fleet.killHost('web1');
    await untilWhy('web1', /^cannot connect to web1 at |^no answer within/);
    const said = await front.ok('fc-status --fleet');
    assert.match(said, /^web1 +active +(cannot connect|no answer)/m);
    assert.match(said, /^shop .* awake /m);
  });

  test('nobody without the token gets it', async () => {
    const { code, stdout } = await front.sh(`curl -s -H 'X-FastContainer-App;' -H 'X-FastContainer-Token: ${'x'.repeat(32)}' http://127.0.0.1:8079/.fastcontainer/state.json`);
    assert.notEqual(code, 0);
    assert.equal(stdout, '');
  });
});
