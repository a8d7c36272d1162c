import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { field } from '../../../src/proxy/fields.ts';
import { inbound, outbound } from '../../../src/proxy/headers.ts';

const stranger = { address: '192.0.2.7', trusted: false, internal: false };
const balancer = { address: '10.0.0.2', trusted: true, internal: false };
const added = ['X-Forwarded-For', '192.0.2.7', 'X-Forwarded-Proto', 'http'];

describe('a request on its way in', () => {
  const through: [why: string, raw: string[], kept: string[]][] = [
    ['order, case and repetition stay', ['Host', 'a', 'B', '1', 'a', '2', 'B', '3'], ['B', '1', 'a', '2', 'B', '3']],
    ['hop-by-hop fields go', ['Connection', 'keep-alive', 'Keep-Alive', 'timeout=5', 'Proxy-Connection', 'x', 'Upgrade', 'h2c', 'TE', 'gzip', 'X', '1'], ['X', '1']],
    ['fields that Connection names go', ['Connection', 'close, X-Private', 'X-Private', '1', 'x-PRIVATE', '2', 'X-Public', '3'], ['X-Public', '3']],
    ['Connection repeated', ['Connection', 'a', 'connection', 'B', 'A', '1', 'b', '2', 'c', '3'], ['c', '3']],
    ['trailers are still welcome', ['TE', 'trailers, deflate;q=0.5'], ['TE', 'trailers']],
    ['Expect is ours to answer', ['Expect', '100-continue'], []],
    ['X-FastContainer-* are not for outsiders', ['X-FastContainer-App', 'shop', 'x_fastcontainer_app', 'shop'], []],
    ['httpoxy', ['Proxy', 'http://evil/'], []],
    ['hops that a stranger claims', ['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'h', 'X-Forwarded-Port', '1', 'Forwarded', 'for=1', 'X-Real-IP', '1'], []],
    ['the same with underscores', ['X_Forwarded_For', '1.1.1.1', 'X_Real_IP', '1', 'X-Forwarded_Prefix', '/x'], []],
    ['other underscores stay', ['my_field', '1'], ['my_field', '1']],
    ['names of Object.prototype are fields like others', ['constructor', '1', '__proto__', '2'], ['constructor', '1', '__proto__', '2']],
  ];
  for (const [why, raw, kept] of through) {
    test(why, () => { assert.deepEqual(inbound(raw, stranger).fields, [...kept, ...added]); });
  }

  test('a trusted peer is believed, and appended to', () => {
    const head = inbound(['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-For', '10.0.0.1', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'shop.example', 'X-Real-IP', '203.0.113.9', 'X_Forwarded_For', 'evil'], balancer);
    assert.deepEqual(head.fields, ['X-Real-IP', '203.0.113.9', 'X-Forwarded-For', '203.0.113.9, 10.0.0.1, 10.0.0.2', 'X-Forwarded-Proto', 'https']);
    assert.equal(head.forwardedHost, 'shop.example');
  });

  test('another fc-proxy is believed, not appended to, and says what it wants', () => {
    const peer = { address: '10.0.0.3', trusted: false, internal: true };
    const raw = ['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'h', 'Authorization', 'a', 'X-FastContainer-App', 'shop', 'X-FastContainer-Token', 't', 'X-FastContainer-Other', '1', 'X_FastContainer_App', 'evil'];
    const { fields, forwardedHost, app, token } = inbound(raw, peer);
    assert.deepEqual(fields, ['Authorization', 'a', 'X-Forwarded-For', '203.0.113.9', 'X-Forwarded-Proto', 'https']);
    assert.deepEqual([forwardedHost, app, token], ['h', 'shop', 't']);
    assert.equal(inbound([...raw, 'X-FastContainer-App', 'evil'], peer).app, 'shop evil');
    assert.deepEqual([inbound(raw, balancer).app, inbound(raw, stranger).token], [null, null]);
  });

  test('Connection cannot name away what this hop says', () => {
    assert.deepEqual(inbound(['Connection', 'X-Forwarded-For, X-Forwarded-Proto'], stranger).fields, added);
  });

  test('Host and framing are told apart', () => {
    const { hosts, host, length, coding } = inbound(['Host', 'a', 'host', 'b', 'Content-Length', '12'], stranger);
    assert.deepEqual({ hosts, host, length, coding }, { hosts: 2, host: 'a', length: 12, coding: null });
    assert.equal(inbound([], stranger).length, 0);
    assert.equal(inbound(['Transfer-Encoding', ' Chunked'], stranger).length, null);
    assert.equal(inbound(['Transfer-Encoding', ' Chunked'], stranger).coding, null);
    assert.equal(inbound(['Transfer-Encoding', 'gzip, chunked'], stranger).coding, 'gzip, chunked');
    assert.notEqual(inbound(['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], stranger).coding, null);
  });

  test('the memory of names ends somewhere', () => {
    for (let i = 0; i < 3000; i++) inbound([`X-N${i}`, '1', `X-Forwarded-N${i}`, '1'], stranger);
    assert.deepEqual(inbound(['X-N2999', '1', 'X-Forwarded-N2999', '1'], stranger).fields, ['X-N2999', '1', ...added]);
  });
});

describe('a response on its way out', () => {
  const table: [why: string, raw: string[], trailers: boolean, expected: string[]][] = [
    ['order, case and repetition stay', ['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b'], true, ['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b']],
    ['hop-by-hop fields go', ['Connection', 'X-Priv, upgrade', 'X-Priv', '1', 'Upgrade', 'h2c', 'Transfer-Encoding', 'chunked', 'Keep-Alive', 'x', 'Y', '2'], true, ['Y', '2']],
    ['an app cannot name its framing away', ['Connection', 'content-length', 'Content-Length', '2'], true, ['Content-Length', '2']],
    ['Trailer goes on before chunks', ['Trailer', 'A', 'Trailer', 'B'], true, ['Trailer', 'A, B']],
    ['Trailer goes where none can follow', ['Trailer', 'A'], false, []],
    ['Trailer goes beside a length', ['Trailer', 'A', 'Content-Length', '1'], true, ['Content-Length', '1']],
    ['a Content-Disposition that node would re-encode comes before the length', ['Content-Length', '1', 'Content-Disposition', 'attachment; filename="\xc3\xa9"', 'X', '1'], true, ['Content-Disposition', 'attachment; filename="\xc3\xa9"', 'X', '1', 'Content-Length', '1']],
    ['an app does not speak as fc-proxy', ['X-FastContainer-Problem', 'misdirected', 'X', '1'], true, ['X', '1']],
    ['an ASCII one stays where it is', ['Content-Length', '1', 'Content-Disposition', 'inline'], true, ['Content-Length', '1', 'Content-Disposition', 'inline']],
  ];
  for (const [why, raw, trailers, expected] of table) {
    test(why, () => { assert.deepEqual(outbound(raw, trailers), expected); });
  }
});

test('field() finds the first by its lower-case name', () => {
  assert.equal(field(['Accept', 'a', 'ACCEPT', 'b'], 'accept'), 'a');
  assert.equal(field(['x', 'accept'], 'accept'), undefined);
});
