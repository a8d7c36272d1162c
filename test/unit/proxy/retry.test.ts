/** An app that dies, that is not there yet, or that listens elsewhere: what it costs, and whom. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { SystemdError, type JobResult } from '../../../src/systemd/manager.ts';
import { appOf, ask, bodyOf, deferred, generationOf, proxyFor, snapshotOf, testApp, TestApp, testProxy, until, type TestProxy } from './support.ts';
import type { SnapshotGeneration } from '../../../src/snapshot/format.ts';
import type { RequestListener } from 'node:http';

/** An app that a job on its lease brings back after it was killed, on the same port, as systemd would. */
async function mortal(t: TestContext, listener: RequestListener): Promise<{ proxy: TestProxy & { generation: SnapshotGeneration }; kill: () => Promise<void> }> {
  let app: TestApp | null = await testApp(t, listener);
  const { port } = app;
  const proxy = await proxyFor(t, app);
  proxy.manager.job = async (): Promise<JobResult> => {
    if (app === null) {
      app = await new TestApp(listener).listen(port);
      const born = app;
      t.after(() => born.kill().catch(() => undefined));
    }
    return 'done';
  };
  return {
    proxy,
    async kill() {
      const victim = app;
      app = null;
      await victim?.kill();
      proxy.manager.end(proxy.generation.container);
    },
  };
}

