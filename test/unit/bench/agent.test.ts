/** What the benchmark's client does, against servers of its own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { operations } from '../../bench/agent/operations.ts';
import { visit } from '../../bench/agent/visit.ts';

async function listen(t: TestContext, server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); });
  return (server.address() as AddressInfo).port;
}

const serve = (t: TestContext, handler: RequestListener): Promise<number> => listen(t, createServer(handler));

test('a visit tells status, fields and when its bytes came', async (t) => {
  const port = await serve(t, (request, response) => {
    response.setHeader('X-Host', request.headers.host ?? '');
    response.flushHeaders();
    setTimeout(() => { response.end('all'); }, 30);
  });
  const { status, headers, firstMs, lastMs, beganUs } = await visit({ port, domain: 'shop.test' });
  assert.equal(status, 200);
  assert.equal(headers['x-host'], 'shop.test');
  assert.ok(firstMs > 0 && lastMs > firstMs, `${firstMs} ${lastMs}`);
  assert.ok(beganUs <= Number(process.hrtime.bigint() / 1000n));
});

test('a connection that is refused, or closed without an answer, is an error', async (t) => {
  const port = await listen(t, createTcpServer((socket) => { socket.destroy(); }));
  await assert.rejects(visit({ port }));
  const closed = createTcpServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: free } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  await assert.rejects(visit({ port: free }), /ECONNREFUSED/);
});

test('who is told to come again does so once, after that time', async (t) => {
  const asked = new Map<string, number>();
  const port = await serve(t, ({ headers: { host = '' } }, response) => {
    const times = (asked.get(host) ?? 0) + 1;
    asked.set(host, times);
    const busy = host === 'full.test' || (host === 'busy.test' && times === 1);
    if (busy) response.setHeader('Retry-After', '0.05');
    response.statusCode = busy || host === 'silent.test' ? 503 : 200;
    response.end();
  });
  const told = await operations.crowd(['free', 'busy', 'full', 'silent'].map((name) => ({ port, domain: `${name}.test` })));
  assert.deepEqual(told.map((answers) => answers.map(({ status }) => status)), [[200], [503, 200], [503, 503], [503]]);
  const [first, second] = told[1] ?? [];
  assert.ok(first !== undefined && second !== undefined && second.beganUs - first.beganUs >= 50_000);
});

test('what a command starts is asked until it answers 200', async (t) => {
  const answers = [500, 503, 200];
  const port = await serve(t, (_request, response) => {
    response.statusCode = answers.shift() ?? 200;
    response.end();
  });
  const ms = await operations.start({ command: ['sleep', '0.02'], ends: true, visit: { port } });
  assert.ok(ms > 4, 'two pauses');
  assert.deepEqual(answers, []);
  await assert.rejects(operations.start({ command: ['false'], ends: true, visit: { port } }), /false ended with 1/);
});

test('of many each is asked once it is said to be started; one that never is is an error', async (t) => {
  const port = await serve(t, (_request, response) => { response.end(); });
  const visits = [{ port }, { port }, { port }];
  const times = await operations.startMany({ command: ['sh', '-c', 'echo 1; sleep 0.05; echo 0; echo 2; echo other'], visits });
  assert.equal(times.length, 3);
  assert.ok((times[0] ?? 0) > (times[1] ?? Infinity) && times.every(Number.isFinite), String(times));
  await assert.rejects(operations.startMany({ command: ['sh', '-c', 'echo 1'], visits }), /started 1 of 3/);
});

test('a command that stays is ended', async (t) => {
  const port = await serve(t, (_request, response) => { response.end(); });
  await operations.start({ command: ['sleep', '1000'], ends: false, visit: { port } });
  await operations.end(null);
});
