/** Placements that their app cannot be had on, although their host can. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { Problem } from '../../../src/proxy/problem.ts';
import { SickPlaces } from '../../../src/proxy/sick.ts';
import { deadPort, deafPort, testFleet, type Fleet, type Member } from './fleet.ts';
import { appOf, ask, bodyOf, deferred, FakeClock, generationOf, MemoryLog, snapshotOf, TOKEN, until } from './support.ts';

const silent: RequestListener = (_req, res) => { res.end(); };
const echoes = (name: string): RequestListener => (req, res) => { void bodyOf(req).then((body) => { res.end(`${name} ${body}`); }, () => undefined); };
const FAR_MORE = 1_000_000;

/** A front, and two hosts of which `sick` is preferred by far and cannot start the app. */
async function sickFleet(t: TestContext, over: { readonly sick?: RequestListener } = {}): Promise<{ fleet: Fleet; port: number; sick: Member; well: Member }> {
  const fleet = await testFleet(t, { front: silent, sick: over.sick ?? echoes('sick'), well: echoes('well') });
  fleet.place({ sick: FAR_MORE, well: 1 });
  const sick = fleet.member('sick');
  sick.manager.job = () => 'failed';
  return { fleet, port: fleet.member('front').port, sick, well: fleet.member('well') };
}

const starts = ({ manager }: Member): number => manager.calls.filter((call) => call.includes('fc-lease')).length;

describe('sick placements', () => {
  const failed = new Problem('start-failed', 'it did not start');
  test('are left out for longer each time, tried by one request at a time, and forgotten when they are well', async () => {
    const clock = new FakeClock();
    const sick = new SickPlaces(clock, new MemoryLog());
    for (const ms of [250, 500, 1000, 2000]) {
      sick.failed('app', 'a', failed);
      // Those that were there as well.
      sick.failed('app', 'a', failed);
      assert.deepEqual([sick.has('app', 'a'), sick.has('app', 'b'), sick.has('other', 'a')], [true, false, false]);
      await clock.advance(ms - 1);
      assert.equal(sick.has('app', 'a'), true);
      await clock.advance(1);
      assert.equal(sick.has('app', 'a'), false);
      sick.tries('app', 'a');
      assert.equal(sick.has('app', 'a'), true, 'one is trying');
    }
    sick.well('app', 'a');
    assert.equal(sick.has('app', 'a'), false);
    sick.failed('app', 'a', failed);
    await clock.advance(250);
    assert.equal(sick.has('app', 'a'), false, 'it begins anew');
  });
  test('what the host says of its next try counts, within reason', async () => {
    const clock = new FakeClock();
    const sick = new SickPlaces(clock, new MemoryLog());
    for (const [retryAfterS, ms] of [[8, 8000], [300, 30_000]] as const) {
      sick.failed('app', 'a', new Problem('quarantined', '', { retryAfterS }));
      await clock.advance(ms - 1);
      assert.equal(sick.has('app', 'a'), true);
      await clock.advance(1);
      assert.equal(sick.has('app', 'a'), false);
    }
  });
  test('one whose image is on its way is asked often, and told once', async () => {
    const clock = new FakeClock();
    const log = new MemoryLog();
    const sick = new SickPlaces(clock, log);
    for (let n = 0; n < 5; n++) {
      sick.failed('app', 'a', new Problem('fetching', 'not here yet'));
      assert.equal(sick.has('app', 'a'), true);
      await clock.advance(250);
      assert.equal(sick.has('app', 'a'), false);
      sick.tries('app', 'a');
    }
    assert.deepEqual(log.lines.map((line) => line.split(' {')[0]), ['info an app is not ready on a host yet']);
  });
  test('a request that tries and is never heard of again keeps others from it for half a minute', async () => {
    const clock = new FakeClock();
    const sick = new SickPlaces(clock, new MemoryLog());
    sick.failed('app', 'a', failed);
    await clock.advance(1000);
    sick.tries('app', 'a');
    await clock.advance(30_000);
    assert.equal(sick.has('app', 'a'), false);
  });
  test('go with the placement', () => {
    const sick = new SickPlaces(new FakeClock(), new MemoryLog());
    for (const host of ['web1', 'web2']) sick.failed('app', host, failed);
    sick.follow(snapshotOf(appOf('app', [], null)));
    assert.deepEqual([sick.has('app', 'web1'), sick.has('app', 'web2')], [true, false]);
  });
});

