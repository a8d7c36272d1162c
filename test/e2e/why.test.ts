/** fc-why, on a host where each of the things that it is asked about is so; and what fc-sync tells of its runs. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { parseSyncReport } from '../../src/admin/sync-report.ts';
import type { SyncState } from '../../src/admin/state.ts';
import { bootHost, insertApp, type TestHost } from '../support/host.ts';
import type { Result } from '../support/run.ts';

let host: TestHost;

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const REPORT = '/var/lib/fastcontainer/report.json';

const report = async (): Promise<SyncState> => parseSyncReport(await host.ok(`cat ${REPORT}`)) ?? assert.fail('no report');
/** How an app of Node's own ends that is started so. */
const script = (text: string): Record<string, string> => ({ command: JSON.stringify(['/usr/bin/node', '-e', text]) });

/** Says all of these, in this order, and ends with this status. */
async function why(asked: string | readonly string[], status: number, ...says: readonly RegExp[]): Promise<string> {
  const { stdout, stderr, code } = await host.exec('fc-why', ...[asked].flat());
  const text = unwrapped(stdout);
  let from = 0;
  for (const pattern of says) {
    const at = text.slice(from).search(pattern);
    assert.ok(at >= 0, `${pattern} is not said, or not there:\n${stdout}${stderr}`);
    from += at;
  }
  assert.equal(code, status, stdout + stderr);
  return stdout;
}

/** Sentences on a line each. */
function unwrapped(text: string): string {
  return text.replace(/\n {2}(?=[^ ])/g, ' ').replace(/^(\S.*)\n(?=\S)/gm, '$1 ');
}

before(async () => {
  host = await bootHost('why', { sync: 'manual' });
  await host.addApp('shop', { idle_timeout_s: 300 }, ['shop.test', '*.shop.test']);
}, { timeout: 120_000 });

after(async () => {
  await host.kill();
});

describe('report.json', () => {
  test('is written by each run, for fc-proxy\'s group to read', async () => {
    assert.equal((await host.sync()).code, 0);
    assert.equal((await host.ok(`stat -c '%a %U:%G' ${REPORT}`)).trim(), '640 root:fc-proxy');
    const { error, revision, rejections, failed, handingOver } = await report();
    assert.deepEqual([error, rejections, failed, handingOver], [null, [], [], []]);
    assert.ok(Number(revision) > 0);
  });

  test('also by one that finds nothing to do, which it does not unsettle', async () => {
    await host.sync();
    const before = await report();
    const settled = await host.ok('stat -c %Y.%i /var/lib/fastcontainer/settled.json');
    assert.match((await host.sync()).stdout, /^1 unchanged\n$/);
    const { syncedAt, triedAt, ...rest } = await report();
    assert.ok((syncedAt ?? 0) > (before.syncedAt ?? 0) && triedAt > before.triedAt);
    assert.deepEqual(rest, (({ syncedAt: _s, triedAt: _t, ...others }) => others)(before));
    assert.equal(await host.ok('stat -c %Y.%i /var/lib/fastcontainer/settled.json'), settled, 'it did not look at everything');
  });

  test('also by one that cannot reach the CMDB: the rest stays', async () => {
    const before = await report();
    await host.ok('systemctl stop mariadb');
    assert.equal((await host.sync()).code, 3);
    const after = await report();
    assert.match(after.error ?? '', /the CMDB cannot be used/);
    assert.deepEqual([after.syncedAt, after.revision], [before.syncedAt, before.revision]);
    await why('shop', 1, /fc-sync could not do its work .*: the CMDB cannot be used/, /the last time that it could was/, /Not seen: the rows of the CMDB/);
    await host.ok('systemctl start mariadb');
  });

  test('and by --watch, when something is rejected, and while nothing happens', async () => {
    await host.sql("INSERT INTO hosts (name, address) VALUES ('web2', '192.0.2.12')");
    await host.sql([
      insertApp('exits', [host.row], script('console.log("\\u001b[31mno database"); process.exit(3)')),
      insertApp('mute', [host.row], { env: { NEVER_LISTEN: '1' }, start_timeout_s: 2 }),
      insertApp('noimage', [host.row], { image: 'localhost/nothing-here:1', start_timeout_s: 5 }),
      insertApp('stored', [host.row], { volumes: ['/srv/fastcontainer/nas/stored:/data:rw'], start_timeout_s: 5 }),
      insertApp('door', [host.row], { idle_timeout_s: 30 }, []),
      insertApp('mail', [host.row], { idle_timeout_s: 30 }, []),
      insertApp('always', [host.row], { idle_timeout_s: null }),
      insertApp('bad', [host.row], { memory_max: 'lots' }),
      insertApp('off', [host.row], { enabled: 0 }),
      insertApp('nowhere', []),
      insertApp('far', ['web2']),
      "UPDATE placements SET listen_port = 2525 WHERE app = 'mail'",
      "INSERT INTO domains (fqdn, app) VALUES ('under_score.test', 'door')",
    ].join(';\n'));
    // A mount point for which there is no device.
    await host.ok(`printf '[Mount]\\nWhat=/dev/none\\nWhere=/srv/fastcontainer/nas\\nType=ext4\\n' >/run/systemd/system/srv-fastcontainer-nas.mount; systemctl daemon-reload; systemctl start fc-sync-watch`);
    await host.until(async () => (await report()).rejections.length >= 2 || 'not rejected', { timeoutMs: 20_000, what: 'the report names what was rejected' });
    assert.deepEqual((await report()).rejections.map(({ table, key, column, app }) => `${table} ${key} ${column} ${app}`), ['apps bad memory_max bad', 'domains under_score.test fqdn door']);
    const { syncedAt } = await report();
    await host.until(async () => ((await report()).syncedAt ?? 0) > (syncedAt ?? 0) || 'as before', { timeoutMs: 30_000, what: 'it is told again that nothing has changed' });
  });
});

