/** fc-proxy's books, and what fc-admin makes of what it is told of them, through a socket. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { describe, test, type TestContext } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { EventLog } from '../../../src/admin/events.ts';
import { Ledger } from '../../../src/admin/ledger.ts';
import { ReportServer } from '../../../src/admin/report-server.ts';
import { isBot } from '../../../src/proxy/entry.ts';
import { systemClock as clock } from '../../../src/proxy/clock.ts';
import { Reporter } from '../../../src/proxy/reporter.ts';
import { Starts } from '../../../src/proxy/starts.ts';
import { COUNT } from '../../../src/report/counts.ts';
import { until } from '../../support/until.ts';
import { ask, FakeManager, generationOf, MemoryLog, appOf, proxyFor, raw, snapshotOf, testApp, testProxy, type TestProxy } from './support.ts';

let sockets = 0;
const socketPath = (): string => `${tmpdir()}/fc-report-${process.pid}-${sockets++}.sock`;

interface Admin {
  readonly ledger: Ledger;
  readonly events: EventLog;
  readonly server: ReportServer;
  readonly log: MemoryLog;
  readonly stored: { times: number };
}

/** fc-admin's end, which may go on with what another one knew. */
async function adminAt(t: TestContext, path: string, known?: Admin): Promise<Admin> {
  const events = known?.events ?? new EventLog();
  const ledger = known?.ledger ?? new Ledger(events, () => undefined);
  const log = new MemoryLog();
  const stored = { times: 0 };
  const server = new ReportServer({ ledger, log, store: () => { stored.times++; return Promise.resolve(); } });
  await server.listen({ path });
  t.after(() => { server.close(); });
  return { ledger, events, server, log, stored };
}

function reports(t: TestContext, path: string, { books, server }: TestProxy, starts = new Starts(clock)): Reporter {
  const reporter = new Reporter({ path, instance: 1, books, starts, clock, connections: () => server.size, inFlight: (app) => server.inFlight(app) });
  reporter.start();
  t.after(() => { reporter.close(); });
  return reporter;
}

const told = async (what: string, is: () => boolean): Promise<void> => { await until(() => is() || 'not yet', { timeoutMs: 10_000, what }); };

