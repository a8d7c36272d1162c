/** Requests that go from one host's fc-proxy to another's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { deadPort, testFleet } from './fleet.ts';
import { ask, bodyOf, raw, TOKEN, until } from './support.ts';

const silent: RequestListener = (_req, res) => { res.end(); };
const says = (text: string): RequestListener => (req, res) => { req.resume().on('end', () => { res.end(text); }); };

describe('a request for an app that is elsewhere', () => {
  test('goes there, with its client and what the client said, and comes back', async (t) => {
    const heads: IncomingMessage[] = [];
    const fleet = await testFleet(t, { front: silent, web: (req, res) => { heads.push(req); void bodyOf(req).then((body) => { res.setHeader('X-FastContainer-Problem', 'misdirected'); res.end(body); }); } });
    fleet.place({ web: 1 });
    const answer = await ask(fleet.member('front').port, '/a?b', {
      method: 'POST', body: 'hello',
      headers: { Authorization: 'Basic client', 'X-Forwarded-For': '6.6.6.6', 'X-FastContainer-App': 'evil', 'X-FastContainer-Token': 'evil' },
    });
    assert.deepEqual([answer.status, answer.body], [200, 'hello']);
    assert.equal(answer.headers['x-fastcontainer-problem'], undefined, 'an app cannot speak as fc-proxy');
    const [head] = heads;
    assert.ok(head !== undefined);
    assert.equal(head.url, '/a?b');
    assert.equal(head.headers.host, 'app.example');
    assert.equal(head.headers.authorization, 'Basic client');
    assert.equal(head.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(head.headers['x-forwarded-host'], 'app.example');
    assert.equal(head.headers['x-forwarded-proto'], 'http');
    assert.deepEqual(Object.keys(head.headers).filter((name) => name.startsWith('x-fastcontainer')), []);
    assert.equal(fleet.member('front').manager.calls.length, 0);
    assert.equal(fleet.member('web').manager.calls.length, 1);
  });

  test('streams both ways: 20 MB up and down, byte for byte', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: (req, res) => { req.pipe(res); } });
    fleet.place({ web: 1 });
    const body = Buffer.alloc(20_000_000, 'fleet of hosts');
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const answer = await ask(fleet.member('front').port, '/', { method: 'POST', body, headers });
      assert.equal(answer.status, 200);
      assert.ok(Buffer.from(answer.body, 'latin1').equals(body));
    }
  });

  test('what the other host answers itself goes to the client as it is', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: silent });
    fleet.place({ web: 1 });
    fleet.member('web').manager.job = () => 'failed';
    const { status, body, headers } = await ask(fleet.member('front').port, '/', { method: 'POST', body: 'x' });
    assert.equal(status, 502);
    assert.match(body, /start-failed/);
    assert.doesNotMatch(body, /the start ended/);
    assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('x-fastcontainer')), []);
    for (const name of ['front', 'web']) assert.match(fleet.member(name).log.told(body), /the start ended as .*failed/, `${name} knows it by the same reference`);
  });

  test('a client that leaves is told to the app, and nothing stays in flight', async (t) => {
    let inside: IncomingMessage | null = null;
    const fleet = await testFleet(t, { front: silent, web: (req) => { inside = req; } });
    fleet.place({ web: 1 });
    const { port, peers } = fleet.member('front');
    const [, row] = fleet.hosts;
    assert.ok(row !== undefined);
    const peer = peers.get(row);
    const req = request({ port, headers: { Host: 'app.example' } }).end();
    req.on('error', () => undefined);
    await until('it is inside', () => inside !== null);
    assert.deepEqual([peer?.inFlight, peer?.inFlightOf('app')], [1, 1]);
    req.destroy();
    await until('the app is told', () => inside?.destroyed === true);
    await until('nothing is in flight', () => peer?.inFlight === 0 && peer.inFlightOf('app') === 0);
  });

  test('WebSocket goes over the hop, and ends with the client', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: silent });
    const sockets = new WebSocketServer({ server: fleet.member('web').app.server });
    t.after(() => { sockets.close(); });
    sockets.on('connection', (socket) => { socket.on('message', (data, binary) => { socket.send(data, { binary }); }); });
    fleet.place({ web: 1 });
    const socket = new WebSocket(`ws://127.0.0.1:${fleet.member('front').port}/`, { headers: { Host: 'app.example' } });
    t.after(() => { socket.terminate(); });
    await once(socket, 'open');
    socket.send(Buffer.alloc(1 << 20, 'x'));
    const [data] = await once(socket, 'message') as [Buffer];
    assert.equal(data.length, 1 << 20);
    socket.terminate();
    await until('the app is told', () => sockets.clients.size === 0);
    const [, row] = fleet.hosts;
    assert.ok(row !== undefined);
    await until('nothing is in flight', () => fleet.member('front').peers.get(row)?.inFlight === 0);
  });
});

describe('the internal listener', () => {
  const head = (token: string, more = ''): string => `GET / HTTP/1.1\r\nHost: app.example\r\nX-FastContainer-App: app\r\n${token}${more}Connection: close\r\n\r\n`;

  for (const [who, bytes] of [
    ['no token', head('')],
    ['a wrong token', head(`X-FastContainer-Token: ${TOKEN}x\r\n`)],
    ['two tokens', head(`X-FastContainer-Token: ${TOKEN}\r\nX-FastContainer-Token: ${TOKEN}\r\n`)],
    ['the token elsewhere', head(`Authorization: Bearer ${TOKEN}\r\n`)],
    ['an upgrade without token', 'GET / HTTP/1.1\r\nHost: app.example\r\nX-FastContainer-App: app\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n'],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
    ['an expectation', head('', 'Expect: 200-ok\r\n')],
    ['no HTTP', 'hello\r\n\r\n'],
  ] as const) {
    test(`${who}: nothing`, async (t) => {
      const fleet = await testFleet(t, { web: says('web') });
      fleet.place({ web: 1 });
      assert.equal(await raw(fleet.member('web').internal, bytes), '');
      assert.equal(fleet.member('web').manager.calls.length, 0);
    });
  }

  test('both tokens while they are replaced', async (t) => {
    const [old, young] = ['the-old-token-of-all', 'the-new-token-of-all'];
    const tokens: Record<string, string[]> = { oldest: [old], older: [old, young], newer: [young, old], newest: [young] };
    const fleet = await testFleet(t, { oldest: says('1'), older: says('2'), newer: says('3'), newest: says('4') }, (name) => ({ tokens: tokens[name] ?? [] }));
    for (const [from, to, status] of [['oldest', 'older', 200], ['older', 'newer', 200], ['newer', 'older', 200], ['newest', 'newer', 200], ['newest', 'oldest', 502]] as const) {
      fleet.place({ [to]: 1 });
      assert.equal((await ask(fleet.member(from).port)).status, status, `${from} to ${to}`);
    }
  });

  test('without a token, hops are impossible, and the journal says so', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: silent }, { tokens: [] });
    fleet.place({ web: 1 });
    const { status, body } = await ask(fleet.member('front').port);
    assert.equal(status, 503);
    assert.match(fleet.member('front').log.told(body), /no fleet token/);
  });

  test('never sends a request onward: 421', async (t) => {
    const fleet = await testFleet(t, { web: says('web'), other: says('other') });
    fleet.place({ other: 1 });
    assert.match(await raw(fleet.member('web').internal, head(`X-FastContainer-Token: ${TOKEN}\r\n`)), /^HTTP\/1\.1 421 .*X-FastContainer-Problem: misdirected/s);
  });
});

describe('a host that does not have the app any more', () => {
  test('has not taken a request on whose body had not come', async (t) => {
    const fleet = await testFleet(t, { front: silent, gone: says('gone') });
    fleet.place({ gone: 1 });
    const gone = fleet.member('gone');
    const socket = connect(gone.internal, '127.0.0.1');
    t.after(() => { socket.destroy(); });
    let text = '';
    socket.on('data', (chunk) => { text += chunk.toString('latin1'); });
    const head = (more: string): string => `POST / HTTP/1.1\r\nHost: app.example\r\n${more}X-FastContainer-App: app\r\nX-FastContainer-Token: ${TOKEN}\r\n\r\n`;
    socket.write(head('Content-Length: 2\r\n'));
    await until('it has looked for the app', () => gone.manager.calls.length === 1);
    gone.follow(fleet.view('gone', {}));
    socket.write('xx');
    await until('it has answered', () => text.includes('}\n'));
    assert.match(text, /^HTTP\/1\.1 421 /);

    // One that has a body, and an app to go to, is told so.
    text = '';
    fleet.place({ gone: 1 });
    socket.write(`${head('Content-Length: 2\r\nConnection: close\r\n')}xx`);
    await once(socket, 'end');
    assert.match(text, /^HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 .*gone$/s);
  });

  test('another placement is asked, with the whole body, whatever the method', async (t) => {
    const fleet = await testFleet(t, { front: silent, gone: says('gone'), web: (req, res) => { void bodyOf(req).then((body) => { res.end(body); }); } });
    for (const size of [3, 200_000, 5_000_000]) {
      // Preferred by far, and wrong.
      fleet.member('front').follow(fleet.view('front', { gone: 1_000_000, web: 1 }));
      fleet.member('gone').follow(fleet.view('gone', { web: 1 }));
      fleet.member('web').follow(fleet.view('web', { web: 1 }));
      const { status, body } = await ask(fleet.member('front').port, '/', { method: 'POST', body: 'x'.repeat(size) });
      assert.deepEqual([status, body.length], [200, size]);
    }
  });

  test('the front looks again: a move costs nothing, whoever hears of it first', async (t) => {
    const fleet = await testFleet(t, { front: silent, a: says('a'), b: says('b') });
    const { port } = fleet.member('front');
    fleet.place({ a: 1 });
    assert.equal((await ask(port)).body, 'a');
    fleet.member('a').follow(fleet.view('a', { b: 1 }));
    const early = ask(port, '/', { method: 'POST', body: 'x' });
    await until('a has said so', () => fleet.member('a').manager.calls.includes('start fc-sync.service'));
    fleet.member('front').follow(fleet.view('front', { b: 1 }));
    await until('b has said so', () => fleet.member('b').manager.calls.includes('start fc-sync.service'));
    fleet.member('b').follow(fleet.view('b', { b: 1 }));
    assert.equal((await early).body, 'b');
  });
});

describe('balance', () => {
  const three = { front: silent, a: says('a'), b: says('b'), c: says('c') };
  const count = async (port: number, n: number): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < n; i++) {
      const { status, body } = await ask(port);
      assert.equal(status, 200);
      counts[body] = (counts[body] ?? 0) + 1;
    }
    return counts;
  };

  test('by weight, 0 only where there is no choice', async (t) => {
    const fleet = await testFleet(t, three);
    fleet.place({ a: 300, b: 100, c: 0 });
    const { port } = fleet.member('front');
    const { a = 0, b = 0, c = 0 } = await count(port, 200);
    assert.equal(c, 0);
    assert.ok(a > 110 && a < 185 && b > 15, `a ${a}, b ${b}`);
    fleet.place({ c: 0 });
    assert.deepEqual(await count(port, 3), { c: 3 });
  });

  test('a host that drains takes what nobody else can, one that is down nothing', async (t) => {
    const fleet = await testFleet(t, three);
    const state = (name: string, state: 'active' | 'draining' | 'down'): void => {
      const at = fleet.hosts.findIndex((host) => host.name === name);
      const host = fleet.hosts[at];
      if (host !== undefined) fleet.hosts[at] = { ...host, state };
    };
    const { port } = fleet.member('front');
    state('a', 'draining');
    fleet.place({ a: 100, b: 1 });
    assert.deepEqual(await count(port, 5), { b: 5 });
    state('b', 'down');
    fleet.place({ a: 100, b: 1 });
    assert.deepEqual(await count(port, 5), { a: 5 });
    state('a', 'down');
    fleet.place({ a: 100, b: 1 });
    const { status, body, headers } = await ask(port);
    assert.equal(status, 503);
    assert.match(fleet.member('front').log.told(body), /no host that takes requests/);
    assert.equal(headers['retry-after'], '1');
  });
});

describe('a host that refuses', () => {
  test('costs no request, is left out, and is used again when it is back', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: says('web') });
    const port = await deadPort();
    fleet.hosts.push({ name: 'dead', address: '127.0.0.1', port, state: 'active' });
    const front = fleet.member('front');
    front.follow(fleet.view('front', { dead: 1_000_000, web: 1 }));
    fleet.member('web').follow(fleet.view('web', { web: 1 }));
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(front.port, '/', { method: 'POST', body: 'x'.repeat(100_000) })));
    assert.deepEqual(answers.map(({ status, body }) => `${status} ${body}`), Array.from({ length: 10 }, () => '200 web'));
    const dead = fleet.hosts.find(({ name }) => name === 'dead');
    assert.ok(dead !== undefined);
    assert.equal(front.peers.get(dead)?.usable, false);
    await fleet.member('web').server.listen({ host: '127.0.0.1', port }, 'internal');
    await until('it is back', () => front.peers.get(dead)?.usable === true, 5000);
  });

  test('and is the only one: a prompt 503, until the row changes', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: says('web') });
    fleet.hosts.push({ name: 'dead', address: '127.0.0.1', port: await deadPort(), state: 'active' });
    const front = fleet.member('front');
    front.follow(fleet.view('front', { dead: 1 }));
    const began = performance.now();
    const { status, body } = await ask(front.port);
    assert.equal(status, 503);
    assert.match(front.log.told(body), /its host does not answer/);
    assert.ok(performance.now() - began < 1000);
    fleet.place({ web: 1 });
    assert.equal((await ask(front.port)).body, 'web');
  });
});