describe('why is it awake, and what woke it', () => {
  test('a request of a browser', async () => {
    assert.equal((await host.request('shop.test', '/?secret=1', { headers: { 'user-agent': BROWSER } })).status, 200);
    await host.until(async () => /A request woke it/.test((await host.exec('fc-why', 'shop')).stdout) || 'not told yet', { timeoutMs: 10_000, what: 'fc-admin has heard of it' });
    const text = await why('shop', 0, /^shop has been awake on web1/, /Its lease of 5 minutes runs out in \d minutes \(\d\d:\d\d:\d\d\)/, /The last request came/,
      /Why did it wake\?/, /A request woke it .*, and waited \d+ ms for it/, /GET http:\/\/shop\.test\/$/m, /, a browser \(Mozilla\/5\.0 .*Firefox\/140\.0\)/);
    assert.doesNotMatch(text, /secret/);
  });

  test('what is in flight: from whom, and since when', async () => {
    const aborted = new AbortController();
    const slow = httpRequest({ host: host.address, port: 80, path: '/slow?ms=60000', headers: { host: 'shop.test', 'user-agent': 'Googlebot/2.1' }, agent: false, signal: aborted.signal });
    slow.on('error', () => undefined);
    slow.end();
    const socket = new WebSocket(`ws://${host.address}/ws`, { headers: { host: 'www.shop.test' } });
    await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
    try {
      await host.until(async () => /1 request and 1 WebSocket are in flight/.test((await host.exec('fc-why', 'shop')).stdout) || 'not both', { timeoutMs: 10_000, what: 'both are in flight' });
      await why('https://www.shop.test/ws', 0, /^www\.shop\.test leads to the app shop \(by \*\.shop\.test\)\. shop has been awake/, /1 request and 1 WebSocket are in flight/,
        /GET http:\/\/shop\.test\/slow since .* from \S+, a bot or program \(Googlebot\/2\.1\)/, /WebSocket or the like: GET http:\/\/www\.shop\.test\/ws/);
    } finally {
      aborted.abort();
      socket.terminate();
    }
  });

  test('a program at its socket', async () => {
    await host.ok('systemd-run --quiet --unit=at-the-door curl -s --unix-socket /run/fastcontainer/door.sock "http://x/slow?ms=60000"');
    await host.until(async () => (await host.state('fc-app-door-*.service')) === 'active' || 'not connected', { timeoutMs: 20_000, what: 'door is awake' });
    await why('door', 1, /1 connection is open through its socket, past fc-proxy: its gate holds it awake/, /Why did it wake\?/, /A program on the host connected to its socket, and woke it/);
    await host.ok('systemctl stop at-the-door');
  });

  test('a client at its port', async () => {
    const client = await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ host: host.address, port: 2525 }, () => { resolve(socket); });
      socket.on('error', reject);
    });
    try {
      await host.until(async () => (await host.state('fc-ctr-mail-*.service')) === 'active' || 'asleep', { timeoutMs: 20_000, what: 'mail is awake' });
      await why('mail', 0, /1 connection is open at port 2525 of the host/, new RegExp(`from ${client.localAddress?.replaceAll('.', '\\.')}:${client.localPort}`), /A connection to port 2525 of the host woke it/);
    } finally {
      client.destroy();
    }
  });

  test('it never sleeps', async () => {
    await host.until(async () => (await host.state('fc-ctr-always-*.service')) === 'active' || 'asleep', { timeoutMs: 20_000, what: 'always is awake' });
    await why('always', 0, /It never sleeps: apps\.idle_timeout_s of its row is NULL/, /fc-sync started it, as it never sleeps/);
  });
});

