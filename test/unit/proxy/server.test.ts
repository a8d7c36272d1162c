/** The proxy as a whole: waking, refusing, unknown hosts, ending. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { appOf, ask, bodyOf, deferred, FakeManager, generationOf, portOf, proxyFor, raw, snapshotOf, testApp, TestApp, testProxy, until } from './support.ts';
import type { JobResult } from '../../../src/systemd/manager.ts';

describe('waking', () => {
  test('500 clients at once on one sleeping app: one start, 500 answers, each with its receipt', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('hello'); });
    const proxy = await proxyFor(t, app);
    const job = deferred<JobResult>();
    proxy.manager.job = () => job.promise;
    const answers = Array.from({ length: 500 }, () => ask(proxy.port));
    await until('all wait', () => proxy.activator.generation(proxy.generation).flight?.waiters.size === 500, 10_000);
    job.resolve('done');
    for (const { status, body, headers } of await Promise.all(answers)) {
      assert.equal(status, 200);
      assert.equal(body, 'hello');
      assert.match(String(headers['server-timing']), /^fc-queue;dur=[\d.]+, fc-start;dur=[\d.]+, fc-app;dur=[\d.]+$/);
    }
    assert.deepEqual(proxy.manager.calls, [`restart ${proxy.generation.lease}`]);
  });

  test('40 sleeping apps at once: all answer, no more starts at a time than allowed', async (t) => {
    const app = await testApp(t, (req, res) => { res.end(req.headers.host); });
    const specs = Array.from({ length: 40 }, (_, i) => appOf(`app-${i}`, [`${i}.example`], generationOf(`app-${i}`, { port: app.port })));
    const proxy = await testProxy(t, snapshotOf(...specs));
    const running: ((result: JobResult) => void)[] = [];
    let begun = 0;
    let most = 0;
    proxy.manager.job = () => new Promise((resolve) => {
      most = Math.max(most, running.push(resolve));
      // They end together, some time after there are as many as there may be: one more would have begun by then.
      if (++begun % 4 === 0) setTimeout(() => { for (const end of running.splice(0)) end('done'); }, 5);
    });
    const answers = await Promise.all(specs.map((_, i) => ask(proxy.port, '/', { headers: { Host: `${i}.example` } })));
    assert.deepEqual(answers.map(({ body }) => body), specs.map((_, i) => `${i}.example`));
    assert.equal(most, 4);
  });

  test('the receipt joins the app\'s own, in the answer and in the log; a warm request has none', async (t) => {
    const app = await testApp(t, (_req, res) => { res.setHeader('Server-Timing', 'db;dur=1'); res.end(); });
    const proxy = await proxyFor(t, app);
    assert.match(String((await ask(proxy.port)).headers['server-timing']), /^db;dur=1, fc-queue;dur=/);
    assert.equal((await ask(proxy.port)).headers['server-timing'], 'db;dur=1');
    assert.equal(proxy.log.lines.filter((line) => /answered after a start .*"queue_ms".*"start_ms".*"app_ms"/.test(line)).length, 1);
  });

  test('a client that leaves while the app starts does not end the start', async (t) => {
    const seen: string[] = [];
    const app = await testApp(t, (req, res) => { seen.push(req.url ?? ''); res.end(); });
    const proxy = await proxyFor(t, app);
    const job = deferred<JobResult>();
    proxy.manager.job = () => job.promise;
    const req = request({ port: proxy.port, path: '/left', headers: { Host: 'app.example' } }).end();
    req.on('error', () => undefined);
    await until('it starts', () => proxy.manager.calls.length === 1);
    req.destroy();
    await until('the client has left', () => proxy.server.size === 0);
    const next = ask(proxy.port, '/next');
    job.resolve('done');
    assert.equal((await next).status, 200);
    assert.deepEqual(seen, ['/next']);
  });
});

describe('what it answers itself', () => {
  test('an app whose host no row describes', async (t) => {
    const proxy = await testProxy(t, snapshotOf({ ...appOf('app', ['app.example'], null), placements: [{ host: 'web9', weight: 1, listenPort: null }] }));
    const { status, headers, body } = await ask(proxy.port);
    assert.equal(status, 503);
    assert.equal(headers['retry-after'], '1');
    assert.match(proxy.log.told(body), /placed on no host that takes requests/);
    assert.deepEqual(proxy.manager.calls, []);
  });

  test('504 at the deadline, and the journal says what was missing; the start goes on', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('late'); });
    const proxy = await proxyFor(t, app, { startTimeoutS: 1 });
    const job = deferred<JobResult>();
    proxy.manager.job = () => job.promise;
    const { status, body } = await ask(proxy.port, '/', { headers: { Accept: 'text/html' } });
    assert.equal(status, 504);
    assert.match(body, /<p>The site takes longer to start than a visitor can be kept waiting\.<\/p>\n<p>Try again in 5 seconds\.<\/p>/);
    assert.match(proxy.log.told(body), /The app has been starting for 1 s: it does not listen on its port yet\./);
    const next = ask(proxy.port);
    job.resolve('done');
    assert.equal((await next).body, 'late');
    assert.equal(proxy.manager.calls.length, 1);
  });

  test('502, the reason in the journal, then quarantine', async (t) => {
    const proxy = await proxyFor(t, new TestApp(() => undefined));
    proxy.manager.job = () => 'dependency';
    proxy.manager.evidences.set(proxy.generation.container, { result: 'exit-code', exit: { kind: 'exited', status: 1 }, statusText: 'nothing listens on port 80 after 10 s; the app listens on: 81', unmounted: [] });
    for (let i = 0; i < 2; i++) {
      const { status, body } = await ask(proxy.port);
      assert.equal(status, 502);
      assert.match(proxy.log.told(body), /nothing listens on port 80 after 10 s; the app listens on: 81/);
    }
    const { status, headers, body } = await ask(proxy.port);
    assert.deepEqual([status, headers['retry-after']], [503, '2']);
    assert.match(proxy.log.told(body), /failed 2 times in a row/);
    assert.equal(proxy.manager.calls.length, 2);
  });

  test('HEAD has no body', async (t) => {
    const proxy = await proxyFor(t, new TestApp(() => undefined));
    proxy.manager.job = () => 'failed';
    const text = await raw(proxy.port, 'HEAD / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 502 /);
    assert.match(text, /\r\n\r\n$/);
  });

  test('an answer of its own to a body on its way can be read, and the connection used again', async (t) => {
    const proxy = await proxyFor(t, new TestApp(() => undefined));
    proxy.manager.job = () => 'failed';
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => { agent.destroy(); });
    for (let i = 0; i < 2; i++) {
      const { status } = await ask(proxy.port, '/', { method: 'POST', body: Buffer.alloc(2e6), agent });
      assert.equal(status, 502);
    }
  });

  test('too many waiting', async (t) => {
    const proxy = await proxyFor(t, new TestApp(() => undefined), {}, { maxWaiting: 4 });
    const job = deferred<JobResult>();
    proxy.manager.job = () => job.promise;
    const first = [ask(proxy.port), ask(proxy.port), ask(proxy.port)];
    await until('three wait', () => proxy.activator.generation(proxy.generation).flight?.waiters.size === 3);
    const { status, headers } = await ask(proxy.port);
    assert.deepEqual([status, headers['retry-after']], [503, '2']);
    job.resolve('failed');
    await Promise.all(first);
  });

  test('a head that does not arrive', async (t) => {
    const proxy = await proxyFor(t, new TestApp(() => undefined), {}, { headersTimeoutMs: 200 });
    assert.match(await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: app.exam'), /^HTTP\/1\.1 408 Request Timeout\r\n/);
  });

  test('a slow body may take longer than a head', async (t) => {
    const app = await testApp(t, (req, res) => { void bodyOf(req).then((body) => { res.end(body); }); });
    const proxy = await proxyFor(t, app, {}, { headersTimeoutMs: 200 });
    const req = request({ port: proxy.port, method: 'POST', agent: false, headers: { Host: 'app.example', 'Content-Length': 6 } });
    const answered = once(req, 'response', { signal: AbortSignal.timeout(3000) });
    for (const part of ['ab', 'cd', 'ef']) {
      req.write(part);
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
    req.end();
    const [res] = await answered as [IncomingMessage];
    assert.equal(await bodyOf(res), 'abcdef');
  });
});

describe('a host name that nobody knows', () => {
  test('has fc-sync look, and is served if it finds it', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('new'); });
    const manager = new FakeManager();
    const proxy = await testProxy(t, snapshotOf(), {
      manager,
      reload: () => { proxy.follow(snapshotOf(appOf('app', ['app.example'], generationOf('app', { port: app.port })))); return Promise.resolve(); },
    });
    assert.equal((await ask(proxy.port)).body, 'new');
    assert.equal(manager.calls[0], 'start fc-sync.service');
  });

  test('at most once a second, shared by all that wait; then 404', async (t) => {
    const proxy = await testProxy(t, snapshotOf());
    const times: number[] = [];
    proxy.manager.job = () => { times.push(performance.now()); return 'done'; };
    const wave = (): Promise<Set<number>> => Promise.all(Array.from({ length: 20 }, (_, i) => ask(proxy.port, '/', { headers: { Host: `h${i}.example` } })))
      .then((answers) => new Set(answers.map(({ status }) => status)));
    // Who came after one had begun waits for the next, which sees rows as young as the request.
    for (let i = 0; i < 2; i++) assert.deepEqual(await wave(), new Set([404]));
    assert.ok(times.length >= 2 && times.length <= 4, `${times.length} syncs for 40 requests`);
    for (let i = 1; i < times.length; i++) assert.ok((times[i] ?? 0) - (times[i - 1] ?? 0) >= 990, 'a second apart');
  });

  test('an fc-sync that hangs or fails costs five seconds at most; an address is not even asked for', async (t) => {
    const proxy = await testProxy(t, snapshotOf());
    proxy.manager.job = () => { throw new Error('no bus'); };
    assert.equal((await ask(proxy.port)).status, 404);
    const before = proxy.manager.calls.length;
    for (const host of ['127.0.0.1', '[::1]:80']) assert.equal((await ask(proxy.port, '/', { headers: { Host: host } })).status, 404);
    assert.equal(proxy.manager.calls.length, before);
  });

  test('without any snapshot: 503', async (t) => {
    const proxy = await testProxy(t, null);
    const { status, headers } = await ask(proxy.port);
    assert.deepEqual([status, headers['retry-after']], [503, '2']);
  });
});

describe('the end', () => {
  test('accepts no more, finishes what is in flight, closes connections that are idle for long', async (t) => {
    let finish = (): void => undefined;
    const app = await testApp(t, (req, res) => {
      if (req.url !== '/long') { res.end('short'); return; }
      res.write('be');
      finish = () => { res.end('gun'); };
    });
    const proxy = await proxyFor(t, app);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => { agent.destroy(); });
    await ask(proxy.port, '/', { agent });
    const idle = connect(proxy.port, '127.0.0.1');
    idle.on('error', () => undefined);
    await once(idle, 'connect');
    const req = request({ port: proxy.port, path: '/long', headers: { Host: 'app.example' } }).end();
    const [res] = await once(req, 'response') as [IncomingMessage];
    const long = bodyOf(res);
    await until('all are there', () => proxy.server.size === 3);

    let stopped = false;
    const began = performance.now();
    const drained = proxy.server.drain(6000, () => { stopped = true; });
    assert.equal(stopped, true);
    await assert.rejects(ask(proxy.port), { code: 'ECONNREFUSED' });
    // A request that was on its way on a connection kept alive is answered, and told to come back on another.
    const last = await ask(proxy.port, '/', { agent });
    assert.deepEqual([last.body, last.headers.connection], ['short', 'close']);
    await once(idle, 'close');
    assert.ok(performance.now() - began >= 1950, 'a third of the time there is, three seconds at most');
    finish();
    assert.equal(await long, 'begun');
    assert.equal(await drained, 0);
  });

  test('a connection that has just become idle keeps its time', async (t) => {
    let finish = (): void => undefined;
    const app = await testApp(t, (req, res) => {
      if (req.url !== '/long') { res.end('next'); return; }
      res.write('be');
      finish = () => { res.end('gun'); };
    });
    const proxy = await proxyFor(t, app);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => { agent.destroy(); });
    const long = ask(proxy.port, '/long', { agent });
    await until('it has begun', () => app.sockets.size === 1);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    const drained = proxy.server.drain(6000, () => undefined);
    await new Promise((resolve) => { setTimeout(resolve, 2300); });
    finish();
    assert.equal((await long).body, 'begun');
    assert.equal((await ask(proxy.port, '/', { agent })).body, 'next');
    assert.equal(await drained, 0);
  });

  test('a request that came while the process did not run is answered, not closed upon', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('ok'); });
    const proxy = await proxyFor(t, app);
    const socket = connect(proxy.port, '127.0.0.1');
    t.after(() => { socket.destroy(); });
    let text = '';
    socket.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    socket.on('error', () => undefined);
    const get = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
    socket.write(get);
    await until('it is answered', () => text.endsWith('ok'));
    const drained = proxy.server.drain(2400, () => undefined);
    await new Promise((resolve) => { setTimeout(resolve, 650); });
    assert.equal(proxy.server.size, 1, 'it is idle, but not yet for long');
    text = '';
    // Timers come next then, and reading after them.
    await new Promise((resolve) => { setImmediate(resolve); });
    socket.write(get);
    for (const end = performance.now() + 400; performance.now() < end;);
    await once(socket, 'close');
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.match(text, /\r\nConnection: close\r\n/);
    assert.equal(await drained, 0);
  });

  test('what does not end in time is cut off', async (t) => {
    const app = await testApp(t, (_req, res) => { res.write('endless'); });
    const proxy = await proxyFor(t, app);
    const req = request({ port: proxy.port, headers: { Host: 'app.example' } }).end();
    const [res] = await once(req, 'response') as [IncomingMessage];
    const end = assert.rejects(bodyOf(res));
    assert.equal(await proxy.server.drain(300, () => undefined), 1);
    await end;
  });

  test('several listeners feed one server', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('ok'); });
    const proxy = await proxyFor(t, app);
    const second = await proxy.server.listen({ host: '127.0.0.1', port: 0 });
    assert.notEqual(second, proxy.port);
    assert.equal((await ask(second)).body, 'ok');
    assert.equal((await ask(proxy.port)).body, 'ok');
    await assert.rejects(proxy.server.listen({ host: '127.0.0.1', port: second }), { code: 'EADDRINUSE' });
    assert.equal(portOf({ address: () => ({ address: '', family: '', port: second }) }), second);
  });
});
