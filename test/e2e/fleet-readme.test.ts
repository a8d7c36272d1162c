/** What the README says of several hosts, done word for word on a front and two hosts, under load. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { answers, runsOn } from '../support/fleet-apps.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import type { TestHost } from '../support/host.ts';
import { throughProxy, underLoad } from '../support/load.ts';
import { codeOf, statementsOf } from '../support/readme.ts';

const NAMES = ['front', 'web1', 'web2'];

let fleet: TestFleet;
let front: TestHost;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2'] });
  front = fleet.host('front');
  await fleet.place('steady', ['web1'], { env: { APP_NAME: 'steady' } });
  await fleet.place('shop', ['web1'], { env: { APP_NAME: 'shop' } });
  for (const app of ['steady', 'shop']) await answers(front, app);
}, { timeout: 300_000 });

after(() => fleet.kill());

/** Hosts that the app is awake on. */
async function awakeOn(app: string): Promise<string[]> {
  const found = await Promise.all(NAMES.map(async (name) => (await runsOn(fleet.host(name), app) ? [name] : [])));
  return found.flat();
}

test('a new token takes the place of the old one, step by step, and no request fails', { timeout: 120_000 }, async (t) => {
  const [block = ''] = codeOf("The fleet's token", 'sh');
  const steps = block.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(steps.length, 3);
  const old = await front.ok('cat /etc/fastcontainer/fleet-tokens');
  const fresh = (await front.ok('openssl rand -hex 32')).trim();
  t.diagnostic(await underLoad({ perSecond: 100, targets: [throughProxy(front, 'steady')] }, async () => {
    for (const step of steps) {
      for (const name of NAMES) await fleet.host(name).ok(`NEW=${fresh}\n${step}`);
      // As the README says: what began before the step shows the token of before.
      for (const name of NAMES) {
        const oneLeft = 'test "$(pgrep -f dist/bin/fc-proxy.js)" = "$(pgrep -P "$(systemctl show -P MainPID fc-proxy)")"';
        await fleet.host(name).until(async () => (await fleet.host(name).sh(oneLeft)).code === 0 || 'another fc-proxy is draining', { timeoutMs: 30_000, what: `${name} is through with the step` });
      }
    }
  }));
  for (const name of NAMES) assert.equal(await fleet.host(name).ok('cat /etc/fastcontainer/fleet-tokens; stat -c %a /etc/fastcontainer/fleet-tokens'), `${fresh}\n600\n`);
  await answers(front, 'steady');
  const shown = await front.ok(`curl --silent --output /dev/null --write-out '%{http_code}' -H 'X-FastContainer-App: steady' -H 'X-FastContainer-Token: ${old.trim()}' http://${fleet.host('web1').address}:8079/ || true`);
  assert.equal(shown, '000', 'the old one opens nothing any more');
});

describe('TLS between hosts', { timeout: 120_000 }, () => {
  const [authority = '', install = ''] = codeOf('TLS between hosts', 'sh');

  /** What the README has an operator do on web1, on `name` with the certificate of `certified`. */
  async function certify(name: string, certified: string): Promise<void> {
    const files = await front.ok(`cd /root/ca && tar -c ca.pem ${certified}.pem ${certified}.key | base64 -w0`);
    await fleet.host(name).ok(`cd "$(mktemp -d)" && echo ${files} | base64 -d | tar -x\n${install.replaceAll('web1', certified)}`);
  }

  before(async () => {
    await front.ok(`mkdir -m 0700 /root/ca && cd /root/ca\n${authority.replace('web1 web2', 'front web1 web2 another')}`);
    for (const name of NAMES) await certify(name, name);
  });

  test('carries requests, bodies and WebSockets', async (t) => {
    await answers(front, 'steady');
    t.diagnostic(await underLoad({ perSecond: 100, targets: [throughProxy(front, 'steady')] }, async () => {
      const body = 'one two three '.repeat(20_000);
      assert.equal((await front.request('steady.test', '/echo', { method: 'POST', body })).body, body);
      const socket = new WebSocket(`ws://${front.address}/ws`, { headers: { host: 'steady.test' } });
      const echoed = await new Promise<string>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('open', () => socket.send('across'));
        socket.on('message', (data: Buffer) => resolve(data.toString('utf8')));
      });
      socket.close();
      assert.equal(echoed, 'across');
    }));
  });

  test('is what the internal listener speaks, and with nobody else', async () => {
    const plain = await front.sh(`curl --silent --max-time 5 http://${fleet.host('web1').address}:8079/`);
    assert.notEqual(plain.code, 0);
    assert.match(await front.ok(`echo | openssl s_client -connect ${fleet.host('web1').address}:8079 -servername web1 -CAfile /root/ca/ca.pem -verify_return_error -verify_hostname web1 2>&1`), /Verify return code: 0 \(ok\)/);
  });

  test('is refused to a host with the certificate of another', async () => {
    const web1 = fleet.host('web1');
    await web1.ok(`sed -i '/^\\[fleet\\]/,$d' /etc/fastcontainer/fastcontainer.ini`);
    await certify('web1', 'another');
    await front.until(async () => (await front.request('steady.test', '/')).status === 503 || 'it answers', { timeoutMs: 10_000, what: 'a 503' });
    const said = (await front.journal('fc-proxy.service')).map(({ message }) => message).join('\n');
    assert.match(said, /web1.*(altnames|does not match)/i);
    await web1.ok(`sed -i '/^\\[fleet\\]/,$d' /etc/fastcontainer/fastcontainer.ini`);
    await certify('web1', 'web1');
    await answers(front, 'steady');
  });
});

test('the rows of the day do what is said of them, and no request fails', { timeout: 120_000 }, async (t) => {
  const statements = [...statementsOf('Rows of the day'), ...statementsOf('A reboot that nobody notices')];
  const say = (start: string): string => {
    const found = statements.filter((statement) => statement.startsWith(start));
    assert.equal(found.length, 1, `${start}: ${found.length}`);
    return found[0] ?? '';
  };
  const done: string[] = [];
  const run = async (start: string): Promise<(string | null)[][]> => {
    done.push(say(start));
    return await front.sql(say(start));
  };
  const runs = (hosts: string[], what: string): Promise<void> => front.until(async () => {
    const on = await awakeOn('shop');
    return hosts.every((name) => on.includes(name)) || `it runs on ${on.join(' ')}`;
  }, { timeoutMs: 20_000, what });
  await fleet.place('pair', ['web1', 'web2']);

  t.diagnostic(await underLoad({ perSecond: 100, targets: [throughProxy(front, 'shop')] }, async () => {
    await run("UPDATE placements SET host = 'web2' WHERE app");
    await runs(['web2'], 'it has moved');
    await run('INSERT INTO placements');
    await runs(['web1', 'web2'], 'it has a copy');
    await run('UPDATE placements SET weight');
    await run("DELETE FROM placements WHERE app");
    await run("UPDATE hosts SET state = 'draining'");
    assert.deepEqual(await run('SELECT app'), [['steady']], 'what has no choice');
    await run("UPDATE hosts SET state = 'active'");
    await run("UPDATE hosts SET state = 'down'");
    await run('UPDATE IGNORE placements');
    await run("DELETE FROM placements WHERE host");
    assert.deepEqual(await front.sql("SELECT app, host FROM placements ORDER BY app"), [['pair', 'web2'], ['shop', 'web2'], ['steady', 'web2']]);
    await run('DELETE FROM hosts');
    for (const app of ['pair', 'steady', 'shop']) await answers(front, app);
  }));
  assert.deepEqual([...done].sort(), [...statements].sort(), 'every statement was tried');
});
