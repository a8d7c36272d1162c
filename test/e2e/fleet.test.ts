/** A front without apps and two hosts, one CMDB: a row says where an app runs, and from outside nothing happens. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { bootHost, quote, TEST_COMMAND, TEST_IMAGE, type TestHost } from '../support/host.ts';
import { Load, summary, throughProxy } from '../support/load.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));
const TOKEN = 'a'.repeat(16) + 'b'.repeat(16);

let front: TestHost;
let web1: TestHost;
let web2: TestHost;
/** Those that are still there. */
const alive = new Set<TestHost>();

/** Makes a bare machine a host of the fleet whose CMDB is on `cmdb`. */
async function join(cmdb: TestHost, host: TestHost, name: string): Promise<void> {
  const password = await cmdb.ok('cat /etc/fastcontainer/cmdb.password');
  await host.ok(`
    umask 077 && printf '%s' ${quote(password)} > /root/password
    ${REPO}scripts/provision --no-packages --host ${name} --cmdb mysql://fc@${cmdb.address}/fastcontainer --cmdb-password /root/password
    podman import --quiet --change 'CMD ${JSON.stringify(TEST_COMMAND)}' ${REPO}.cache/images/test-app.tar ${TEST_IMAGE}
  `, { timeoutMs: 120_000 });
  await cmdb.sql(`INSERT INTO hosts (name, address) VALUES (${quote(name)}, ${quote(host.address)})`);
}

async function admit(host: TestHost): Promise<void> {
  await host.ok(`umask 077 && printf '%s\\n' ${TOKEN} > /etc/fastcontainer/fleet-tokens && systemctl restart fc-proxy`);
}

before(async () => {
  front = await bootHost('front', { row: 'front', sync: 'watch' });
  await front.ok(`${REPO}scripts/provision --no-packages --with-mariadb --mariadb-bind ${front.address}`, { timeoutMs: 120_000 });
  [web1, web2] = await Promise.all([bootHost('web1', { provision: false }), bootHost('web2', { provision: false })]);
  for (const host of [front, web1, web2]) alive.add(host);
  await join(front, web1, 'web1');
  await join(front, web2, 'web2');
  for (const host of [front, web1, web2]) await admit(host);
}, { timeout: 300_000 });

after(async () => {
  await Promise.all([...alive].map((host) => host.kill()));
});

/** An app, placed on `hosts`. */
async function place(app: string, hosts: readonly string[], idleS = 60): Promise<void> {
  await front.sql([
    'START TRANSACTION',
    `INSERT INTO apps (name, image, port, idle_timeout_s) VALUES (${quote(app)}, ${quote(TEST_IMAGE)}, 8080, ${idleS})`,
    `INSERT INTO domains (fqdn, app) VALUES (${quote(`${app}.test`)}, ${quote(app)})`,
    ...hosts.map((host) => `INSERT INTO placements (app, host) VALUES (${quote(app)}, ${quote(host)})`),
    'COMMIT',
  ].join(';\n'));
  await front.until(async () => (await front.request(`${app}.test`, '/')).status === 200 || 'no answer', { timeoutMs: 20_000, what: `${app} answers` });
}

const runsOn = async (host: TestHost, app: string): Promise<boolean> =>
  (await host.ok(`systemctl list-units --no-legend --state=active 'fc-ctr-${app}-*' | cat`)).trim() !== '';

describe('a front', () => {
  test('passes a request to the host of its app, which knows the client', async () => {
    await place('shop', ['web1']);
    assert.equal(await runsOn(web1, 'shop'), true);
    assert.equal(await runsOn(front, 'shop'), false);
    const { body } = await front.request('shop.test', '/request', { headers: { 'x-fastcontainer-app': 'other', 'x-forwarded-for': '6.6.6.6' } });
    assert.ok(!body.includes('6.6.6.6'), body);
    assert.ok(!body.toLowerCase().includes('x-fastcontainer'), body);
    assert.ok(!body.includes(TOKEN), 'the app does not see the token');
    assert.match(body, /x-forwarded-for/i);
  });

  test('carries bodies, and a WebSocket', async () => {
    const body = 'one two three '.repeat(20_000);
    assert.equal((await front.request('shop.test', '/echo', { method: 'POST', body })).body, body);
    const socket = new WebSocket(`ws://${front.address}/ws`, { headers: { host: 'shop.test' } });
    const echoed = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send('across'));
      socket.on('message', (data: Buffer) => resolve(data.toString('utf8')));
    });
    socket.close();
    assert.equal(echoed, 'across');
  });
});

