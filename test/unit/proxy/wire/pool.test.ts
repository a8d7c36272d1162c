import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '../../../../src/proxy/clock.ts';
import { systemClock } from '../../../../src/proxy/clock.ts';
import { Pool, type PoolOptions } from '../../../../src/proxy/wire/pool.ts';
import type { Body, BodySink, Request } from '../../../../src/proxy/wire/request.ts';
import type { Answered, Wire } from '../../../../src/proxy/wire/wire.ts';
import { FakeClock, portOf, settle, until } from '../support.ts';

/** A server that speaks as it is told: `hear` gets all that has come on a connection so far. */
class Speaker {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  readonly heard: string[] = [];

  constructor(hear: (socket: Socket, text: string, connection: number) => void) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = this.sockets.push(socket) - 1;
      this.heard.push('');
      socket.on('error', () => undefined);
      socket.on('end', () => { socket.end(); });
      socket.on('data', (chunk) => {
        this.heard[connection] += chunk.toString('latin1');
        hear(socket, this.heard[connection] ?? '', connection);
      });
    });
  }
}

async function speaker(t: TestContext, hear: (socket: Socket, text: string, connection: number) => void): Promise<Speaker & { port: number }> {
  const made = new Speaker(hear);
  made.server.listen(0, '127.0.0.1');
  await once(made.server, 'listening');
  t.after(() => {
    for (const socket of made.sockets) socket.destroy();
    made.server.close();
  });
  return Object.assign(made, { port: portOf(made.server) });
}

function poolFor(t: TestContext, port: number, over: Partial<PoolOptions> = {}, clock: Clock = systemClock): Pool {
  const pool = new Pool({
    connect: (onread, connected) => {
      const socket = connect({ host: '127.0.0.1', port, onread });
      const fail = (error: Error): void => { connected(error, null); };
      socket.once('error', fail).once('connect', () => { socket.removeListener('error', fail); connected(null, socket); });
    },
    clock, idleMs: 1000, marginMs: 1000, silenceMs: 10_000, ...over,
  });
  t.after(() => { pool.destroy(new Error('the test is over')); });
  return pool;
}

/** What became of a request. */
class Outcome implements Answered {
  readonly told: string[] = [];
  body = '';
  wire: Wire | null = null;
  error: Error | null = null;
  over = false;

  sending(wire: Wire): void { this.wire = wire; this.told.push('sending'); }
  head(status: number, phrase: string): void { this.told.push(`${status} ${phrase}`); }
  data(chunk: Buffer): void { this.body += chunk.toString('latin1'); }
  complete(trailers: readonly string[]): void { this.told.push(`complete ${trailers.join(' ')}`.trim()); this.over = true; }
  failed(error: Error): void { this.told.push(`failed ${error.message}`); this.error = error; this.over = true; }
}

function send(pool: Pool, over: Partial<Request> = {}): Outcome {
  const outcome = new Outcome();
  pool.dispatch({ method: 'GET', path: '/', headers: ['Host', 'app.example'], length: 0, body: null, ...over }, outcome);
  return outcome;
}