describe('a host that cannot start the app', () => {
  for (const [method, size] of [['GET', null], ['POST', 0], ['POST', 5], ['POST', 200_000], ['PUT', 3_000_000]] as const) {
    test(`${method}, ${size === null ? 'no body' : `${size} bytes`}: another placement is asked, with all of it`, async (t) => {
      const { port, sick, well } = await sickFleet(t);
      const body = size === null ? undefined : 'x'.repeat(size);
      const { status, body: answer } = await ask(port, '/', { method, ...(body === undefined ? {} : { body }) });
      assert.deepEqual([status, answer.length], [200, 'well '.length + (size ?? 0)]);
      assert.ok(starts(sick) > 0);
      assert.equal(starts(well), 1);
    });
  }

  test('is left out for this app, and takes its requests again when it can', async (t) => {
    const { fleet, port, sick } = await sickFleet(t);
    assert.equal((await ask(port)).body, 'well ');
    const tries = starts(sick);
    for (let n = 0; n < 5; n++) assert.equal((await ask(port)).body, 'well ');
    assert.equal(starts(sick), tries, 'not asked again');
    assert.ok(fleet.member('front').log.lines.some((line) => /^warn an app is left out on a host .*"app":"app","host":"sick".*did not start/.test(line)));
    sick.manager.job = () => 'done';
    const end = performance.now() + 5000;
    while ((await ask(port)).body !== 'sick ') assert.ok(performance.now() < end, 'it is asked again');
    assert.ok(fleet.member('front').log.lines.some((line) => line.startsWith('info an app is back on a host')));
  });

  test('with too many waiting there, the others go elsewhere', async (t) => {
    const fleet = await testFleet(t, { front: silent, full: echoes('full'), well: echoes('well') }, (name) => (name === 'full' ? { maxWaiting: 1 } : {}));
    fleet.place({ full: FAR_MORE, well: 1 });
    const starting = deferred<'done'>();
    fleet.member('full').manager.job = () => starting.promise;
    const { port } = fleet.member('front');
    const first = ask(port);
    await until('it starts', () => starts(fleet.member('full')) === 1);
    assert.equal((await ask(port, '/', { method: 'POST', body: 'x' })).body, 'well x');
    starting.resolve('done');
    assert.equal((await first).body, 'full ');
  });

  for (const [method, expected] of [['PUT', [200, 'well x']], ['POST', [502, 'app-broke']]] as const) {
    test(`a ${method} that broke the app, which then did not start again, is ${method === 'PUT' ? '' : 'not '}made elsewhere`, async (t) => {
      const { port, sick } = await sickFleet(t, { sick: (req) => {
        sick.manager.job = () => 'failed';
        req.socket.resetAndDestroy();
      } });
      sick.manager.job = () => 'done';
      const { status, body } = await ask(port, '/', { method, body: 'x' });
      assert.equal(status, expected[0]);
      assert.ok(body.includes(expected[1]), body);
    });
  }

  test('or has not got its image yet: nobody waits for that who has a choice, and whoever has none does', async (t) => {
    const fleet = await testFleet(t, { front: silent, young: echoes('young'), well: echoes('well') });
    const young = fleet.member('young');
    fleet.place({ young: FAR_MORE, well: 1 });
    const coming = generationOf('app', { port: young.app.port, image: 'fc-image@x.service', fetching: true });
    const view = fleet.view('young', {});
    young.follow({ ...view, apps: view.apps.map((app) => ({ ...app, placements: [{ host: 'young', weight: 1, listenPort: null }], here: coming })) });
    const { port } = fleet.member('front');
    assert.equal((await ask(port, '/', { method: 'POST', body: 'x' })).body, 'well x');
    assert.equal(starts(young), 0);
    await fleet.member('well').app.kill();
    fleet.hosts.splice(fleet.hosts.findIndex(({ name }) => name === 'well'), 1, { name: 'well', address: '127.0.0.1', port: await deadPort(), state: 'active' });
    fleet.member('front').follow(fleet.view('front', { young: FAR_MORE, well: 1 }));
    assert.equal((await ask(port, '/', { method: 'POST', body: 'x' })).body, 'young x');
    assert.equal(starts(young), 1);
  });

  test('when none of them can, the journal says what each says', async (t) => {
    const { port, well, fleet } = await sickFleet(t);
    const { log } = fleet.member('front');
    well.manager.job = () => 'failed';
    const { status, body, headers } = await ask(port, '/', { method: 'POST', body: 'x' });
    assert.equal(status, 502);
    assert.match(body, /start-failed/);
    assert.match(log.told(body), /cannot be had anywhere; on sick: The app did not start.* And on well: The app did not start/);
    assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('x-fastcontainer')), []);
    await ask(port);
    const again = await ask(port);
    assert.deepEqual([again.status, Number(again.headers['retry-after']) > 0], [503, true]);
    assert.match(again.body, /quarantined/);
    assert.match(log.told(again.body), /on sick: .*on well: /);
    well.manager.job = () => 'done';
    const end = performance.now() + 5000;
    while ((await ask(port)).status !== 200) assert.ok(performance.now() < end, 'nobody is refused on account of what was');
  });

  test('when it is here: others are asked all the same', async (t) => {
    const fleet = await testFleet(t, { here: echoes('here'), there: echoes('there') });
    fleet.place({ here: FAR_MORE, there: 1 });
    const { port, manager } = fleet.member('here');
    manager.job = () => 'failed';
    assert.equal((await ask(port, '/', { method: 'POST', body: 'x' })).body, 'there x');
    const tries = starts(fleet.member('here'));
    assert.equal((await ask(port)).body, 'there ');
    assert.equal(starts(fleet.member('here')), tries, 'left out');
  });

  test('what an app says under these names is nobody\'s', async (t) => {
    const fleet = await testFleet(t, { front: silent, web: (_req, res) => {
      res.writeHead(503, { 'X-FastContainer-Problem': 'start-failed', 'X-FastContainer-Not-Sent': 'yes', 'X-FastContainer-Detail': 'lies' }).end('mine');
    }, other: echoes('other') });
    fleet.place({ web: FAR_MORE, other: 1 });
    const { status, body, headers } = await ask(fleet.member('front').port);
    assert.deepEqual([status, body], [503, 'mine']);
    assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('x-fastcontainer')), []);
  });

  test('says nothing after its answer', async (t) => {
    const { sick } = await sickFleet(t);
    const socket = connect(sick.internal, '127.0.0.1');
    t.after(() => { socket.destroy(); });
    let text = '';
    socket.on('data', (chunk) => { text += chunk.toString('latin1'); });
    socket.write(`POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 3\r\nX-FastContainer-App: app\r\nX-FastContainer-Token: ${TOKEN}\r\n\r\n`);
    await until('it has answered', () => text.includes('\r\n\r\n{') && text.endsWith('}\n'));
    assert.match(text, /^HTTP\/1\.1 502 .*X-FastContainer-Problem: start-failed\r\n.*X-FastContainer-Not-Sent: yes\r\n/s);
    socket.write(`yesGET /.fastcontainer/alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-FastContainer-App: \r\nX-FastContainer-Token: ${TOKEN}\r\n\r\n`);
    await once(socket, 'end');
    assert.deepEqual(text.match(/HTTP\/1\.1 [0-9]{3}/g), ['HTTP/1.1 502', 'HTTP/1.1 204']);
  });
});