describe('the internal listener', () => {
  const ask = (head: string): Promise<string> => new Promise((resolve, reject) => {
    const socket = connect(8079, web1.address, () => { socket.write(`${head}\r\n\r\n`); });
    let answer = '';
    socket.setTimeout(5_000, () => socket.destroy(new Error('no end within 5 s')));
    socket.on('data', (chunk: Buffer) => { answer += chunk.toString('latin1'); });
    socket.on('error', (error: Error & { code?: string }) => { if (error.code === 'ECONNRESET') resolve(answer); else reject(error); });
    socket.on('close', () => resolve(answer));
  });

  test('gives nothing to who does not prove to be of the fleet', async () => {
    assert.equal(await ask('GET / HTTP/1.1\r\nHost: shop.test\r\nX-FastContainer-App: shop'), '');
    assert.equal(await ask(`GET / HTTP/1.1\r\nHost: shop.test\r\nX-FastContainer-App: shop\r\nX-FastContainer-Token: ${TOKEN}x`), '');
  });

  test('answers 421 for an app that is not here, and never passes it on', async () => {
    assert.match(await ask(`GET / HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\nX-FastContainer-App: nowhere\r\nX-FastContainer-Token: ${TOKEN}`), /^HTTP\/1\.1 421 /);
  });
});

test('a row moves an app to and fro under load, and no request fails', { timeout: 120_000 }, async (t) => {
  await place('moved', ['web1']);
  const load = new Load({ perSecond: 60, targets: [throughProxy(front, 'moved')] });
  for (let n = 0; n < 6; n++) {
    const to = n % 2 === 0 ? web2 : web1;
    await front.sql(`UPDATE placements SET host = '${n % 2 === 0 ? 'web2' : 'web1'}' WHERE app = 'moved'`);
    await front.until(async () => await runsOn(to, 'moved') || 'not there yet', { timeoutMs: 15_000, what: `move ${n}` });
  }
  const report = await load.stop();
  t.diagnostic(summary(report));
  assert.deepEqual(report.failures, [], summary(report));
});

test('with two placements both serve, and one that is killed is not missed', { timeout: 120_000 }, async () => {
  await place('twin', ['web1', 'web2']);
  await front.until(async () => {
    await front.request('twin.test', '/');
    return (await runsOn(web1, 'twin') && await runsOn(web2, 'twin')) || 'only one is awake';
  }, { timeoutMs: 20_000, what: 'both placements get requests' });
  alive.delete(web2);
  await web2.kill();
  const began = performance.now();
  let slowest = 0;
  for (let n = 0; n < 40; n++) {
    const at = performance.now();
    const { status } = await front.request('twin.test', '/');
    assert.equal(status, 200, `request ${n}, ${Math.round(at - began)} ms after the kill`);
    slowest = Math.max(slowest, performance.now() - at);
  }
  assert.ok(slowest < 2_000, `${Math.round(slowest)} ms`);
});

test('an app whose only host is gone gets a prompt 503 that says so, and comes back with its row', { timeout: 60_000 }, async () => {
  await front.sql("UPDATE placements SET host = 'web2' WHERE app = 'shop'");
  await front.until(async () => {
    const { status, headers } = await front.request('shop.test', '/');
    return (status === 503 && headers['retry-after'] !== undefined) || `${status}`;
  }, { timeoutMs: 15_000, what: 'a 503' });
  await front.sql("UPDATE placements SET host = 'web1' WHERE app = 'shop'");
  await front.until(async () => (await front.request('shop.test', '/')).status === 200 || 'no answer', { timeoutMs: 15_000, what: 'shop is back' });
});
