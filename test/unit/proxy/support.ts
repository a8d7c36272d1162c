/** What the tests of fc-proxy share: a clock to turn by hand, a systemd that does as told, apps on loopback. */
import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type RequestListener, type RequestOptions, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Logger } from '../../../src/log.ts';
import { Activator } from '../../../src/proxy/activate.ts';
import { Books } from '../../../src/proxy/books.ts';
import { systemClock, type Alarm, type Clock } from '../../../src/proxy/clock.ts';
import { ownDesk, type OwnDeskOptions } from '../../../src/proxy/own-desk.ts';
import { Peers } from '../../../src/proxy/peers.ts';
import { Router } from '../../../src/proxy/router.ts';
import { ProxyServer } from '../../../src/proxy/server.ts';
import { SickPlaces } from '../../../src/proxy/sick.ts';
import { Starts } from '../../../src/proxy/starts.ts';
import { FleetTokens } from '../../../src/proxy/tokens.ts';
import type { FleetTls } from '../../../src/config/tls.ts';
import type { Snapshot, SnapshotApp, SnapshotGeneration } from '../../../src/snapshot/format.ts';
import type { JobResult, JobVerb, Manager, ServiceEvidence, Step, UnitState } from '../../../src/systemd/manager.ts';

/** What the hosts of a test fleet prove themselves with. */
export const TOKEN = 'a-token-of-the-test-fleet';

export class FakeClock implements Clock {
  #now = 1000;
  #alarms: { at: number; ring: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, ring: () => void): Alarm {
    const alarm = { at: this.#now + ms, ring };
    this.#alarms.push(alarm);
    return { cancel: () => { this.#alarms = this.#alarms.filter((other) => other !== alarm); } };
  }

  /** Alarms that are set. */
  get pending(): number {
    return this.#alarms.length;
  }

  /** Turns the clock on, ringing what is due at its time, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#alarms.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#alarms = this.#alarms.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.ring();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets everything that is ready run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}

/** Waits until a condition holds; fails after two seconds with what was awaited. */
export async function until(what: string, holds: () => boolean, withinMs = 2000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 2); });
  }
}

/** A promise and its ends. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => { resolve = yes; reject = no; });
  return { promise, resolve, reject };
}

/** A systemd whose jobs end as `job` says; containers run from their lease's first `done` on. */
export class FakeManager implements Manager {
  /** `verb unit` of every job asked for. */
  readonly calls: string[] = [];
  readonly active = new Set<string>();
  readonly evidences = new Map<string, ServiceEvidence>();
  readonly #watchers = new Map<string, Set<() => void>>();
  job: (verb: JobVerb, unit: string) => JobResult | Promise<JobResult> = () => 'done';
  listFails: Error | null = null;

  async run(verb: JobVerb, unit: string): Promise<JobResult> {
    this.calls.push(`${verb} ${unit}`);
    const result = await this.job(verb, unit);
    const instance = /^fc-lease-[^@]+@(.*)\.timer$/.exec(unit)?.[1];
    if (result === 'done' && instance !== undefined) this.active.add(`fc-ctr-${instance}.service`);
    return result;
  }

  list(patterns: readonly string[]): Promise<UnitState[]> {
    if (this.listFails !== null) return Promise.reject(this.listFails);
    return Promise.resolve(patterns.filter((unit) => this.active.has(unit))
      .map((unit) => ({ unit, loaded: true, activeState: 'active', subState: 'running' })));
  }

  evidence(service: string): Promise<ServiceEvidence | null> {
    return Promise.resolve(this.evidences.get(service) ?? null);
  }

  watchEnd(unit: string, ended: () => void): () => void {
    const watchers = this.#watchers.get(unit) ?? new Set();
    this.#watchers.set(unit, watchers.add(ended));
    return () => { watchers.delete(ended); };
  }

  /** What follows a unit, for `step`. */
  readonly #followers = new Map<string, Set<(step: Step) => void>>();

