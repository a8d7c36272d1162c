import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { deferred, generationOf, proxyFor, raw, testApp, TestApp, until, type TestProxy } from './support.ts';
import type { JobResult } from '../../../src/systemd/manager.ts';
import type { SnapshotGeneration } from '../../../src/snapshot/format.ts';

/** An app that echoes over WebSocket. */
async function echoApp(t: TestContext): Promise<{ app: TestApp; sockets: WebSocketServer; heads: IncomingMessage[] }> {
  const heads: IncomingMessage[] = [];
  const app = await testApp(t, (_req, res) => { res.end('plain'); });
  const sockets = new WebSocketServer({ server: app.server });
  t.after(() => { sockets.close(); });
  sockets.on('connection', (socket, req) => {
    heads.push(req);
    socket.on('message', (data, binary) => { socket.send(data, { binary }); });
  });
  return { app, sockets, heads };
}

function open(t: TestContext, proxy: TestProxy, path = '/ws', headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}${path}`, { headers: { Host: 'app.example', ...headers } });
  t.after(() => { socket.terminate(); });
  return socket;
}

const inFlight = (proxy: TestProxy & { generation: SnapshotGeneration }): number => proxy.activator.generation(proxy.generation).inFlight;

const UPGRADE = 'GET /x HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';

describe('WebSocket', () => {
  test('wakes the app, carries messages both ways, and holds the lease until it ends', async (t) => {
    const { app } = await echoApp(t);
    const proxy = await proxyFor(t, app);
    const job = deferred<JobResult>();
    proxy.manager.job = () => job.promise;
    const socket = open(t, proxy);
    await until('the app is being started', () => proxy.manager.calls.length === 1);
    job.resolve('done');
    await once(socket, 'open');
    assert.equal(inFlight(proxy), 1);
    const big = Buffer.alloc(1 << 20, 'x');
    for (const message of ['hello', big]) {
      socket.send(message);
      const [data] = await once(socket, 'message') as [Buffer];
      assert.equal(data.length, Buffer.byteLength(message));
    }
    socket.close(1000);
    const [code] = await once(socket, 'close') as [number];
    assert.equal(code, 1000);
    await until('the lease is free', () => inFlight(proxy) === 0);
  });

  test('its head is cleaned like any other', async (t) => {
    const { app, heads } = await echoApp(t);
    const proxy = await proxyFor(t, app);
    const socket = open(t, proxy, '//a//b?c', { 'X-Forwarded-For': '1.1.1.1', 'X-FastContainer-App': 'x', Cookie: 'a=1' });
    await once(socket, 'open');
    const [head] = heads;
    assert.ok(head !== undefined);
    assert.equal(head.url, '//a//b?c');
    assert.equal(head.headers.host, 'app.example');
    assert.equal(head.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(head.headers['x-fastcontainer-app'], undefined);
    assert.equal(head.headers.cookie, 'a=1');
    assert.equal(head.headers.connection, 'Upgrade');
    assert.ok(head.rawHeaders.includes('Sec-WebSocket-Key'), 'case kept');
  });

  test('the lease is renewed while it is open, silent or not', async (t) => {
    const { app } = await echoApp(t);
    const proxy = await proxyFor(t, app, { leaseS: 1 });
    const socket = open(t, proxy);
    await once(socket, 'open');
    await new Promise((resolve) => { setTimeout(resolve, 1200); });
    assert.ok(proxy.manager.calls.length >= 4, `${proxy.manager.calls.length} renewals`);
    assert.equal(socket.readyState, WebSocket.OPEN);
  });

  test('ends when the app is killed, and when the client is', async (t) => {
    const { app, sockets } = await echoApp(t);
    const proxy = await proxyFor(t, app);
    const first = open(t, proxy);
    await once(first, 'open');
    first.terminate();
    await until('the app is told', () => sockets.clients.size === 0);
    await until('the lease is free', () => inFlight(proxy) === 0);

    const second = open(t, proxy);
    second.on('error', () => undefined);
    await once(second, 'open');
    const closed = once(second, 'close');
    await app.kill();
    await closed;
    await until('the lease is free', () => inFlight(proxy) === 0);
  });

  test('backpressure', async (t) => {
    const { app, sockets } = await echoApp(t);
    let sent = 0;
    sockets.on('connection', (socket) => {
      const chunk = Buffer.alloc(1 << 20);
      const more = (): void => {
        if (sent++ < 200) socket.send(chunk, () => { more(); });
      };
      more();
    });
    const proxy = await proxyFor(t, app);
    const socket = open(t, proxy);
    await once(socket, 'open');
    socket.pause();
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    const held = sent;
    assert.ok(held < 60, `${held} MB taken from the app`);
    socket.resume();
    await until('it goes on', () => sent > held + 20, 5000);
  });

  test('refused by the app: its answer, whole', async (t) => {
    const server = createServer();
    server.on('upgrade', (_req, socket: Socket) => {
      socket.end('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n');
    });
    const app = Object.assign(new TestApp(() => undefined), { server });
    await app.listen();
    t.after(() => app.kill());
    const proxy = await proxyFor(t, app);
    const answer = await raw(proxy.port, UPGRADE);
    assert.equal(answer, 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nConnection: close\r\n\r\nno');
    await until('the lease is free', () => inFlight(proxy) === 0);
  });
});

describe('other protocols', () => {
  test('are tunnelled, first bytes included', async (t) => {
    const server = createServer();
    server.on('upgrade', (req, socket: Socket, head) => {
      assert.equal(req.headers.upgrade, 'foo');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nfrom app;');
      socket.write(head);
      socket.on('data', (chunk) => socket.write(chunk)).on('end', () => { socket.end(' end'); });
    });
    const app = Object.assign(new TestApp(() => undefined), { server });
    await app.listen();
    t.after(() => app.kill());
    const proxy = await proxyFor(t, app);
    const socket = connect(proxy.port, '127.0.0.1');
    t.after(() => { socket.destroy(); });
    let text = '';
    socket.on('data', (chunk) => { text += chunk.toString(); });
    socket.write(`${UPGRADE}early`);
    await until('it is answered', () => text.includes('early'));
    socket.end(' late');
    await once(socket, 'end');
    assert.match(text, /^HTTP\/1\.1 101 .*\r\n\r\nfrom app;early late end$/s);
  });
});

describe('an upgrade that fails is answered as HTTP', () => {
  test('404, 400, 502', async (t) => {
    const { app } = await echoApp(t);
    const proxy = await proxyFor(t, app);
    assert.match(await raw(proxy.port, UPGRADE.replace('app.example', '[::1]')), /^HTTP\/1\.1 404 Not Found\r\n.*unknown-host/s);
    assert.match(await raw(proxy.port, UPGRADE.replace('app.example', 'a b')), /^HTTP\/1\.1 400 Bad Request\r\n/);
    proxy.manager.job = () => 'failed';
    assert.match(await raw(proxy.port, UPGRADE), /^HTTP\/1\.1 502 Bad Gateway\r\n.*start-failed/s);
  });

  test('an app that accepts no connection', async (t) => {
    const app = await new TestApp(() => undefined).listen();
    await app.kill();
    const proxy = await proxyFor(t, app, { startTimeoutS: 1, socketPath: '/nowhere/x.sock' });
    assert.match(await raw(proxy.port, UPGRADE), /^HTTP\/1\.1 502 .*unreachable/s);
    assert.equal(inFlight(proxy), 0);
  });

  test('an app that dies under the handshake is started again for it', async (t) => {
    const { app } = await echoApp(t);
    let handshakes = 0;
    app.server.prependListener('upgrade', (_req, socket: Socket) => { if (handshakes++ === 0) socket.resetAndDestroy(); });
    const proxy = await proxyFor(t, app);
    const socket = open(t, proxy);
    await once(socket, 'open');
    assert.equal(handshakes, 2);
    socket.send('hi');
    const [data] = await once(socket, 'message') as [Buffer];
    assert.equal(data.toString(), 'hi');
    assert.equal(inFlight(proxy), 1);
  });
});

test('a plain request next to it is none the worse', async (t) => {
  const { app } = await echoApp(t);
  const proxy = await proxyFor(t, app);
  const socket = open(t, proxy);
  await once(socket, 'open');
  assert.match(await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n'), /plain$/);
  assert.equal(generationOf('app').instance, proxy.generation.instance);
});
