import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { headOf, Unsendable, type Body, type Request } from '../../../../src/proxy/wire/request.ts';

const BODY: Body = { flow: () => undefined, resume: () => undefined, stop: () => undefined };
const of = (request: Partial<Request>): string => headOf({ method: 'GET', path: '/', headers: ['Host', 'a'], length: 0, body: null, ...request });

describe('the head of a request', () => {
  const table: [why: string, request: Partial<Request>, head: string][] = [
    ['of one without a body', {}, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n'],
    ['of HEAD, after which the connection is not used again', { method: 'HEAD' }, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['of a POST without a body, which says so', { method: 'POST' }, 'POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n'],
    ['with a length', { method: 'PUT', body: BODY, length: 5 }, 'PUT / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n'],
    ['in chunks', { method: 'DELETE', body: BODY, length: null }, 'DELETE / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['with bytes beyond ASCII', { path: '/\xe9', headers: ['Host', 'a', 'X', '\xff'] }, 'GET /\xe9 HTTP/1.1\r\nHost: a\r\nX: \xff\r\nConnection: keep-alive\r\n\r\n'],
  ];
  for (const [why, request, head] of table) test(why, () => { assert.equal(of(request), head); });

  for (const evil of ['\r', '\n', '\0', '\r\nX: 1', '\u{1f600}', '\u0100']) {
    test(`none with ${JSON.stringify(evil)}, wherever it is`, () => {
      for (const request of [{ path: `/${evil}` }, { method: `GET${evil}` }, { headers: ['Host', `a${evil}`] }, { headers: [`Host${evil}`, 'a'] }]) {
        assert.throws(() => of(request), Unsendable, JSON.stringify(request));
      }
    });
  }
  test('none with a space in its path, which would end there', () => { assert.throws(() => of({ path: '/ HTTP/1.1' }), Unsendable); });
});
