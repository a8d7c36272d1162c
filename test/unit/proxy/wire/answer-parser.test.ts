import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AnswerParser } from '../../../../src/proxy/wire/answer-parser.ts';
import { NotHttp } from '../../../../src/proxy/wire/not-http.ts';

/** What is told of these bytes, given in parts. Bodies are put together. */
function parse(parts: readonly Buffer[], method = 'GET', end = false): unknown[] {
  const told: unknown[] = [];
  let bytes = Buffer.alloc(0);
  const parser = new AnswerParser({
    begin: () => { told.push('begin'); },
    head: (status, phrase, fields, keepAlive) => { told.push([status, phrase, fields, keepAlive]); return method !== 'HEAD'; },
    body: (from, to) => {
      const text = bytes.toString('latin1', from, to);
      const last: unknown = told.at(-1);
      if (typeof last === 'string' && last.startsWith('body ')) told.splice(-1, 1, last + text);
      else told.push(`body ${text}`);
    },
    complete: (trailers) => { told.push(['complete', trailers]); },
  });
  try {
    for (const part of parts) {
      // As it is in the end: the bytes are those of a buffer that is used again for the next part.
      bytes = Buffer.concat([part, Buffer.from('after the end')]);
      parser.execute(bytes, part.length);
      bytes.fill('#');
    }
    if (end && parser.needsEnd) parser.finish();
  } finally {
    parser.free();
  }
  return told;
}

const whole = (text: string, method?: string, end?: boolean): unknown[] => parse([Buffer.from(text, 'latin1')], method, end);

describe('an answer', () => {
  const table: [why: string, text: string, told: unknown[], method?: string, end?: boolean][] = [
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: caf\xe9\r\n\r\nabc',
      ['begin', [200, 'OK', ['Content-Length', '3', 'X', 'caf\xe9'], true], 'body abc', ['complete', []]]],
    ['with fields that are empty, repeated, padded and odd in case', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nEmpty:\r\nB:   \r\nx-A: \t 1 \t\r\nX-a: 2\r\n\r\n',
      ['begin', [200, 'OK', ['Content-Length', '0', 'Empty', '', 'B', '', 'x-A', '1', 'X-a', '2'], true], ['complete', []]]],
    ['in chunks, with trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nSum: 1\r\nT: \r\n\r\n',
      ['begin', [200, 'OK', ['Transfer-Encoding', 'chunked'], true], 'body abcde', ['complete', ['Sum', '1', 'T', '']]]],
    ['until the end of the connection', 'HTTP/1.0 200 \xdcbel\r\nX: 1\r\n\r\nabc',
      ['begin', [200, '\xdcbel', ['X', '1'], false], 'body abc', ['complete', []]], 'GET', true],
    ['to HEAD, whatever it says of a body', 'HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n',
      ['begin', [200, 'OK', ['Content-Length', '300'], true], ['complete', []]], 'HEAD'],
    ['without a body: 204, 304', 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n',
      ['begin', [204, 'No Content', [], true], ['complete', []], 'begin', [304, 'Not Modified', ['Content-Length', '10'], true], ['complete', []]]],
    ['after others that are none yet', 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx',
      ['begin', [102, 'Processing', [], true], 'begin', [103, 'Early Hints', ['Link', '</a>'], true], 'begin', [200, '', ['Connection', 'close', 'Content-Length', '1'], false], 'body x', ['complete', []]]],
  ];
  for (const [why, text, told, method, end] of table) {
    test(why, () => { assert.deepEqual(whole(text, method, end), told); });
    test(`${why}, cut at every byte and into single bytes`, () => {
      const bytes = Buffer.from(text, 'latin1');
      for (let at = 1; at < bytes.length; at++) assert.deepEqual(parse([bytes.subarray(0, at), bytes.subarray(at)], method, end), told, `at ${at}`);
      assert.deepEqual(parse([...bytes].map((byte) => Buffer.from([byte])), method, end), told);
    });
  }

  test('longer than what is parsed at a time', () => {
    const body = Buffer.alloc(700_001, 'abcdefg');
    assert.deepEqual(parse([Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 700001\r\n\r\n'), body])]),
      ['begin', [200, 'OK', ['Content-Length', '700001'], true], `body ${body.toString()}`, ['complete', []]]);
  });

  const not: [why: string, text: string, code: RegExp][] = [
    ['no HTTP', 'hello\r\n', /HPE_/],
    ['a status below 100', 'HTTP/1.1 099 No\r\n\r\n', /HPE_INVALID_STATUS/],
    ['a head of more than 64 KiB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(65_600)}\r\n\r\n`, /HPE_HEADER_OVERFLOW/],
    ['many small fields of more than 64 KiB', `HTTP/1.1 200 OK\r\n${'Abcdef: 12345678\r\n'.repeat(6000)}\r\n`, /HPE_HEADER_OVERFLOW/],
    ['trailers of more than 64 KiB', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'Abcdef: 12345678\r\n'.repeat(6000)}\r\n`, /HPE_HEADER_OVERFLOW/],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', /HPE_PAUSED_UPGRADE/],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 1,1\r\n\r\n', /HPE_INVALID_CONTENT_LENGTH/],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx', /HPE_/],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /HPE_/],
    ['a bare LF within a field', 'HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n', /HPE_/],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n', /HPE_/],
    ['a chunk whose size is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n', /HPE_INVALID_CHUNK_SIZE/],
    ['something after the last answer of a connection', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n', /HPE_CLOSED_CONNECTION/],
  ];
  for (const [why, text, code] of not) {
    test(`none: ${why}`, () => {
      assert.throws(() => whole(text), (error) => error instanceof NotHttp && code.test(error.code));
    });
  }

  test('an error of whoever is told passes through, and the next parser works', () => {
    const sink = { begin: () => { throw new Error('no'); }, head: () => true, body: () => undefined, complete: () => undefined };
    const parser = new AnswerParser(sink);
    assert.throws(() => { parser.execute(Buffer.from('HTTP/1.1 '), 9); }, /^Error: no$/);
    parser.free();
    assert.equal(whole('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n').length, 3);
  });

  test('of hundreds of connections in turns', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    let complete = 0;
    const parsers = Array.from({ length: 500 }, () => new AnswerParser({ begin: () => undefined, head: () => true, body: () => undefined, complete: () => { complete++; } }));
    for (const byte of bytes) for (const parser of parsers) parser.execute(Buffer.from([byte]), 1);
    for (const parser of parsers) parser.free();
    assert.equal(complete, 500);
  });
});
