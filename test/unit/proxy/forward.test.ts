import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { describe, test, type TestContext } from 'node:test';
import { OwnBuffer } from '../../../src/proxy/wire/read-buffers.ts';
import { ask, bodyOf, portOf, proxyFor, raw, settle, testApp, TestApp, until } from './support.ts';

/** An app that answers every connection with these bytes. */
async function byteApp(t: TestContext, answer: (head: string) => string | Buffer): Promise<{ port: number }> {
  const server = createNetServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => { socket.end(answer(chunk.toString('latin1')), 'latin1'); });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: portOf(server) };
}

const rawApp = async (t: TestContext, answer: (head: string) => string | Buffer) =>
  Object.assign(new TestApp(() => undefined), await byteApp(t, answer));

/** Waits until a count, above zero, has not changed for 300 ms. */
async function still(what: string, count: () => number): Promise<void> {
  let last = -1;
  let since = 0;
  await until(`${what} is stopped`, () => {
    if (count() !== last) { last = count(); since = performance.now(); }
    return last > 0 && performance.now() - since > 300;
  }, 5000);
}

describe('a request arrives as it was sent', () => {
  test('method, path, query, Host, fields in order and case, and what this hop adds', async (t) => {
    let seen: IncomingMessage | null = null;
    const app = await testApp(t, (req, res) => { seen = req; res.end(); });
    const proxy = await proxyFor(t, app);
    await raw(proxy.port, 'PATCH //a/../b?c=%20&d=http://x HTTP/1.1\r\nhOsT: APP.example:80\r\nX-One: 1\r\nx-TWO: b\r\nx-one: 3\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    assert.ok(seen !== null);
    const { method, url, rawHeaders }: IncomingMessage = seen;
    assert.equal(method, 'PATCH');
    assert.equal(url, '//a/../b?c=%20&d=http://x');
    assert.deepEqual(rawHeaders, [
      'Host', 'APP.example:80', 'X-One', '1', 'x-TWO', 'b', 'x-one', '3',
      'X-Forwarded-For', '127.0.0.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'APP.example:80',
      'Connection', 'keep-alive', 'Content-Length', '0',
    ]);
  });

  test('absolute-form: its authority is the Host, the rest the path', async (t) => {
    const app = await testApp(t, (req, res) => { res.end(`${req.headers.host} ${req.url}`); });
    const proxy = await proxyFor(t, app);
    const answer = await raw(proxy.port, 'GET http://App.Example:8080/x?y HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n');
    assert.match(answer, /App\.Example:8080 \/x\?y$/);
  });

  test('bodies of every framing and method, byte for byte', async (t) => {
    const app = await testApp(t, (req, res) => {
      void bodyOf(req).then((body) => {
        res.end(JSON.stringify([req.method, req.headers['content-length'] ?? null, req.headers['transfer-encoding'] ?? null, createHash('sha256').update(body, 'latin1').digest('hex')]));
      });
    });
    const proxy = await proxyFor(t, app);
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND']) {
      for (const size of [1, 1000, 300_000]) {
        const body = randomBytes(size);
        const hash = createHash('sha256').update(body.toString('latin1'), 'latin1').digest('hex');
        const known = await ask(proxy.port, '/', { method, body, headers: { 'Content-Length': size } });
        assert.deepEqual(JSON.parse(known.body), [method, String(size), null, hash], `${method} ${size} with a length`);
        const chunked = await ask(proxy.port, '/', { method, body, headers: { 'Transfer-Encoding': 'chunked' } });
        assert.deepEqual(JSON.parse(chunked.body), [method, null, 'chunked', hash], `${method} ${size} chunked`);
      }
    }
  });

  for (const method of ['PUT', 'POST']) {
    test(`${method}: short bodies that were all there before the app was awake`, async (t) => {
      const app = await testApp(t, (req, res) => { void bodyOf(req).then((body) => { res.end(body); }); });
      const proxy = await proxyFor(t, app);
      proxy.manager.job = () => new Promise((resolve) => { setTimeout(() => { resolve('done'); }, 50); });
      const bodies = Array.from({ length: 10 }, (_, n) => `body ${n}`);
      const answers = await Promise.all(bodies.map((body) => ask(proxy.port, '/', { method, body })));
      assert.deepEqual(answers.map(({ body }) => body), bodies);
    });
  }

  test('Expect: 100-continue is answered once forwarding begins', async (t) => {
    const app = await testApp(t, (req, res) => {
      assert.equal(req.headers.expect, undefined);
      void bodyOf(req).then((body) => { res.end(body); });
    });
    const proxy = await proxyFor(t, app);
    const req = request({ port: proxy.port, method: 'POST', headers: { Host: 'app.example', Expect: '100-continue', 'Content-Length': 5 } });
    req.flushHeaders();
    await once(req, 'continue');
    assert.deepEqual(proxy.manager.calls.length, 1);
    req.end('hello');
    const [res] = await once(req, 'response') as [IncomingMessage];
    assert.equal(await bodyOf(res), 'hello');
  });

  test('Expect: 100-continue gets the bad news before its body', async (t) => {
    const app = await testApp(t, () => undefined);
    const proxy = await proxyFor(t, app);
    proxy.manager.job = () => 'failed';
    const answer = await raw(proxy.port, 'POST / HTTP/1.1\r\nHost: app.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 502 /);
    assert.match(answer, /\r\nConnection: close\r\n/);
  });

  test('a trusted peer is believed, others are not', async (t) => {
    const app = await testApp(t, (req, res) => { res.end(JSON.stringify([req.headers['x-forwarded-for'], req.headers['x-forwarded-proto'], req.headers['x-forwarded-host']])); });
    const headers = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'shop.example' };
    const open = await proxyFor(t, app);
    assert.deepEqual(JSON.parse((await ask(open.port, '/', { headers })).body), ['127.0.0.1', 'http', 'app.example']);
    const trusting = await proxyFor(t, app, {}, { trusted: (address) => address === '127.0.0.1' });
    assert.deepEqual(JSON.parse((await ask(trusting.port, '/', { headers })).body), ['203.0.113.9, 127.0.0.1', 'https', 'shop.example']);
  });
});

