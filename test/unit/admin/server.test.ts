import assert from 'node:assert/strict';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { describe, test, type TestContext } from 'node:test';
import { allowedHosts } from '../../../src/admin/host-names.ts';
import { AdminProblem } from '../../../src/admin/problem.ts';
import { AdminServer, json, type Routes } from '../../../src/admin/server.ts';
import { MemoryLog } from '../proxy/support.ts';

interface Answer { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }

function ask(where: { port: number } | { socketPath: string }, path: string, { host = 'localhost', method = 'GET' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ ...where, ...('port' in where && { host: '127.0.0.1' }), path, method, agent: false, headers: { Host: host } }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text: string) => { body += text; }).on('end', () => { resolve({ status: res.statusCode ?? 0, headers: res.headers, body }); });
    });
    req.on('error', reject).end();
  });
}

const ROUTES: Routes = new Map([
  ['/it.json', ({ query }) => json({ q: query.get('q') })],
  ['/bad', () => { throw new AdminProblem(400, 'That is <bad>.'); }],
  ['/broken', () => { throw new Error('a secret'); }],
]);

async function serverFor(t: TestContext): Promise<{ port: number; path: string; log: MemoryLog }> {
  const log = new MemoryLog();
  const server = new AdminServer({ routes: ROUTES, allowsHost: allowedHosts(() => ['web1', 'Web1.example']), log });
  const path = `${tmpdir()}/fc-admin-test-${process.pid}-${Math.random().toString(36).slice(2)}.sock`;
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  await server.listen({ path });
  t.after(() => server.close());
  return { port, path, log };
}

describe('the admin listener', () => {
  test('answers what its table has, for no other page to read', async (t) => {
    const { port } = await serverFor(t);
    const { status, headers, body } = await ask({ port }, '/it.json?q=a%20b');
    assert.equal(status, 200);
    assert.equal(body, '{"q":"a b"}\n');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.equal(headers['access-control-allow-origin'], undefined);
    const head = await ask({ port }, '/it.json', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '11']);
  });

  test('refuses the rest, and says why', async (t) => {
    const { port, log } = await serverFor(t);
    const table: [path: string, method: string, status: number, detail: RegExp][] = [
      ['/', 'GET', 404, /There is: \/it\.json \/bad \/broken/],
      ['/it.json/', 'GET', 404, /nothing here/],
      ['//it.json', 'GET', 404, /nothing here/],
      ['/%69t.json', 'GET', 404, /nothing here/],
      ['/it.json', 'POST', 405, /rows of the CMDB/],
      ['/it.json', 'OPTIONS', 405, /rows of the CMDB/],
      ['/bad', 'GET', 400, /^That is <bad>\.$/],
      ['/broken', 'GET', 500, /journal/],
    ];
    for (const [path, method, status, detail] of table) {
      const answer = await ask({ port }, path, { method });
      assert.equal(answer.status, status, path);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      const problem: unknown = JSON.parse(answer.body);
      assert.ok(typeof problem === 'object' && problem !== null && 'detail' in problem && detail.test(String(problem.detail)), answer.body);
      if (status === 405) assert.equal(answer.headers.allow, 'GET, HEAD');
    }
    assert.deepEqual(log.lines.filter((line) => line.startsWith('error')), ['error a request met an error {"path":"/broken","error":"a secret"}']);
  });

  test('knows its names, so that a page cannot have its own name lead here; a Unix socket has none', async (t) => {
    const { port, path } = await serverFor(t);
    for (const [host, status] of [
      ['127.0.0.1:8078', 200], ['[::1]:8078', 200], ['192.0.2.7', 200], ['localhost', 200], ['LOCALHOST:8078', 200], ['web1:1', 200], ['web1.example.', 200],
      ['evil.example', 421], ['127.0.0.1.evil.example', 421], ['web1.evil.example', 421], ['a b', 421], ['127.0.0.1@evil.example', 421],
    ] as const) assert.equal((await ask({ port }, '/it.json', { host })).status, status, host);
    assert.equal((await ask({ socketPath: path }, '/it.json', { host: 'whatever' })).status, 200);
  });
});
