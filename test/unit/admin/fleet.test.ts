/** The state of a whole fleet: asked of each host's fc-proxy, which asks the fc-admin of its host. */
import assert from 'node:assert/strict';
import { once, setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Fleet } from '../../../src/admin/fleet.ts';
import type { FleetStatus, HostStatus } from '../../../src/admin/state.ts';
import type { Host } from '../../../src/model/app.ts';
import { STATE_PATH } from '../../../src/proxy/state-door.ts';
import { FleetTokens } from '../../../src/proxy/tokens.ts';
import { appState, hostStatus } from '../../support/host-status.ts';
import { deadPort, deafPort } from '../proxy/fleet.ts';
import { appOf, ask, generationOf, portOf, raw, snapshotOf, testApp, testProxy, TOKEN, until } from '../proxy/support.ts';

/** An fc-admin of a test: its socket. */
async function admin(t: TestContext, listener: RequestListener): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fc-fleet-'));
  const server = createServer(listener).listen(join(folder, 'admin.sock'));
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });
  return join(folder, 'admin.sock');
}

const says = (host: string): RequestListener => (_req, res) => { res.end(JSON.stringify(hostStatus([appState('shop')], { host }))); };

/** The internal listener of a host whose fc-admin listens there. */
async function hostAt(t: TestContext, name: string, adminSocket: string): Promise<Host> {
  const { internal } = await testProxy(t, snapshotOf(), { adminSocket });
  return { name, address: '127.0.0.1', port: internal, state: 'active' };
}

const SELF: Host = { name: 'web1', address: '127.0.0.1', port: 1, state: 'active' };

function fleetOf(hosts: readonly Host[], tokens: readonly string[] = [TOKEN], deadlineMs = 2000): Fleet {
  return new Fleet({ self: 'web1', hosts: () => [...hosts, SELF], tokens: new FleetTokens(tokens), tls: null, deadlineMs });
}

const own = (): HostStatus => hostStatus([], { host: 'web1' });

/** Why a host cannot be had. */
function why({ hosts }: FleetStatus, name: string): string {
  const host = hosts.find((one) => one.name === name);
  assert.ok(host !== undefined && host.status === null, `${name} can be had`);
  return host.why;
}

describe('a fleet', () => {
  test('tells of all its hosts, by name, its own among them, and asks the others what it was asked', async (t) => {
    const asked: (string | undefined)[] = [];
    const socket = await admin(t, (req, res) => {
      asked.push(`${req.method} ${req.url}`);
      says('web2')(req, res);
    });
    const status = await fleetOf([await hostAt(t, 'web2', socket)]).status(new URLSearchParams({ state: 'awake,starting' }), own);
    assert.deepEqual(status.hosts.map((host) => [host.name, host.state, host.status?.apps.length]), [['web1', 'active', 0], ['web2', 'active', 1]]);
    assert.deepEqual(asked, ['GET /state.json?state=awake%2Cstarting']);
  });

  test('asks once for many who ask the same at the same time', async (t) => {
    let asked = 0;
    const socket = await admin(t, (req, res) => {
      asked++;
      setTimeout(() => { says('web2')(req, res); }, 50);
    });
    const fleet = fleetOf([await hostAt(t, 'web2', socket)]);
    const all = await Promise.all(Array.from({ length: 20 }, () => fleet.status(new URLSearchParams(), own)));
    assert.equal(asked, 1);
    assert.ok(all.every(({ hosts }) => hosts[1]?.status?.host === 'web2'));
  });
});