async function over(outcome: Outcome): Promise<Outcome> {
  await until('the request is over', () => outcome.over);
  return outcome;
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A body given by hand. */
class HandBody implements Body {
  sink: BodySink | null = null;
  resumed = 0;
  stopped = false;
  flow(sink: BodySink): void { this.sink = sink; }
  resume(): void { this.resumed++; }
  stop(): void { this.stopped = true; }
}

describe('connections', () => {
  test('one after the other on one, beside each other on several', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write(OK); });
    const pool = poolFor(t, server.port);
    for (let i = 0; i < 3; i++) assert.deepEqual((await over(send(pool))).told, ['sending', '200 OK', 'complete']);
    assert.equal(server.sockets.length, 1);
    for (const outcome of [send(pool), send(pool), send(pool)]) assert.equal((await over(outcome)).body, 'ok');
    assert.equal(server.sockets.length, 3);
  });

  const once_: [why: string, answer: string, method?: string][] = [
    ['the server says close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['it is HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['it was HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'HEAD'],
    ['the server closes it about then', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'],
    ['there is more than the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!'],
    ['there is a second answer', `${OK}${OK}`],
  ];
  for (const [why, answer, method = 'GET'] of once_) {
    test(`not used again: ${why}`, async (t) => {
      const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write(answer); });
      const pool = poolFor(t, server.port);
      for (let i = 0; i < 2; i++) assert.deepEqual((await over(send(pool, { method }))).told, ['sending', '200 OK', 'complete']);
      assert.equal(server.sockets.length, 2);
      await until('ours are closed', () => server.sockets.every((socket) => socket.readableEnded || socket.destroyed));
    });
  }

  test('used again: HTTP/1.0 that is asked to, and a hint of two seconds', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: max=9, timeout=2\r\nContent-Length: 2\r\n\r\nok'); });
    const pool = poolFor(t, server.port);
    for (let i = 0; i < 2; i++) await over(send(pool));
    assert.equal(server.sockets.length, 1);
  });

  test('an answer on an idle one, which nobody asked for, is nobody\'s: it is closed', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write(OK); });
    const pool = poolFor(t, server.port);
    await over(send(pool));
    server.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await until('it is closed', () => server.sockets[0]?.readableEnded === true || server.sockets[0]?.destroyed === true);
    assert.equal((await over(send(pool))).body, 'ok');
    assert.equal(server.sockets.length, 2);
  });

  test('one that the server has closed gets no request', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write(OK); });
    const pool = poolFor(t, server.port);
    await over(send(pool));
    server.sockets[0]?.end();
    // The request comes in the turn in which the news do: it gets its connection at the end of that.
    await new Promise<void>((resolve) => { server.sockets[0]?.once('finish', resolve); });
    const outcome = send(pool, { method: 'POST' });
    assert.deepEqual((await over(outcome)).told, ['sending', '200 OK', 'complete']);
    assert.equal(server.sockets.length, 2);
  });

  test('idle ones are closed in time: the last that was used is used first', async (t) => {
    const clock = new FakeClock();
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write(OK); });
    const pool = poolFor(t, server.port, {}, clock);
    const both = [send(pool), send(pool)];
    for (const outcome of both) await over(outcome);
    const open = (): number => server.sockets.filter((socket) => !socket.readableEnded && !socket.destroyed).length;
    await clock.advance(600);
    const [before] = server.heard.map((text) => text.length);
    await over(send(pool));
    assert.equal(server.sockets.length, 2);
    assert.ok(before !== undefined);
    await clock.advance(399);
    await settle();
    assert.equal(open(), 2);
    await clock.advance(1);
    await until('the one not used since is closed', () => open() === 1);
    await clock.advance(599);
    assert.equal(open(), 1);
    await clock.advance(1);
    await until('the other, too', () => open() === 0);
    assert.equal(clock.pending, 0);
  });

  test('close(): what is under way finishes, and nothing is kept', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('go')) socket.write(OK); });
    const pool = poolFor(t, server.port);
    const body = new HandBody();
    const outcome = send(pool, { method: 'POST', length: 2, body });
    await until('it is sent', () => body.sink !== null);
    pool.close();
    body.sink?.give(Buffer.from('go'));
    body.sink?.end();
    assert.deepEqual((await over(outcome)).told, ['sending', '200 OK', 'complete']);
    await until('it is closed', () => server.sockets.every((socket) => socket.readableEnded));
    assert.match((await over(send(pool))).told.join(), /^failed .*closed/);
  });

  test('destroy(): whoever is at work, waits for a connection or has just come is told at once', async (t) => {
    const server = await speaker(t, () => undefined);
    let connecting = 0;
    const stuck = new Pool({ connect: () => { connecting++; }, clock: systemClock, idleMs: 1000, marginMs: 0, silenceMs: 1000 });
    const pool = poolFor(t, server.port);
    const working = send(pool);
    const waiting = send(stuck);
    await until('both are at it', () => server.heard[0]?.endsWith('\r\n\r\n') === true && connecting === 1);
    const fresh = send(stuck);
    for (const one of [pool, stuck]) one.destroy(new Error('gone'));
    assert.deepEqual([working, waiting, fresh].map(({ told }) => told.at(-1)), ['failed gone', 'failed gone', 'failed gone']);
    await settle();
    assert.equal(connecting, 1);
  });

  test('a connection that does not come about', async (t) => {
    const server = await speaker(t, () => undefined);
    server.server.close();
    const outcome = await over(send(poolFor(t, server.port)));
    assert.deepEqual(outcome.told.length, 1);
    assert.match(String(outcome.error), /ECONNREFUSED/);
  });
});