describe('an app killed by SIGKILL', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    test(`costs no ${method} that was inside it`, async (t) => {
      let inside: ServerResponse | null = null;
      const { proxy, kill } = await mortal(t, (req, res) => {
        void bodyOf(req).then((body) => { if (inside === null) inside = res; else res.end(body); }, () => undefined);
      });
      const answer = ask(proxy.port, '/', { method, ...(method === 'PUT' ? { body: 'x'.repeat(600_000) } : {}) });
      await until('it is inside', () => inside !== null);
      await kill();
      const { status, body } = await answer;
      assert.equal(status, 200);
      if (method === 'PUT') assert.equal(body.length, 600_000);
    });
  }

  test('has the receipt tell how long its new start had to wait, not what went before', async (t) => {
    let inside: ServerResponse | null = null;
    const { proxy, kill } = await mortal(t, (_req, res) => { if (inside === null) inside = res; else res.end(); });
    const answer = ask(proxy.port, '/');
    await until('it is inside', () => inside !== null);
    const heldMs = 1000;
    await new Promise((resolve) => { setTimeout(resolve, heldMs); });
    await kill();
    const [, queueMs] = /fc-queue;dur=([\d.]+)/.exec(String((await answer).headers['server-timing'])) ?? [];
    assert.ok(Number(queueMs) < heldMs, queueMs);
  });

  test('costs a POST that was inside it: 502, and not sent twice', async (t) => {
    const seen: string[] = [];
    const { proxy, kill } = await mortal(t, (req, res) => { seen.push(req.method ?? ''); if (seen.length > 1) res.end(); });
    const answer = ask(proxy.port, '/', { method: 'POST', body: 'x' });
    await until('it is inside', () => seen.length === 1);
    await kill();
    const { status, body, headers } = await answer;
    assert.equal(status, 502);
    assert.match(body, /see whether it has arrived before you send it again/);
    assert.match(proxy.log.told(body), /The app broke the connection before it answered/);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal((await ask(proxy.port, '/', { method: 'POST', body: 'x' })).status, 200, 'the next one is none the worse');
    assert.deepEqual(seen, ['POST', 'POST']);
  });

  test('costs no PUT after many others either: what was kept of their bodies is given back', async (t) => {
    let inside: ServerResponse | null = null;
    const { proxy, kill } = await mortal(t, (req, res) => {
      req.resume().on('end', () => { if (req.url === '/last' && inside === null) inside = res; else res.end('ok'); });
    });
    const body = Buffer.alloc(1_000_000);
    for (let n = 0; n < 70; n++) assert.equal((await ask(proxy.port, '/', { method: 'PUT', body })).status, 200);
    const answer = ask(proxy.port, '/last', { method: 'PUT', body });
    await until('it is inside', () => inside !== null);
    await kill();
    assert.equal((await answer).status, 200);
  });

  test('costs a PUT whose body was too large to keep', async (t) => {
    let inside = false;
    const { proxy, kill } = await mortal(t, (req) => { req.resume().on('end', () => { inside = true; }); });
    const answer = ask(proxy.port, '/', { method: 'PUT', body: Buffer.alloc(2_000_000) });
    await until('it is inside', () => inside);
    await kill();
    assert.equal((await answer).status, 502);
  });

  test('costs no request that had not reached it, whatever its method', async (t) => {
    const { proxy, kill } = await mortal(t, (req, res) => { void bodyOf(req).then((body) => { res.end(body); }); });
    await ask(proxy.port);
    await kill();
    const body = 'x'.repeat(300_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy.port, '/', { method: 'POST', body })));
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([200]));
    assert.ok(answers.every((answer) => answer.body.length === body.length));
  });

  test('nor when systemd has not noticed yet', async (t) => {
    let listener: TestApp | null = await testApp(t, (_req, res) => { res.end('ok'); });
    const { port } = listener;
    const proxy = await proxyFor(t, listener);
    await ask(proxy.port);
    await listener.kill();
    listener = null;
    const before = proxy.manager.calls.length;
    // The lease's jobs are `done` as the dead container still counts as active; then it is seen, and started.
    setTimeout(() => {
      proxy.manager.end(proxy.generation.container);
      void new TestApp((_req, res) => { res.end('again'); }).listen(port).then((app) => { t.after(() => app.kill()); });
    }, 300);
    const { status, body } = await ask(proxy.port, '/', { method: 'POST', body: 'x' });
    assert.deepEqual([status, body], [200, 'again']);
    const asked = proxy.manager.calls.length - before;
    assert.ok(asked >= 2 && asked < 15, `${asked} jobs: the pauses grow`);
    assert.equal(proxy.activator.generation(proxy.generation).upstream.path, 'direct');
  });

  test('a request that kills its app is sent three times, not for ever', async (t) => {
    let sends = 0;
    const { proxy } = await mortal(t, (_req, res) => { sends++; res.socket?.resetAndDestroy(); });
    const { status } = await ask(proxy.port);
    assert.equal(status, 502);
    assert.equal(sends, 3);
  });

  test('costs no GET in the middle of a short answer', async (t) => {
    let sends = 0;
    const { proxy, kill } = await mortal(t, (_req, res) => {
      res.setHeader('Content-Length', 200_000).write(Buffer.alloc(100_000, sends));
      if (++sends > 1) res.end(Buffer.alloc(100_000, 1));
    });
    const answer = ask(proxy.port);
    await until('it has begun', () => sends === 1);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    await kill();
    const { status, body } = await answer;
    assert.deepEqual([status, body.length, sends], [200, 200_000, 2]);
    assert.equal(body, '\x01'.repeat(200_000), 'nothing of the first answer');
  });

  test('costs a POST in the middle of its answer: cut off, and not sent twice', async (t) => {
    let sends = 0;
    const { proxy, kill } = await mortal(t, (_req, res) => { sends++; res.setHeader('Content-Length', 1000).write('some'); });
    const end = assert.rejects(ask(proxy.port, '/', { method: 'POST', body: 'x' }), { code: 'ECONNRESET' });
    await until('it has begun', () => sends === 1);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    await kill();
    await end;
    assert.equal(sends, 1);
  });

  test('a short answer that comes slowly is passed on as it comes', async (t) => {
    const app = await testApp(t, (_req, res) => { res.setHeader('Content-Length', 8).write('some'); });
    const proxy = await proxyFor(t, app);
    const began = performance.now();
    const req = request({ port: proxy.port, headers: { Host: 'app.example' } }).end();
    const [res] = await once(req, 'response') as [IncomingMessage];
    const [chunk] = await once(res, 'data') as [Buffer];
    assert.equal(chunk.toString(), 'some');
    assert.ok(performance.now() - began < 1000);
    req.on('error', () => undefined).destroy();
  });

  test('so is one of a request that was made again after a first answer broke off', async (t) => {
    let sends = 0;
    const app = await testApp(t, (_req, res) => {
      res.setHeader('Content-Length', 8).write('some');
      // Late enough that the first one is being held.
      if (++sends === 1) setTimeout(() => { res.socket?.resetAndDestroy(); }, 50);
    });
    const proxy = await proxyFor(t, app);
    const req = request({ port: proxy.port, headers: { Host: 'app.example' } }).end();
    const [res] = await once(req, 'response', { signal: AbortSignal.timeout(2000) }) as [IncomingMessage];
    const [chunk] = await once(res, 'data', { signal: AbortSignal.timeout(2000) }) as [Buffer];
    assert.deepEqual([chunk.toString(), sends], ['some', 2]);
    req.on('error', () => undefined).destroy();
  });

  test('an answer that had begun is not begun again', async (t) => {
    let sends = 0;
    const { proxy, kill } = await mortal(t, (_req, res) => { sends++; res.write('some'); });
    const answer = ask(proxy.port);
    const end = assert.rejects(answer, { code: 'ECONNRESET' });
    await until('it has begun', () => sends === 1);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    await kill();
    await end;
    assert.equal(sends, 1);
  });
});