  follow(unit: string, told: (step: Step) => void): () => void {
    const followers = this.#followers.get(unit) ?? new Set();
    this.#followers.set(unit, followers.add(told));
    return () => { followers.delete(told); };
  }

  /** The unit enters a state. */
  step(unit: string, subState: string, at: number): void {
    for (const told of this.#followers.get(unit) ?? []) told({ subState, at });
  }

  /** Who follows a unit. */
  followed(unit: string): number {
    return this.#followers.get(unit)?.size ?? 0;
  }

  /** Watches over a unit. */
  watched(unit: string): number {
    return this.#watchers.get(unit)?.size ?? 0;
  }

  /** The unit has stopped, and systemd says so. */
  end(unit: string): void {
    this.active.delete(unit);
    this.tellWatchers(unit);
  }

  /** As when the bus is lost: the watch ends although the unit may run on. */
  tellWatchers(unit: string): void {
    const watchers = [...this.#watchers.get(unit) ?? []];
    this.#watchers.delete(unit);
    for (const ended of watchers) ended();
  }

  close(): void { /* nothing is open */ }
}

export class MemoryLog implements Logger {
  readonly lines: string[] = [];
  #add(level: string) {
    return (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      this.lines.push(`${level} ${message} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.message : value))}`);
    };
  }

  /** What it says under the reference that an answer names. */
  told(body: string): string {
    const reference = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(body)?.[0] ?? 'nothing';
    return this.lines.find((line) => line.includes(reference)) ?? '';
  }

  info = this.#add('info');
  warn = this.#add('warn');
  error = this.#add('error');
}

/** A generation of an app, `id` being 8 hex digits. */
export function generationOf(app: string, over: Partial<SnapshotGeneration> = {}): SnapshotGeneration {
  const id = over.id ?? '0000000a';
  const instance = `${app.replaceAll('-', '_')}-${id}`;
  const leaseS = over.leaseS === undefined ? 60 : over.leaseS;
  return {
    id, instance, leaseS,
    lease: `fc-lease-${leaseS === null ? 'never' : `${leaseS}s`}@${instance}.timer`,
    container: `fc-ctr-${instance}.service`,
    socket: `fc-app-${instance}.socket`,
    socketPath: `/run/fastcontainer/${app}-${id}.sock`,
    address: '127.0.0.1', port: 1, startTimeoutS: 10, image: null, fetching: false,
    ...over,
  };
}

export function appOf(name: string, domains: string[], here: SnapshotGeneration | null): SnapshotApp {
  return { name, domains, placements: [{ host: 'web1', weight: 1, listenPort: null }], waitingPageS: null, here };
}

export function snapshotOf(...apps: SnapshotApp[]): Snapshot {
  return { format: 1, host: 'web1', revision: '1', hosts: [{ name: 'web1', address: '10.0.0.1', port: 8079, state: 'active' }], apps };
}

/** An app: an HTTP server on a port of its own, or on a given one. */
export class TestApp {
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  port = 0;

  constructor(listener: RequestListener) {
    this.server = createServer(listener);
    this.server.keepAliveTimeout = 60_000;
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  async listen(port = 0): Promise<this> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = portOf(this.server);
    return this;
  }