describe('a response leaves as it was sent', () => {
  test('status, reason, fields in order and case, repeated cookies', async (t) => {
    const app = await rawApp(t, () => 'HTTP/1.1 299 So So\r\nDate: today\r\nset-COOKIE: a=1\r\nX-B: \xe9\r\nSet-Cookie: b=2\r\nConnection: X-Private, close\r\nX-Private: 1\r\nContent-Length: 2\r\n\r\nok');
    const proxy = await proxyFor(t, app);
    await ask(proxy.port);
    const text = await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n');
    assert.equal(text, 'HTTP/1.1 299 So So\r\nDate: today\r\nset-COOKIE: a=1\r\nX-B: \xe9\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });

  test('a Content-Disposition in UTF-8 keeps its bytes', async (t) => {
    const name = Buffer.from('attachment; filename="é€.txt"').toString('latin1');
    const app = await rawApp(t, () => Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Disposition: ${name}\r\n\r\nok`, 'latin1'));
    const proxy = await proxyFor(t, app);
    const { rawHeaders } = await ask(proxy.port);
    assert.equal(rawHeaders[rawHeaders.indexOf('Content-Disposition') + 1], name);
  });

  test('HEAD, 204 and 304 have no body, and keep their length', async (t) => {
    const app = await testApp(t, (req, res) => {
      if (req.url === '/204') res.writeHead(204).end();
      else if (req.url === '/304') res.writeHead(304, { ETag: '"x"' }).end();
      else res.writeHead(200, { 'Content-Length': 1234 }).end();
    });
    const proxy = await proxyFor(t, app);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => { agent.destroy(); });
    const head = await ask(proxy.port, '/', { method: 'HEAD', agent });
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '1234', '']);
    assert.deepEqual([(await ask(proxy.port, '/204', { agent })).status, (await ask(proxy.port, '/304', { agent })).status], [204, 304]);
    assert.equal((await ask(proxy.port, '/', { method: 'HEAD', agent })).status, 200);
  });

  test('trailers', async (t) => {
    const app = await testApp(t, (req, res) => {
      assert.equal(req.headers['te'], 'trailers');
      res.writeHead(200, { Trailer: 'X-Sum' });
      res.write('body');
      res.addTrailers({ 'X-Sum': '1', 'Set-Cookie': 'late=1' });
      res.end();
    });
    const proxy = await proxyFor(t, app);
    const text = await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n');
    assert.match(text, /\r\nTrailer: X-Sum\r\n/);
    assert.match(text, /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  });

  test('early hints pass, to those who may have them', async (t) => {
    const app = await testApp(t, (_req, res) => {
      res.writeEarlyHints({ link: ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script'] });
      res.end('ok');
    });
    const proxy = await proxyFor(t, app);
    const text = await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload; as=style, <\/b\.js>; rel=preload; as=script\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    assert.match(await raw(proxy.port, 'GET / HTTP/1.0\r\nHost: app.example\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/);
  });

  test('an event stream is not held back, head first', async (t) => {
    let next = (): void => undefined;
    const app = await testApp(t, (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.flushHeaders();
      next = () => { res.write('data: 1\n\n'); };
    });
    const proxy = await proxyFor(t, app);
    const req = request({ port: proxy.port, headers: { Host: 'app.example' } }).end();
    const [res] = await once(req, 'response', { signal: AbortSignal.timeout(2000) }) as [IncomingMessage];
    next();
    const [chunk] = await once(res, 'data', { signal: AbortSignal.timeout(2000) }) as [Buffer];
    assert.equal(chunk.toString(), 'data: 1\n\n');
    req.destroy();
  });

  test('to HTTP/1.0: no chunks, the end of the connection is the end of the body', async (t) => {
    const app = await testApp(t, (_req, res) => { res.write('a'); res.end('b'); });
    const proxy = await proxyFor(t, app);
    const text = await raw(proxy.port, 'GET / HTTP/1.0\r\nHost: app.example\r\n\r\n');
    assert.match(text, /\r\n\r\nab$/);
    assert.doesNotMatch(text, /chunked/i);
  });

  const broken: [why: string, bytes: string][] = [
    ['no HTTP', 'hello\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok'],
    ['length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a field with a bare CR', 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil\r\nContent-Length: 0\r\n\r\n'],
    ['an impossible status', 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['a coding that cannot be undone', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['an endless head', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`],
  ];
  for (const [why, bytes] of broken) {
    test(`502 for ${why}`, async (t) => {
      const app = await rawApp(t, () => bytes);
      const proxy = await proxyFor(t, app);
      const answer = await ask(proxy.port, '/', { method: 'POST', body: 'x' });
      assert.equal(answer.status, 502);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      assert.doesNotMatch(answer.body, /evil|undici|llhttp|127\.0\.0\.1/);
    });
  }
});

describe('streaming', () => {
  test('backpressure: a client that does not read stops the app, not the memory', async (t) => {
    let written = 0;
    const app = await testApp(t, (_req, res) => {
      const chunk = Buffer.alloc(65536);
      const more = (): void => {
        while (written < 200e6) {
          written += chunk.length;
          if (!res.write(chunk)) { res.once('drain', more); return; }
        }
        res.end();
      };
      more();
    });
    const proxy = await proxyFor(t, app);
    const socket = connect(proxy.port, '127.0.0.1');
    t.after(() => { socket.destroy(); });
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await still('the app', () => written);
    assert.ok(written < 50e6, `${written} bytes taken from the app`);
    let got = 0;
    socket.on('data', (chunk) => { got += chunk.length; });
    socket.resume();
    await until('it goes on', () => got > 60e6, 10_000);
    socket.destroy();
  });

  test('clients that read by fits and starts, each its own large body: every byte is theirs', async (t) => {
    const bodyOfPath = (path: string): Buffer => Buffer.alloc(2 ** 23 + 1, createHash('sha512').update(path).digest());
    const app = await testApp(t, (req, res) => {
      const body = bodyOfPath(req.url ?? '');
      res.writeHead(200, req.url?.endsWith('c') === true ? {} : { 'Content-Length': body.length });
      res.end(body);
    });
    const proxy = await proxyFor(t, app);
    await Promise.all(['/1', '/2', '/3c', '/4', '/5', '/6c'].map(async (path) => {
      const req = request({ port: proxy.port, path, agent: false, headers: { Host: 'app.example' } }).end();
      const [res] = await once(req, 'response') as [IncomingMessage];
      const chunks: Buffer[] = [];
      let bytes = 0;
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes < 2 ** 20) return;
        bytes = 0;
        res.pause();
        setTimeout(() => { res.resume(); }, 10);
      });
      await once(res, 'end');
      assert.ok(Buffer.concat(chunks).equals(bodyOfPath(path)), path);
    }));
  });

  test('a client that sends two requests at once and reads neither answer gets no byte of another\'s', async (t) => {
    const sockets = new Map<string, Socket>();
    const server = createNetServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => { sockets.set(/^GET (\S+)/.exec(chunk.toString('latin1'))?.[1] ?? '', socket); });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => { server.close(); for (const socket of sockets.values()) socket.destroy(); });
    const proxy = await proxyFor(t, Object.assign(new TestApp(() => undefined), { port: portOf(server) }));
    const appSide = async (path: string): Promise<Socket> => {
      await until(`the app has ${path}`, () => sockets.has(path));
      return sockets.get(path) ?? assert.fail();
    };
    const slow = connect(proxy.port, '127.0.0.1');
    t.after(() => { slow.destroy(); });
    slow.pause();
    slow.write('GET /a HTTP/1.1\r\nHost: app.example\r\n\r\nGET /p HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n');
    const big = await appSide('/a');
    const chunk = Buffer.concat([Buffer.from(`${(200_000).toString(16)}\r\n`), Buffer.alloc(200_000, '@'), Buffer.from('\r\n')]);
    // No more than until the client is behind, so that all the rest is one read.
    let lent = 0;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its own `this` below
    const { lend } = OwnBuffer.prototype;
    t.mock.method(OwnBuffer.prototype, 'lend', function lendAndCount(this: OwnBuffer) {
      const done = lend.call(this);
      lent++;
      let given = false;
      return (error?: Error | null) => { if (!given) lent--; given = true; done(error); };
    });
    let chunks = 0;
    big.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (; lent === 0 && chunks < 300; chunks++) {
      big.write(chunk);
      await new Promise((resolve) => { setTimeout(resolve, 4); });
    }
    assert.ok(lent > 0, 'the client keeps up');
    // The answer after it comes meanwhile: node tells the one before that something has moved.
    const poke = await appSide('/p');
    poke.write(`HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${'|'.repeat(40_000)}`);
    await until('it has been read', () => poke.writableLength === 0);
    await settle();
    big.write('0\r\n\r\n');
    const other = ask(proxy.port, '/secret');
    (await appSide('/secret')).write(`HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n${'~'.repeat(3_000_000)}`);
    assert.equal((await other).body.length, 3_000_000);
    let text = '';
    slow.on('data', (bytes) => { text += bytes.toString('latin1'); });
    slow.resume();
    await once(slow, 'close', { signal: AbortSignal.timeout(10_000) });
    const count = (what: string): number => text.split(what).length - 1;
    assert.deepEqual([count('~'), count('|'), count('@')], [0, 40_000, chunks * 200_000]);
  });

  test('backpressure: an app that does not read stops the client', async (t) => {
    const app = await testApp(t, (req) => { req.pause(); });
    const proxy = await proxyFor(t, app);
    const socket = connect(proxy.port, '127.0.0.1');
    t.after(() => { socket.destroy(); });
    await once(socket, 'connect');
    socket.write('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1000000000\r\n\r\n');
    const chunk = Buffer.alloc(65536);
    let sent = 0;
    while (sent < 200e6 && socket.write(chunk)) sent += chunk.length;
    const more = (): void => { while (sent < 200e6 && socket.write(chunk)) sent += chunk.length; };
    socket.on('drain', more);
    await still('the client', () => sent);
    assert.ok(sent < 50e6, `${sent} bytes taken from the client`);
  });

  test('a client that leaves takes its request to the app with it, before and within the answer', async (t) => {
    const closed: string[] = [];
    const app = await testApp(t, (req, res) => {
      res.on('close', () => { closed.push(req.url ?? ''); });
      if (req.url === '/within') res.write('some');
    });
    const proxy = await proxyFor(t, app);
    for (const path of ['/before', '/within']) {
      const req = request({ port: proxy.port, path, headers: { Host: 'app.example' } }).end();
      req.on('error', () => undefined);
      if (path === '/within') await once(req, 'response');
      else await until('the app has it', () => app.sockets.size > 0);
      req.destroy();
      await until(`the app sees ${path} end`, () => closed.includes(path));
    }
    await until('nothing is in flight', () => proxy.activator.generation(proxy.generation).inFlight === 0);
  });

  test('a client that leaves half way through its body: the app sees no complete one', async (t) => {
    const ends: string[] = [];
    const app = await testApp(t, (req) => {
      req.on('end', () => ends.push('end')).on('error', () => ends.push('error')).resume();
    });
    const proxy = await proxyFor(t, app);
    const req = request({ port: proxy.port, method: 'POST', headers: { Host: 'app.example', 'Transfer-Encoding': 'chunked' } });
    req.on('error', () => undefined);
    req.write('half');
    await until('the app has it', () => app.sockets.size > 0);
    req.destroy();
    await until('the app is told', () => ends.length > 0);
    assert.deepEqual(ends, ['error']);
  });

  for (const [how, headers] of [['chunked', {}], ['with a length', { 'Content-Length': 1_000_000 }]] as const) {
    test(`an app that dies within its answer (${how}): the client can tell`, async (t) => {
      const app = await testApp(t, (_req, res) => { res.writeHead(200, headers); res.write('some'); setTimeout(() => { res.socket?.resetAndDestroy(); }, 20); });
      const proxy = await proxyFor(t, app);
      await assert.rejects(ask(proxy.port), { code: 'ECONNRESET' });
      assert.match(proxy.log.lines.join('\n'), /the app broke off its answer/);
    });
  }

  test('the same to HTTP/1.0, where only a reset tells', async (t) => {
    const app = await testApp(t, (_req, res) => { res.write('some'); setTimeout(() => { res.socket?.resetAndDestroy(); }, 20); });
    const proxy = await proxyFor(t, app);
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write('GET / HTTP/1.0\r\nHost: app.example\r\n\r\n');
    socket.resume();
    const [error] = await once(socket, 'error', { signal: AbortSignal.timeout(2000) }) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
  });

  test('an answer before the body has arrived goes out; the connection can be used again', async (t) => {
    const app = await testApp(t, (req, res) => {
      if (req.method === 'POST') res.writeHead(413).end('no');
      else res.end('next');
    });
    const proxy = await proxyFor(t, app);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => { agent.destroy(); });
    const refused = await ask(proxy.port, '/', { method: 'POST', body: Buffer.alloc(3e6), agent });
    assert.deepEqual([refused.status, refused.body], [413, 'no']);
    assert.equal((await ask(proxy.port, '/', { agent })).body, 'next');
  });

  test('200 MB down, whole, while other requests pass', async (t) => {
    const chunk = randomBytes(1 << 20);
    const app = await testApp(t, (req, res) => {
      if (req.url !== '/big') { res.end('small'); return; }
      let left = 200;
      const more = (): void => {
        while (left-- > 0) if (!res.write(chunk)) { res.once('drain', more); return; }
        res.end();
      };
      more();
    });
    const proxy = await proxyFor(t, app);
    const req = request({ port: proxy.port, path: '/big', headers: { Host: 'app.example' } }).end();
    const [res] = await once(req, 'response') as [IncomingMessage];
    let bytes = 0;
    const big = pipeline(res, async (source: AsyncIterable<Buffer>) => { for await (const part of source) bytes += part.length; });
    for (let i = 0; i < 20; i++) assert.equal((await ask(proxy.port)).body, 'small');
    await big;
    assert.equal(bytes, 200 << 20);
  });
});

describe('connections to the app', () => {
  test('are used again, and closed by us after about a second', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end(); });
    let connections = 0;
    app.server.on('connection', () => { connections++; });
    const proxy = await proxyFor(t, app);
    for (let i = 0; i < 10; i++) await ask(proxy.port);
    assert.equal(connections, 1);
    assert.equal(app.sockets.size, 1);
    await until('it is closed', () => app.sockets.size === 0, 2500);
  });

  test('an app that closes its idle ones at once loses no POST', async (t) => {
    const server = createServer((req, res) => { void bodyOf(req).then((body) => { res.end(body); }); });
    const app = Object.assign(new TestApp(() => undefined), { server });
    server.keepAliveTimeout = 5;
    server.on('connection', (socket) => app.sockets.add(socket));
    await app.listen();
    t.after(() => app.kill());
    const proxy = await proxyFor(t, app);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => { agent.destroy(); });
    for (let i = 0; i < 30; i++) {
      await new Promise((resolve) => { setTimeout(resolve, i % 9); });
      assert.equal((await ask(proxy.port, '/', { method: 'POST', body: `${i}`, agent })).body, `${i}`);
    }
  });
});