describe('an app that closes idle connections', () => {
  for (const method of ['POST', 'PUT']) {
    test(`is no trouble for a ${method} whose body comes late`, async (t) => {
      const app = await testApp(t, (req, res) => {
        // Without a hint how long it keeps connections open.
        res.setHeader('Connection', 'keep-alive');
        void bodyOf(req).then((body) => { res.end(body); });
      });
      app.server.keepAliveTimeout = 200;
      const proxy = await proxyFor(t, app);
      await ask(proxy.port);
      assert.equal(app.sockets.size, 1, 'the connection is kept');
      const req = request({ port: proxy.port, method, headers: { Host: 'app.example', 'Transfer-Encoding': 'chunked' } });
      req.flushHeaders();
      await until('the app has closed its connection', () => app.sockets.size === 0);
      req.write('la');
      setTimeout(() => { req.end('te'); }, 50);
      const [res] = await once(req, 'response') as [IncomingMessage];
      assert.deepEqual([res.statusCode, await bodyOf(res)], [200, 'late']);
    });
  }
});

describe('an app that cannot be connected to', () => {
  test('502 by its deadline, and the journal has the reason', async (t) => {
    const app = await new TestApp(() => undefined).listen();
    await app.kill();
    const proxy = await proxyFor(t, app, { startTimeoutS: 1, socketPath: '/nowhere/x.sock' });
    const began = performance.now();
    const { status, body } = await ask(proxy.port, '/', { method: 'POST', body: 'x' });
    assert.equal(status, 502);
    assert.match(proxy.log.told(body), /accepts no connection/);
    assert.ok(performance.now() - began < 1500);
  });

  test('one that listens on loopback only is reached through its gate, from then on at once', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'fc-proxy-'));
    t.after(() => rm(folder, { recursive: true }));
    const socketPath = join(folder, 'app.sock');
    const gate = createServer((req, res) => { res.end(`gate ${req.headers.host} ${req.url}`); });
    t.after(() => { gate.close(); });
    // Nobody listens on port 1; one that was given back may be another test's at once.
    const generation = generationOf('app', { port: 1, socketPath });
    const proxy = await testProxy(t, snapshotOf(appOf('app', ['app.example'], generation)));
    proxy.manager.job = async (_verb, unit): Promise<JobResult> => {
      if (unit === generation.socket) {
        gate.listen(socketPath);
        await once(gate, 'listening');
      }
      return 'done';
    };
    const first = await ask(proxy.port, '/x', { method: 'POST', body: 'x' });
    assert.deepEqual([first.status, first.body], [200, 'gate app.example /x']);
    assert.equal(proxy.manager.calls.filter((call) => call === `start ${generation.socket}`).length, 1);
    const before = proxy.manager.calls.length;
    assert.equal((await ask(proxy.port)).body, 'gate app.example /');
    assert.equal(proxy.manager.calls.length, before);
  });
});

describe('a generation that changes under a request', () => {
  test('a start that fails is left for the newer generation', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('new'); });
    const old = generationOf('app', { id: '00000001', port: 1 });
    const fresh = generationOf('app', { id: '00000002', port: app.port });
    const proxy = await testProxy(t, snapshotOf(appOf('app', ['app.example'], old)));
    const job = deferred<JobResult>();
    proxy.manager.job = (_verb, unit) => (unit === old.lease ? job.promise : 'done');
    const answer = ask(proxy.port);
    await until('the old one starts', () => proxy.manager.calls.length === 1);
    proxy.follow(snapshotOf(appOf('app', ['app.example'], fresh)));
    job.resolve('failed');
    assert.equal((await answer).body, 'new');
    await until('the old one is forgotten', () => proxy.activator.size === 1);
  });

  test('a unit that systemd does not know: the snapshot is read again', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('new'); });
    const old = generationOf('app', { id: '00000001', port: 1 });
    const fresh = generationOf('app', { id: '00000002', port: app.port });
    const proxy: TestProxy = await testProxy(t, snapshotOf(appOf('app', ['app.example'], old)), {
      reload: () => { proxy.follow(snapshotOf(appOf('app', ['app.example'], fresh))); return Promise.resolve(); },
    });
    proxy.manager.job = (_verb, unit) => {
      if (unit === old.lease) throw new SystemdError('org.freedesktop.systemd1.NoSuchUnit', 'not loaded');
      return 'done';
    };
    assert.equal((await ask(proxy.port)).body, 'new');
  });

  test('with no newer one the client is told, without internals', async (t) => {
    const proxy = await proxyFor(t, new TestApp(() => undefined));
    proxy.manager.job = () => { throw new SystemdError('org.freedesktop.systemd1.NoSuchUnit', 'Unit fc-lease not found'); };
    const { status, body, headers } = await ask(proxy.port);
    assert.equal(status, 503);
    assert.equal(headers['retry-after'], '1');
    assert.doesNotMatch(body, /fc-lease|NoSuchUnit/);
  });
});