describe('what fc-proxy reports', () => {
  test('requests, by the answer that they got, with who came last', async (t) => {
    const path = socketPath();
    const app = await testApp(t, (req, res) => { res.statusCode = Number(req.url?.slice(1)) || 200; res.end('x'); });
    const proxy = await proxyFor(t, app);
    const { ledger, events } = await adminAt(t, path);
    reports(t, path, proxy);
    for (const status of [200, 200, 404, 503, 302]) await ask(proxy.port, `/${status}`);
    await ask(proxy.port, '/201?secret=1', { headers: { 'User-Agent': 'Mozilla/5.0 (X11) Firefox/1' } });
    await ask(proxy.port, '/', { headers: { Host: 'nobody.example' } });
    await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n');
    await told('all of it is told', () => ledger.of('app').requests === 6 && ledger.unrouted.requests === 2);
    const account = ledger.of('app');
    assert.deepEqual([...account.counts.slice(0, 6)], [0, 0, 3, 1, 1, 1]);
    assert.deepEqual([...ledger.unrouted.counts.slice(0, 6)], [0, 0, 0, 0, 2, 0]);
    assert.equal(account.counts.slice(COUNT.latency).reduce((sum, count) => sum + count, 0), 6);
    assert.ok((account.counts[COUNT.sumMs] ?? 0) > 0);
    const { at, ...last } = account.last ?? { at: 0 };
    assert.deepEqual(last, { method: 'GET', host: 'app.example', path: '/201', client: '127.0.0.1', userAgent: 'Mozilla/5.0 (X11) Firefox/1', bot: false });
    assert.ok(Math.abs(at - Date.now()) < 60_000);
    // It slept when the first came.
    assert.deepEqual([account.starts.done, account.starts.failed], [1, 0]);
    const [event] = events.since(0);
    assert.ok(event?.kind === 'woke' && event.app === 'app' && event.generation === '0000000a' && event.request?.path === '/200');
    assert.equal(account.inFlight, 0);
  });

  test('who is in flight, when somebody asks', async (t) => {
    const path = socketPath();
    const held: { end(): void }[] = [];
    const app = await testApp(t, (_req, res) => { res.write('begun'); held.push(res); });
    const webSockets = new WebSocketServer({ server: app.server });
    t.after(() => { webSockets.close(); });
    const proxy = await proxyFor(t, app);
    const { ledger, server } = await adminAt(t, path);
    reports(t, path, proxy);
    const download = request({ port: proxy.port, agent: false, path: '/big?token=1', headers: { Host: 'app.example' } }).end();
    download.on('error', () => undefined);
    await once(download, 'response');
    const chat = new WebSocket(`ws://127.0.0.1:${proxy.port}/chat`, { headers: { Host: 'app.example', 'User-Agent': 'curl/8' } });
    await once(chat, 'open');
    await told('both are told', () => ledger.of('app').inFlight === 2);
    const { count, requests } = await server.inFlight('app');
    assert.equal(count, 2);
    assert.deepEqual(requests.map(({ app, doing, request: { method, path, userAgent, bot } }) => ({ app, doing, method, path, userAgent, bot })), [
      { app: 'app', doing: 'request', method: 'GET', path: '/big', userAgent: '', bot: true },
      { app: 'app', doing: 'upgrade', method: 'GET', path: '/chat', userAgent: 'curl/8', bot: true },
    ]);
    assert.deepEqual(await server.inFlight('other'), { count: 0, requests: [] });
    chat.close();
    for (const one of held) one.end();
    await told('nothing is in flight', () => ledger.of('app').inFlight === 0);
    assert.deepEqual([...ledger.of('app').counts.slice(0, 6)], [0, 1, 1, 0, 0, 0]);
  });

  test('a client that leaves before there is an answer, and one that waits for a start', async (t) => {
    const path = socketPath();
    const app = await testApp(t, () => undefined);
    const manager = new FakeManager();
    const proxy = await proxyFor(t, app, {}, { manager });
    const { ledger, server } = await adminAt(t, path);
    reports(t, path, proxy);
    const client = request({ port: proxy.port, agent: false, headers: { Host: 'app.example' } }).end();
    client.on('error', () => undefined);
    await told('it is in flight', () => ledger.of('app').inFlight === 1);
    assert.equal((await server.inFlight('app')).count, 1);
    client.destroy();
    await told('it has gone', () => ledger.of('app').inFlight === 0 && ledger.of('app').requests === 1);
    assert.equal(ledger.of('app').counts[0], 1);
  });

  test('an app that does not start: the failure, its reason, and when it is tried again', async (t) => {
    const path = socketPath();
    const manager = new FakeManager();
    manager.job = () => 'failed';
    const proxy = await testProxy(t, snapshotOf(appOf('app', ['app.example'], generationOf('app'))), { manager });
    const { ledger, events } = await adminAt(t, path);
    reports(t, path, proxy, proxy.starts);
    await ask(proxy.port, '/first');
    await ask(proxy.port, '/second');
    await ask(proxy.port, '/third');
    await told('it is told', () => ledger.of('app').requests === 3);
    assert.deepEqual([ledger.of('app').starts.done, ledger.of('app').starts.failed], [0, 2]);
    const failures = events.since(0);
    assert.deepEqual(failures.map((event) => (event.kind === 'start-failed' ? [event.failures, event.request?.path, event.retryAt !== null] : [])), [[1, '/first', false], [2, '/second', true]]);
    const trouble = ledger.troubles().get('app-0000000a');
    assert.equal(trouble?.failures, 2);
    assert.ok((trouble.retryAt ?? 0) > Date.now() - 60_000);
  });
});

