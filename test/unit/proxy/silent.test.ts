/** Hosts that vanish with requests in flight, and connections between hosts in TLS. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { Pulse } from '../../../src/proxy/pulse.ts';
import type { FleetTls } from '../../../src/config/tls.ts';
import { deafPort, testFleet, type Fleet } from './fleet.ts';
import { ask, FakeClock, until } from './support.ts';

/** A pulse of a host that answers as told, and what it said of it. */
function patient(): { clock: FakeClock; pulse: Pulse; said: string[]; state: { answers: 'at once' | 'never' | 'fails'; kernel: 'there' | 'refused' | 'silent' }; asked: () => number } {
  const clock = new FakeClock();
  const said: string[] = [];
  const state: ReturnType<typeof patient>['state'] = { answers: 'at once', kernel: 'there' };
  let asked = 0;
  const pulse = new Pulse({
    ask() {
      asked++;
      if (state.answers === 'fails') return Promise.reject(new Error('reset'));
      return state.answers === 'at once' ? Promise.resolve() : new Promise(() => undefined);
    },
    async knock(ms) {
      if (state.kernel === 'silent') await new Promise<void>((resolve) => { clock.after(ms, resolve); });
      return state.kernel;
    },
    silent(why) { said.push(why); },
  }, clock);
  return { clock, pulse, said, state, asked: () => asked };
}

/** Turns the clock on in small steps: what awaits setImmediate gets its turn. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    await clock.advance(10);
    for (let i = 0; i < 4; i++) await new Promise((resolve) => { setImmediate(resolve); });
  }
}

describe('the pulse of a host', () => {
  test('is felt a few times a second while it answers, and not after stop()', async () => {
    const { clock, pulse, said, asked } = patient();
    pulse.start();
    pulse.start();
    await pass(clock, 3000);
    assert.ok(asked() >= 8 && asked() <= 10, `${asked()} times`);
    pulse.stop();
    await pass(clock, 1000);
    assert.ok(asked() <= 10);
    assert.deepEqual(said, []);
  });
  test('a network that was cut is noticed within a second', async () => {
    const { clock, pulse, said, state } = patient();
    pulse.start();
    await pass(clock, 310);
    Object.assign(state, { answers: 'never', kernel: 'silent' });
    await pass(clock, 1000);
    assert.deepEqual(said, ['its host does not answer']);
  });
  test('an fc-proxy that is being restarted has five seconds', async () => {
    const { clock, pulse, said, state } = patient();
    state.answers = 'never';
    pulse.start();
    await pass(clock, 4500);
    assert.deepEqual(said, []);
    await pass(clock, 1500);
    assert.deepEqual(said, ['its fc-proxy has not answered for 5 s']);
  });
  test('nor is it well when its connections end at once', async () => {
    const { clock, pulse, said, state } = patient();
    state.answers = 'fails';
    pulse.start();
    await pass(clock, 6500);
    assert.deepEqual(said, ['its fc-proxy has not answered for 5 s']);
  });
  test('one that refuses says so to new requests itself', async () => {
    const { clock, pulse, said, state } = patient();
    Object.assign(state, { answers: 'fails', kernel: 'refused' });
    pulse.start();
    await pass(clock, 3000);
    assert.deepEqual(said, []);
    pulse.stop();
  });
});

describe('a host whose fc-proxy hangs', { timeout: 30_000 }, () => {
  test('idempotent requests go elsewhere; a POST is not sent twice', async (t) => {
    const posts: string[] = [];
    const fleet = await testFleet(t, { front: (_req, res) => { res.end(); }, web: (req, res) => { posts.push(req.method ?? ''); res.end('web'); } });
    const deaf = await deafPort(t);
    fleet.hosts.push({ name: 'deaf', address: '127.0.0.1', port: deaf.port, state: 'active' });
    const front = fleet.member('front');
    fleet.member('web').follow(fleet.view('web', { web: 1 }));
    front.follow(fleet.view('front', { deaf: 1 }));
    const began = performance.now();
    const get = ask(front.port);
    const post = ask(front.port, '/', { method: 'POST', body: 'x' });
    await until('both are inside', () => deaf.sockets.size >= 2);
    front.follow(fleet.view('front', { deaf: 1_000_000, web: 1 }));
    assert.equal((await get).body, 'web');
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 4000 && tookMs < 12_000, `${tookMs} ms`);
    assert.equal((await ask(front.port)).body, 'web', 'new ones do not go there');
    const { status, body } = await post;
    assert.equal(status, 502);
    assert.match(body, /app-broke/);
    assert.match(front.log.told(body), /host-broke/);
    assert.ok(!posts.includes('POST'));
  });
});

interface Authority {
  readonly folder: string;
  readonly tls: (name: string) => FleetTls;
}

/** A certificate authority that signs for any name. */
function authority(t: TestContext): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'fc-ca-'));
  t.after(() => { rmSync(folder, { recursive: true }); });
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }); };
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test fleet');
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return {
    folder,
    tls(name) {
      openssl('req', '-x509', ...EC, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`,
        '-addext', `subjectAltName=DNS:${name}`, '-CA', 'ca.pem', '-CAkey', 'ca.key');
      return { certificate: read(`${name}.pem`), key: read(`${name}.key`), ca: read('ca.pem') };
    },
  };
}

describe('TLS between hosts', { timeout: 60_000 }, () => {
  async function secured(t: TestContext, name: (host: string) => string = (host) => host): Promise<Fleet> {
    const { tls } = authority(t);
    const fleet = await testFleet(t, { front: (_req, res) => { res.end(); }, web: (req, res) => { req.pipe(res); } }, (host) => ({ tls: tls(name(host)) }));
    fleet.place({ web: 1 });
    return fleet;
  }

  test('carries requests and WebSockets', async (t) => {
    const fleet = await secured(t);
    const { port } = fleet.member('front');
    const body = 'x'.repeat(3_000_000);
    assert.equal((await ask(port, '/', { method: 'POST', body })).body, body);
    const sockets = new WebSocketServer({ server: fleet.member('web').app.server });
    t.after(() => { sockets.close(); });
    sockets.on('connection', (socket) => { socket.send('hello'); });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: 'app.example' } });
    t.after(() => { socket.terminate(); });
    const [hello] = await once(socket, 'message') as [Buffer];
    assert.equal(String(hello), 'hello');
  });

  test('gives nothing to those who speak none', async (t) => {
    const fleet = await secured(t);
    const req = request({ port: fleet.member('web').internal, headers: { Host: 'app.example' } }).end();
    await assert.rejects(once(req, 'response'));
  });

  test('a host that cannot prove its name is not spoken to', async (t) => {
    const fleet = await secured(t, (host) => (host === 'web' ? 'somebody' : host));
    const { status, body } = await ask(fleet.member('front').port);
    assert.equal(status, 503);
    assert.match(fleet.member('front').log.told(body), /no-host/);
    assert.ok(fleet.member('front').log.lines.some((line) => /left out.*web.*altnames/.test(line)), 'the log says why');
  });
});