describe('a WebSocket', () => {
  async function opens(t: TestContext, fleet: Fleet, member: string): Promise<void> {
    const sockets = new WebSocketServer({ server: fleet.member(member).app.server });
    t.after(() => { sockets.close(); });
    sockets.on('connection', (socket) => { socket.send('hello'); });
    const socket = new WebSocket(`ws://127.0.0.1:${fleet.member('front').port}/`, { headers: { Host: 'app.example' } });
    t.after(() => { socket.terminate(); });
    const [data] = await once(socket, 'message') as [Buffer];
    assert.equal(data.toString(), 'hello');
  }

  test('goes to another placement after a 421', async (t) => {
    const fleet = await testFleet(t, { front: silent, gone: silent, web: silent });
    fleet.place({ web: 1 });
    fleet.member('front').follow(fleet.view('front', { gone: FAR_MORE, web: 1 }));
    await opens(t, fleet, 'web');
  });
  test('and past a host that cannot start the app', async (t) => {
    const { fleet } = await sickFleet(t);
    await opens(t, fleet, 'well');
  });
  test('and past a host that says nothing', { timeout: 20_000 }, async (t) => {
    const fleet = await testFleet(t, { front: silent, web: silent });
    const deaf = await deafPort(t);
    fleet.hosts.push({ name: 'deaf', address: '127.0.0.1', port: deaf.port, state: 'active' });
    fleet.member('web').follow(fleet.view('web', { web: 1 }));
    fleet.member('front').follow(fleet.view('front', { deaf: FAR_MORE, web: 1 }));
    await opens(t, fleet, 'web');
  });
});