describe('when fc-admin', () => {
  test('comes late, is restarted, or has lost what it knew, all is counted once', async (t) => {
    const path = socketPath();
    const app = await testApp(t, (_req, res) => { res.end('x'); });
    const proxy = await proxyFor(t, app);
    reports(t, path, proxy);
    for (let i = 0; i < 5; i++) await ask(proxy.port);
    const first = await adminAt(t, path);
    await told('what was before is told', () => first.ledger.of('app').requests === 5);
    first.server.close();
    for (let i = 0; i < 5; i++) await ask(proxy.port);
    const second = await adminAt(t, path, first);
    await told('what was meanwhile is told', () => second.ledger.of('app').requests === 10);
    assert.equal(second.events.since(0).length, 1);
    second.server.close();
    const third = await adminAt(t, path);
    await told('all is told to one who knows nothing', () => third.ledger.of('app').requests === 10);
    assert.deepEqual([third.ledger.of('app').startMs.length, third.events.since(0).length], [1, 1]);
  });

  test('hangs, requests go on, and one report is on its way', async (t) => {
    const path = socketPath();
    const heard: string[] = [];
    const held: Socket[] = [];
    const deaf = createServer((socket) => { held.push(socket); socket.setEncoding('utf8').on('data', (text: string) => { heard.push(text); }); }).listen(path);
    t.after(() => { deaf.close(); for (const socket of held) socket.destroy(); });
    const app = await testApp(t, (_req, res) => { res.end('x'); });
    const proxy = await proxyFor(t, app);
    await ask(proxy.port);
    reports(t, path, proxy);
    await told('it has reported', () => heard.join('').includes('"say":"report"'));
    for (let i = 0; i < 5; i++) assert.equal((await ask(proxy.port)).status, 200);
    assert.equal(heard.join('').split('"say":"report"').length, 2);
  });

  test('is there at the end, the last of it is stored before the process ends', async (t) => {
    const path = socketPath();
    const app = await testApp(t, (_req, res) => { res.end('x'); });
    const proxy = await proxyFor(t, app);
    const { ledger, stored } = await adminAt(t, path);
    const reporter = reports(t, path, proxy);
    await told('it is connected', () => ledger.present.processes === 1);
    for (let i = 0; i < 3; i++) await ask(proxy.port);
    await reporter.finish(10_000);
    assert.deepEqual([ledger.of('app').requests, stored.times], [3, 1]);
    await told('it has gone', () => ledger.present.processes === 0);
  });

  test('is restarted just then, the last of it waits for the next one', async (t) => {
    const path = socketPath();
    const app = await testApp(t, (_req, res) => { res.end('x'); });
    const proxy = await proxyFor(t, app);
    // As systemd does it: the socket is there, and who comes has to wait.
    const waiting: Socket[] = [];
    const nobody = createServer((socket) => { waiting.push(socket); }).listen(path);
    const reporter = reports(t, path, proxy);
    await ask(proxy.port);
    await told('it waits', () => waiting.length === 1);
    const end = reporter.finish(10_000);
    nobody.close();
    const { ledger } = await adminAt(t, path);
    for (const socket of waiting) socket.destroy();
    await end;
    assert.equal(ledger.of('app').requests, 1);
  });

  test('is not on this host at all, the process ends at once', async (t) => {
    const app = await testApp(t, (_req, res) => { res.end('x'); });
    const reporter = reports(t, `${socketPath()}/nowhere`.replace('.sock/', '.none'), await proxyFor(t, app));
    const began = performance.now();
    await reporter.finish(60_000);
    assert.ok(performance.now() - began < 30_000);
  });
});

test('who says nonsense at the report socket is sent away', async (t) => {
  const path = socketPath();
  const { log, ledger } = await adminAt(t, path);
  const { connect } = await import('node:net');
  for (const text of ['{}\n', 'x\n', '{"say":"report"}\n', '{"say":"hello","format":99,"process":"1-2","pid":1,"instance":1}\n', '{"say":"hello","format":1,"process":"../x","pid":1,"instance":1}\n']) {
    const socket = connect(path);
    socket.on('error', () => undefined);
    socket.write(text);
    socket.resume();
    await once(socket, 'close');
  }
  assert.equal(log.lines.filter((line) => line.startsWith('warn a process of fc-proxy is sent away')).length, 5);
  assert.equal(ledger.present.processes, 0);
});

test('browsers are told from the rest', () => {
  for (const [agent, bot] of [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', false],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15', false],
    ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36', false],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', true],
    ['Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)', true],
    ['Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)', true],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/124.0.0.0 Safari/537.36', true],
    ['curl/8.5.0', true], ['Go-http-client/1.1', true], ['python-requests/2.31', true], ['', true],
  ] as const) assert.equal(isBot(agent), bot, agent);
});