describe('why did it not start', () => {
  /** As long as what is left of a start that failed is being stopped, that is what there is to say. */
  const stopped = (app: string): Promise<void> => host.until(async () => (await host.state(`fc-ctr-${app}-*.service`)) !== 'deactivating' || 'it is being stopped', { timeoutMs: 20_000, what: `${app} has stopped` });

  test('it ends at once: who asked, what it said, how often, and when it is tried again', async () => {
    for (let round = 0; round < 2; round++) assert.ok((await host.request('exits.test', '/', { headers: { 'user-agent': BROWSER } })).status >= 500);
    await host.until(async () => /failed 2 times/.test((await host.exec('fc-why', 'exits')).stdout) || 'not told yet', { timeoutMs: 10_000, what: 'fc-admin has heard of it' });
    const text = await why('exits', 1, /^exits (does|did) not start/, /Why did it not start\?/, /exited with status 3/, /result exit-code, exit status 3/, /This request asked for it/, /GET http:\/\/exits\.test\//, /The last that it said/, /no database/, /It has failed 2 times in a row/);
    assert.doesNotMatch(text, /\x1b/);
  });

  test('nothing listens', async () => {
    assert.ok((await host.request('mute.test', '/')).status >= 500);
    await stopped('mute');
    await why('mute', 1, /Why did it not start\?/, /nothing listens on port 8080/);
  });

  test('its image is not there', async () => {
    await why('noimage', 1, /could not wake: its image is not there/, /Why would it not start\?/, /could not be fetched.*no registry has it/, /fc-image@[0-9a-f]{16}\.service/);
  });

  test('its storage is not mounted', async () => {
    assert.ok((await host.request('stored.test', '/')).status >= 500);
    await stopped('stored');
    await why('stored', 1, /its storage at \/srv\/fastcontainer\/nas is not mounted/);
  });
});

describe('why is its row not applied', () => {
  test('rejected', async () => {
    await why('bad', 1, /its row was rejected/, /The row of apps whose key is 'bad' is not used: its column memory_max is "lots", not a size/);
  });

  test('it does not start as the row now says: what served goes on', async () => {
    assert.equal((await host.request('shop.test', '/')).status, 200);
    await host.sql(`UPDATE apps SET env = '{"EXIT_AT_START": "4"}' WHERE name = 'shop'`);
    await host.until(async () => (await report()).handOvers.failed > 0 || 'not yet', { timeoutMs: 20_000, what: 'the hand-over has failed' });
    await why('shop', 1, /^shop has been awake/, /did not start as its row now says, so it goes on as it was before; tried again/, /exited with status 4/);
    await host.sql(`UPDATE apps SET env = '{"APP_VERSION": "2"}' WHERE name = 'shop'`);
    await host.until(async () => (await report()).handOvers.done > 0 || 'not yet', { timeoutMs: 20_000, what: 'the hand-over is done' });
    await host.until(async () => (await host.request('shop.test', '/')).body.includes(' 2') || 'the old one', { timeoutMs: 10_000, what: 'the new one serves' });
    await why('shop', 0, /fc-sync started it .* to take over from generation [0-9a-f]{8}/);
  });

  test('nobody has looked at it since', async () => {
    await host.ok('systemctl stop fc-sync-watch');
    await host.sql("INSERT INTO domains (fqdn, app) VALUES ('late.test', 'shop')");
    await why('shop', 1, /Its rows were changed .*, and fc-sync has not applied that yet/, /neither fc-sync-watch\.service nor fc-sync\.timer is active/);
    await why('late.test', 1, /is a domain of the app shop, but web1 does not know yet/);
    await host.ok('systemctl start fc-sync-watch');
    await host.until(async () => (await host.exec('fc-why', 'late.test')).code === 0 || 'unknown', { timeoutMs: 10_000, what: 'late.test is known' });
  });
});

describe('why does this host name give a 404', () => {
  const cases: [asked: string, ...says: RegExp[]][] = [
    ['nobody.example', /No app has the host name nobody\.example: who asks web1 for it gets a 404/, /No row of the table domains has it, neither by itself nor by a wildcard/],
    ['https://shop.tset/basket?x=1', /Why does shop\.tset give a 404/, /There (is|are) .*shop\.test.*; was .* meant\?/],
    ['off.test', /domain of the app off, which is switched off: apps\.enabled is 0/],
    ['bad.test', /It is to lead to the app bad, but a row was rejected/, /column memory_max/],
    ['under_score.test', /The row of domains whose key is 'under_score\.test' is not used: its column fqdn/],
    ['192.0.2.1', /An address is no domain/],
    ['nowhere.test', /nowhere is placed on no host/, /No placement of it is known/],
    ['shopp', /There is no app shopp on web1/, /There is shop; was that meant\?/],
  ];
  for (const [asked, ...says] of cases) test(asked, async () => { await why(asked, 1, ...says); });

  test('it is elsewhere', async () => {
    await why('far.test', 0, /far does not run on web1; it is placed on other hosts/, /web2 \(192\.0\.2\.12\), active/, /ssh web2 fc-why far/);
  });
});

describe('what cannot be seen is named', () => {
  test('not root', async () => {
    const { stdout, code } = await host.sh('cd / && setpriv --reuid=nobody --regid=nogroup --clear-groups fc-why shop');
    assert.match(unwrapped(stdout), /Not seen: what fc-proxy goes by, the snapshot\.\s+this user may not read \/var\/lib\/fastcontainer\/snapshot\.json/);
    assert.match(stdout, /sudo fc-why shop/);
    assert.equal(code, 3, stdout);
  });

  test('fc-admin is down: systemd and the journal say what they know', async () => {
    await host.ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service');
    await why('shop', 3, /^shop has been awake/, /Its lease of 5 minutes/, /Not seen: requests, what woke it and starts that failed/, /systemctl start fc-admin\.socket/);
    await why('exits', 1, /exited with status 3/, /no database/);
    await host.ok('systemctl start fc-admin.socket fc-admin-report.socket');
  });
});

describe('on the command line', () => {
  const wrong: [args: readonly string[], says: RegExp][] = [
    [[], /about which app, or host name\?/], [['a', 'b'], /one app, or host name, at a time/], [['a b'], /neither an app's name nor a host name nor a URL/], [['ftp://x/'], /no http URL/], [['--nope', 'shop'], /nope/], [['--config'], /config/], [[''], /neither/],
  ];
  for (const [args, says] of wrong) {
    test(JSON.stringify(args), async () => {
      const { stderr, stdout, code }: Result = await host.exec('fc-why', ...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, says);
      assert.match(stderr, /Try fc-why --help/);
    });
  }

  test('--json gives the answer and its facts; no secret is among them', async () => {
    const { stdout, code } = await host.exec('fc-why', '--json', 'shop');
    const { headline, exit, facts } = JSON.parse(stdout) as { headline: string; exit: number; facts: { app: string; snapshot: { value: { revision: string } } } };
    assert.match(headline, /^shop has been awake/);
    assert.deepEqual([exit, code, facts.app], [code, 0, 'shop']);
    assert.match(facts.snapshot.value.revision, /^[0-9]+$/);
    assert.doesNotMatch(stdout, /APP_VERSION/);
  });

  test('a configuration that is not there, or a reader that has seen enough', async () => {
    await why(['--config', '/nonexistent', 'shop'], 0, /^shop has been awake/, /Not seen: the rows of the CMDB/);
    assert.equal((await host.sh('set -o pipefail; fc-why --json shop | head -c 1')).stderr, '');
  });
});