describe('an answer that does not come', () => {
  test('silence has an end', async (t) => {
    const server = await speaker(t, () => undefined);
    const outcome = await over(send(poolFor(t, server.port, { silenceMs: 50 })));
    assert.deepEqual(outcome.error !== null && 'code' in outcome.error && outcome.error.code, 'ERR_SILENT');
  });

  test('a body until the end of the connection is complete; one with a length or in chunks is not', async (t) => {
    const server = await speaker(t, (socket, text) => {
      if (!text.endsWith('\r\n\r\n')) return;
      const head = text.includes('/length') ? 'Content-Length: 9\r\n' : text.includes('/chunks') ? 'Transfer-Encoding: chunked\r\n' : '';
      socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n${head.includes('chunked') ? '3\r\n' : ''}abc`);
    });
    const pool = poolFor(t, server.port);
    const whole = await over(send(pool));
    assert.deepEqual([whole.told.at(-1), whole.body], ['complete', 'abc']);
    for (const path of ['/length', '/chunks']) {
      const cut = await over(send(pool, { path }));
      assert.match(cut.told.at(-1) ?? '', /^failed the other side closed/, path);
    }
  });

  test('a reset within a body that lasts until the end is no end', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) { socket.write('HTTP/1.1 200 OK\r\n\r\nabc'); setTimeout(() => { socket.resetAndDestroy(); }, 20); } });
    assert.match((await over(send(poolFor(t, server.port)))).told.at(-1) ?? '', /^failed .*ECONNRESET/);
  });

  test('abort(): the connection ends, and nothing more is told', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'); });
    const outcome = send(poolFor(t, server.port));
    await until('some has come', () => outcome.body === 'abc');
    outcome.wire?.abort(new Error('enough'));
    outcome.wire?.abort(new Error('more than enough'));
    assert.deepEqual(outcome.told, ['sending', '200 OK', 'failed enough']);
    await until('it is closed', () => server.sockets[0]?.readableEnded === true || server.sockets[0]?.destroyed === true);
    assert.equal(outcome.told.length, 3);
  });
});

describe('a request\'s body', () => {
  test('leaves with its head when it is there, and says when there is room', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.endsWith('0\r\n\r\n')) socket.write(OK); });
    const body = new HandBody();
    const outcome = send(poolFor(t, server.port), { method: 'POST', length: null, body });
    await until('it is wanted', () => body.sink !== null);
    body.sink?.give(Buffer.from('abc'));
    body.sink?.give(Buffer.from('0123456789abcdef'));
    body.sink?.end();
    assert.equal((await over(outcome)).body, 'ok');
    assert.match(server.heard[0] ?? '', /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n$/);
  });

  test('stops at a server that does not read, and goes on when it does', async (t) => {
    const server = await speaker(t, () => undefined);
    server.server.on('connection', (socket: Socket) => { socket.pause(); });
    const body = new HandBody();
    send(poolFor(t, server.port), { method: 'POST', length: 1e9, body });
    await until('it is wanted', () => body.sink !== null);
    const chunk = Buffer.alloc(1_000_000);
    let given = 1;
    while (given < 200 && body.sink?.give(chunk) === true) given++;
    assert.ok(given < 200, 'there is always room');
    assert.equal(body.resumed, 0);
    await until('the server is there', () => server.sockets.length === 1);
    server.sockets[0]?.resume();
    await until('there is room again', () => body.resumed > 0);
  });

  for (const [why, bytes] of [['more', 'abcdef'], ['less', 'ab']] as const) {
    test(`that is ${why} than was announced breaks the connection`, async (t) => {
      const server = await speaker(t, () => undefined);
      const body = new HandBody();
      const outcome = send(poolFor(t, server.port), { method: 'POST', length: 4, body });
      await until('it is wanted', () => body.sink !== null);
      body.sink?.give(Buffer.from(bytes));
      body.sink?.end();
      assert.match((await over(outcome)).told.at(-1) ?? '', /^failed the body has/);
      assert.equal(body.stopped, true);
    });
  }

  test('is not wanted any more when the answer has come, and the connection is not used again', async (t) => {
    const server = await speaker(t, (socket, text) => { if (text.includes('\r\n\r\n')) socket.write(OK); });
    const pool = poolFor(t, server.port);
    const body = new HandBody();
    const outcome = await over(send(pool, { method: 'POST', length: 4, body }));
    assert.equal(outcome.body, 'ok');
    assert.equal(body.stopped, true);
    assert.equal((await over(send(pool))).body, 'ok');
    assert.equal(server.sockets.length, 2);
  });
});

describe('large bodies', () => {
  /** So long that the last of it fills a connection's own buffer, if all reads do: what is lent last is lent at the end. */
  const BYTES = 65_536 - 63 + 31 * 262_144;
  const HEAD = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${BYTES}\r\n\r\n`;
  assert.equal(HEAD.length, 63);
  /** What is different for each seed and at each place. */
  const patterns = Array.from({ length: 12 }, (_, seed) => Buffer.from(new Uint32Array(2 ** 21).map((__, i) => Math.imul(i + 1, 2_654_435_761) ^ Math.imul(seed, 40_503)).buffer).subarray(0, BYTES));
  const pattern = (seed: number): Buffer => patterns[seed] ?? Buffer.alloc(0);

  test('what is lent stays as it is until it is given back, whatever comes on other connections', async (t) => {
    const server = await speaker(t, (socket, text) => {
      const seed = /GET \/(\d+) [^]*\r\n\r\n$/.exec(text)?.[1];
      if (seed !== undefined) socket.end(Buffer.concat([Buffer.from(HEAD), pattern(Number(seed))]));
    });
    const pool = poolFor(t, server.port);
    let lentBytes = 0;
    let lentAtEnd = 0;
    const fetch = (seed: number): Promise<void> => new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let held = 0;
      pool.dispatch({ method: 'GET', path: `/${seed}`, headers: ['Host', 'a'], length: 0, body: null }, {
        sending: () => undefined,
        head: () => undefined,
        data: (chunk, lender) => {
          if (lender === null) { chunks.push(chunk); return; }
          lentBytes += chunk.length;
          held++;
          const done = lender.lend();
          // Looked at only after the others have read much.
          const at = chunks.push(chunk) - 1;
          setTimeout(() => { chunks[at] = Buffer.from(chunk); held--; done(); }, 30);
        },
        // The next one begins while the last of this one is still lent.
        complete: () => {
          if (held > 0) lentAtEnd++;
          const next = seed < 6 ? fetch(seed + 6) : Promise.resolve();
          setTimeout(() => { next.then(() => { assert.ok(Buffer.concat(chunks).equals(pattern(seed)), `body ${seed} is another one`); }).then(resolve, reject); }, 50);
        },
        failed: reject,
      });
    });
    await Promise.all([0, 1, 2, 3, 4, 5].map(fetch));
    assert.ok(lentBytes > BYTES, `only ${lentBytes} bytes were lent`);
    assert.ok(lentAtEnd > 0, 'none was lent at the end');
  });
});
