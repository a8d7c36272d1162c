/** Requests that two servers could understand differently: the app sees one request, or none. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bodyOf, proxyFor, raw, testApp } from './support.ts';

const HEAD = 'Host: app.example\r\n';
const SECOND = 'GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n';

/** What came back, and what the app saw: `method path body` of each request. */
async function through(t: Parameters<Parameters<typeof test>[0] & object>[0], bytes: string): Promise<{ answer: string; seen: string[] }> {
  const seen: string[] = [];
  const app = await testApp(t, (req, res) => {
    void bodyOf(req).then((body) => {
      seen.push(`${req.method} ${req.url} ${body}`);
      res.end();
    }, () => undefined);
  });
  const proxy = await proxyFor(t, app);
  const answer = await raw(proxy.port, bytes, (text) => /\r\n\r\n/.test(text) && !/^HTTP\/1.1 100/.test(text));
  return { answer, seen };
}

describe('refused before any app is asked', () => {
  const table: [why: string, bytes: string, status: number][] = [
    ['two lengths that differ', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`, 400],
    ['two lengths that agree', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400],
    ['a list of lengths', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3, 3\r\n\r\nabc`, 400],
    ['a length with a sign', `POST / HTTP/1.1\r\n${HEAD}Content-Length: +3\r\n\r\nabc`, 400],
    ['a length in hex', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0x3\r\n\r\nabc`, 400],
    ['chunks and a length', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`, 400],
    ['a length and chunks', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a coding before chunks', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['chunks before a coding', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400],
    ['chunks twice', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a coding of a similar name', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
    ['a blank before the colon', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a folded field', `POST / HTTP/1.1\r\n${HEAD}X: a\r\n Transfer-Encoding: chunked\r\n\r\n`, 400],
    ['a bare CR in a value', `GET / HTTP/1.1\r\n${HEAD}X: a\rY: b\r\n\r\n`, 400],
    ['a NUL in a value', `GET / HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`, 400],
    ['a field without a name', `GET / HTTP/1.1\r\n${HEAD}: x\r\n\r\n`, 400],
    ['a bad chunk size', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n`, 400],
    ['a negative chunk size', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n`, 400],
    ['two Hosts', `GET / HTTP/1.1\r\n${HEAD}Host: other\r\n\r\n`, 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 400],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: app.example/x\r\n\r\n', 400],
    ['blanks in the target', `GET /a b HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['CONNECT', 'CONNECT app.example:443 HTTP/1.1\r\nHost: app.example:443\r\n\r\n', 405],
    ['a head too large', `GET / HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['no HTTP', 'hello\r\n\r\n', 400],
  ];
  for (const [why, bytes, status] of table) {
    test(why, async (t) => {
      const { answer, seen } = await through(t, bytes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, /\r\nConnection: close\r\n/i);
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, 'one answer');
      assert.deepEqual(seen, []);
    });
  }
});

describe('one request is one request', () => {
  test('a chunked DELETE with a request in its body (GHSA-ggv3-7p47-pfv8)', async (t) => {
    const { seen } = await through(t, `DELETE / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`);
    assert.deepEqual(seen, [`DELETE / ${SECOND}`]);
  });

  test('a GET with a length and a request as its body', async (t) => {
    const { seen } = await through(t, `GET / HTTP/1.1\r\n${HEAD}Content-Length: ${SECOND.length}\r\nConnection: close\r\n\r\n${SECOND}`);
    assert.deepEqual(seen, [`GET / ${SECOND}`]);
  });

  test('Connection that names the framing does not undo it', async (t) => {
    const { seen } = await through(t, `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nConnection: close, Content-Length, Host, Transfer-Encoding\r\n\r\nabc`);
    assert.deepEqual(seen, ['POST / abc']);
  });

  test('chunk extensions end here', async (t) => {
    const { seen } = await through(t, `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n`);
    assert.deepEqual(seen, ['POST / abc']);
  });

  test('an h2c upgrade is answered as an ordinary request, nothing is tunnelled', async (t) => {
    const { answer, seen } = await through(t, `GET /h2 HTTP/1.1\r\n${HEAD}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.deepEqual(seen, ['GET /h2 ']);
  });

  test('so is an upgrade with a body', async (t) => {
    const { answer, seen } = await through(t, `POST /up HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.deepEqual(seen, ['POST /up hello']);
  });

  test('pipelined requests are answered in order', async (t) => {
    const app = await testApp(t, (req, res) => { setTimeout(() => { res.end(req.url); }, req.url === '/1' ? 50 : 0); });
    const proxy = await proxyFor(t, app);
    const answer = await raw(proxy.port, `GET /1 HTTP/1.1\r\n${HEAD}\r\nGET /2 HTTP/1.1\r\n${HEAD}\r\nGET /3 HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    assert.deepEqual(answer.match(/\n\/[123]/g), ['\n/1', '\n/2', '\n/3']);
  });
});

test('OPTIONS * is about this server', async (t) => {
  const { answer, seen } = await through(t, `OPTIONS * HTTP/1.1\r\n${HEAD}\r\n`);
  assert.match(answer, /^HTTP\/1\.1 204 No Content\r\nAllow: GET/);
  assert.deepEqual(seen, []);
});