  /** Ends as by SIGKILL: the port is closed and every connection reset. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => { this.server.close(resolve); });
    for (const socket of this.sockets) socket.resetAndDestroy();
    await closed;
  }
}

export function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen on a port');
  return address.port;
}

export async function testApp(t: TestContext, listener: RequestListener): Promise<TestApp> {
  const app = await new TestApp(listener).listen();
  t.after(() => app.kill().catch(() => undefined));
  return app;
}

export interface TestProxy {
  readonly port: number;
  /** Port of the internal listener. */
  readonly internal: number;
  readonly peers: Peers;
  readonly manager: FakeManager;
  readonly log: MemoryLog;
  readonly activator: Activator;
  readonly books: Books;
  readonly starts: Starts;
  readonly server: ProxyServer;
  /** Serves this from now on. */
  follow(snapshot: Snapshot): void;
}

export interface TestProxyOptions {
  readonly manager?: FakeManager;
  readonly trusted?: (address: string) => boolean;
  readonly maxStarts?: number;
  readonly maxWaiting?: number;
  readonly headersTimeoutMs?: number;
  readonly reload?: () => Promise<void>;
  readonly tokens?: readonly string[];
  readonly tls?: FleetTls;
  readonly adminSocket?: string;
}

/** Starts whose desk is in this process. */
export function ownStarts(options: OwnDeskOptions): Starts {
  const starts = new Starts(options.clock);
  starts.attach(ownDesk(options));
  return starts;
}

/** fc-proxy in this process, on a free port, with the system's clock and a systemd that does as told. */
export async function testProxy(t: TestContext, snapshot: Snapshot | null, options: TestProxyOptions = {}): Promise<TestProxy> {
  const manager = options.manager ?? new FakeManager();
  const log = new MemoryLog();
  const clock = systemClock;
  const starts = ownStarts({ manager, clock, log, maxStarts: options.maxStarts ?? 4 });
  const books = new Books(clock);
  const activator = new Activator({ manager, clock, log, starts, books, maxWaiting: options.maxWaiting ?? 1024 });
  const router = new Router({ manager, clock, log, reload: options.reload ?? (() => Promise.resolve()) });
  const tokens = new FleetTokens(options.tokens ?? [TOKEN]);
  const tls = options.tls ?? null;
  const peers = new Peers({ tokens, tls, clock, log });
  const sick = new SickPlaces(clock, log);
  const server = new ProxyServer({
    activator, router, peers, sick, books, tokens, tls, adminSocket: options.adminSocket ?? '/nonexistent/admin.sock', clock, log, trusted: options.trusted ?? (() => false),
    ...(options.headersTimeoutMs === undefined ? {} : { headersTimeoutMs: options.headersTimeoutMs }),
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  const internal = await server.listen({ host: '127.0.0.1', port: 0 }, 'internal');
  const follow = (news: Snapshot): void => { peers.follow(news); sick.follow(news); activator.follow(router.follow(news)); };
  if (snapshot !== null) follow(snapshot);
  t.after(async () => {
    await server.drain(0, () => undefined);
    // Whatever a test forgot would keep its connections.
    follow(snapshotOf());
    peers.close();
  });
  return { port, internal, peers, manager, log, activator, books, starts, server, follow };
}

/** A proxy in front of one awake or sleeping app, `app.example`. */
export async function proxyFor(t: TestContext, app: TestApp, over: Partial<SnapshotGeneration> = {}, options: TestProxyOptions = {}): Promise<TestProxy & { generation: SnapshotGeneration }> {
  const generation = generationOf('app', { port: app.port, ...over });
  return { ...await testProxy(t, snapshotOf(appOf('app', ['app.example'], generation)), options), generation };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly body: string;
}

export interface Ask extends RequestOptions {
  readonly body?: string | Buffer;
}

/** One request on a connection of its own, answered whole. */
export function ask(port: number, path = '/', { body, headers, ...options }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', path, agent: false, headers: { Host: 'app.example', ...headers }, ...options }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        resolve({ status: res.statusCode ?? 0, headers: res.headers, rawHeaders: res.rawHeaders, body: Buffer.concat(chunks).toString('latin1') });
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Writes bytes to a port and returns everything that comes back until the other side, or `enough`, ends it. */
export async function raw(port: number, bytes: string | Buffer, enough: (text: string) => boolean = () => false): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(3000, () => { socket.destroy(new Error(`no end after 3 s; so far: ${text}`)); });
  let text = '';
  await once(socket, 'connect');
  socket.write(bytes);
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (enough(text)) resolve();
    });
    socket.on('end', resolve);
    socket.on('error', (error) => { if ('code' in error && error.code === 'ECONNRESET') resolve(); else reject(error); });
  });
  socket.destroy();
  return text;
}

/** The text of a request's body. */
export async function bodyOf(req: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}