describe('a host that cannot be had is told of, with the reason', () => {
  test('it is down', async () => {
    const host: Host = { name: 'web2', address: '127.0.0.1', port: await deadPort(), state: 'down' };
    const status = await fleetOf([host]).status(new URLSearchParams(), own);
    assert.equal(status.hosts[1]?.state, 'down');
    assert.match(why(status, 'web2'), /^cannot connect to web2 at 127\.0\.0\.1 port \d+: .*ECONNREFUSED/);
  });

  test('it does not answer, and nobody waits for it longer than for the others', async (t) => {
    const { port } = await deafPort(t);
    const silent = await admin(t, () => undefined);
    const hosts: Host[] = [{ name: 'web2', address: '127.0.0.1', port, state: 'active' }, await hostAt(t, 'web3', silent), await hostAt(t, 'web4', await admin(t, says('web4')))];
    const status = await fleetOf(hosts, [TOKEN], 150).status(new URLSearchParams(), own);
    assert.match(why(status, 'web2'), /^no answer within 0\.15 s$/);
    assert.match(why(status, 'web3'), /^no answer within 0\.15 s$/);
    assert.equal(status.hosts[3]?.status?.host, 'web4');
  });

  test('the fleet token there is another', async (t) => {
    const host = await hostAt(t, 'web2', await admin(t, says('web2')));
    assert.match(why(await fleetOf([host], ['another-token-of-a-fleet']).status(new URLSearchParams(), own), 'web2'), /fleet token/);
  });

  test('this host has no token', async (t) => {
    const host = await hostAt(t, 'web2', await admin(t, says('web2')));
    assert.match(why(await fleetOf([host], []).status(new URLSearchParams(), own), 'web2'), /^this host has no fleet token/);
  });

  test('its fc-admin does not run, or refuses', async (t) => {
    const refusing = await admin(t, (_req, res) => { res.writeHead(400).end(JSON.stringify({ detail: 'sort is "x"' })); });
    const hosts = [await hostAt(t, 'web2', '/nonexistent/admin.sock'), await hostAt(t, 'web3', refusing)];
    const status = await fleetOf(hosts).status(new URLSearchParams(), own);
    assert.match(why(status, 'web2'), /^it answers 503: its fc-admin does not answer: .*ENOENT/);
    assert.match(why(status, 'web3'), /^it answers 400: sort is "x"$/);
  });

  test('its version knows nothing of this', async (t) => {
    // What an fc-proxy that has no such path makes of it: an app that is not here.
    const app = await testApp(t, (_req, res) => { res.writeHead(421).end(); });
    const host: Host = { name: 'web2', address: '127.0.0.1', port: app.port, state: 'active' };
    assert.match(why(await fleetOf([host]).status(new URLSearchParams(), own), 'web2'), /^its version of FastContainer/);
  });

  test('what it says is not understood, or is of another host, or breaks off, or never ends', async (t) => {
    const status = await fleetOf([
      await hostAt(t, 'web2', await admin(t, (_req, res) => { res.end('{'); })),
      await hostAt(t, 'web3', await admin(t, (_req, res) => { res.end(JSON.stringify({ ...hostStatus([], { host: 'web3' }), format: 2 })); })),
      await hostAt(t, 'web4', await admin(t, says('web9'))),
      await hostAt(t, 'web5', await admin(t, (_req, res) => { res.write('{', () => { res.destroy(); }); })),
      await hostAt(t, 'web6', await admin(t, (_req, res) => {
        const more = (): void => { while (!res.destroyed && res.write('x'.repeat(65_536))); };
        res.on('drain', more);
        more();
      })),
    ]).status(new URLSearchParams(), own);
    assert.match(why(status, 'web2'), /is not understood here/);
    assert.match(why(status, 'web3'), /format is not 1: it is of another version/);
    assert.match(why(status, 'web4'), /^at 127\.0\.0\.1 is the host web9/);
    assert.match(why(status, 'web5'), /broke|aborted/);
    assert.match(why(status, 'web6'), /more to say than can be taken/);
  });
});

describe('the internal listener', () => {
  const fields = { Host: 'web2', 'X-FastContainer-App': '', 'X-FastContainer-Token': TOKEN };

  test('tells the state to the fleet alone, and on no other listener', async (t) => {
    const proxy = await testProxy(t, snapshotOf(), { adminSocket: await admin(t, says('web2')) });
    assert.equal((await ask(proxy.internal, STATE_PATH, { headers: fields })).status, 200);
    assert.equal(await raw(proxy.internal, `GET ${STATE_PATH} HTTP/1.1\r\nHost: web2\r\nX-FastContainer-App: \r\n\r\n`), '');
    assert.equal((await ask(proxy.port, STATE_PATH, { headers: fields })).status, 404);
  });

  test('leaves the path to apps', async (t) => {
    const app = await testApp(t, (req, res) => { res.end(`app at ${req.url}`); });
    const proxy = await testProxy(t, snapshotOf(appOf('app', ['app.example'], generationOf('app', { port: app.port }))), { adminSocket: await admin(t, says('web2')) });
    const { body } = await ask(proxy.internal, STATE_PATH, { headers: { ...fields, 'X-FastContainer-App': 'app' } });
    assert.equal(body, `app at ${STATE_PATH}`);
  });

  test('takes GET alone', async (t) => {
    const proxy = await testProxy(t, snapshotOf(), { adminSocket: await admin(t, says('web2')) });
    const { status, headers } = await ask(proxy.internal, STATE_PATH, { method: 'POST', body: 'x', headers: fields });
    assert.deepEqual([status, headers.allow], [405, 'GET']);
  });

  test('lets few ask at once, and forgets who has left', async (t) => {
    let [inside, gone] = [0, 0];
    const socket = await admin(t, (_req, res) => {
      inside++;
      res.on('close', () => { gone++; });
    });
    const proxy = await testProxy(t, snapshotOf(), { adminSocket: socket });
    const leave = new AbortController();
    setMaxListeners(16, leave.signal);
    const asking = Array.from({ length: 16 }, () => ask(proxy.internal, STATE_PATH, { headers: fields, signal: leave.signal }).catch(() => null));
    await until('all are inside', () => inside === 16);
    const { status, body } = await ask(proxy.internal, STATE_PATH, { headers: fields });
    assert.deepEqual([status, /Too many/.test(body)], [503, true]);
    leave.abort();
    await Promise.all(asking);
    await until('fc-admin knows that they have left', () => gone === 16);
    const last = new AbortController();
    const again = ask(proxy.internal, STATE_PATH, { headers: fields, signal: last.signal }).catch(() => null);
    await until('somebody else is inside', () => inside === 17);
    last.abort();
    await again;
  });
});

test('TLS: a host proves its name', async (t) => {
  // The certificate's own tests are hop.test.ts's; here: that the question goes that way at all.
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); });
  const host: Host = { name: 'web2', address: '127.0.0.1', port: portOf(server), state: 'active' };
  const fleet = new Fleet({ self: 'web1', hosts: () => [host], tokens: new FleetTokens([TOKEN]), tls: { certificate: '', key: '', ca: null } });
  assert.match(why(await fleet.status(new URLSearchParams(), own), 'web2'), /^cannot connect to web2 at .*(SSL|TLS|closed)/i);
});
