/** The front: accepts connections, checks requests, and hands each to an Exchange or a Tunnel. */
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { FleetTls } from '../config/tls.ts';
import { Connection } from './connection.ts';
import { drain } from './drain.ts';
import { Exchange } from './exchange.ts';
import { inbound, type Inbound } from './headers.ts';
import { hopFields } from './hop-problem.ts';
import { Incidents } from './incidents.ts';
import { inFlightOf } from './in-flight.ts';
import { ALIVE_PATH } from './peer.ts';
import { Problem, PROBLEMS } from './problem.ts';
import { ALLOWED, answerTo, respond, respondRaw } from './respond.ts';
import { targetOf, type Target } from './route.ts';
import { reinject } from './reinject.ts';
import { isStatePath, StateDoor } from './state-door.ts';
import type { FleetTokens } from './tokens.ts';
import { Tunnel } from './upgrade.ts';
import { SILENCE_MS } from './upstream.ts';
import { codeOf, type ProxyContext } from './visit.ts';

/** For whom to listen: anybody, or the fleet's other hosts. */
export type Door = 'front' | 'internal';

/** Where to listen: a descriptor from systemd, or an address for development. */
export type Listen = { readonly fd: number } | { readonly host: string; readonly port: number };

export interface ServerOptions extends Omit<ProxyContext, 'draining' | 'incidents'> {
  /** What other hosts must present on the internal listener. */
  readonly tokens: FleetTokens;
  /** What it is secured with; null: nothing. */
  readonly tls: FleetTls | null;
  /** Where fc-admin of this host listens. */
  readonly adminSocket: string;
  /** Whether a peer's X-Forwarded-* are believed. */
  readonly trusted: (address: string) => boolean;
  /** Time for a request's head to arrive; a minute unless told otherwise. */
  readonly headersTimeoutMs?: number;
}

/** A head must arrive within this; bodies may be as slow as they like. */
const HEADERS_MS = 60_000;
/** Of TLS, between hosts. */
const HANDSHAKE_MS = 10_000;
/** Longer than the minute that load balancers keep theirs: they should be the ones to close. */
const KEEP_ALIVE_MS = 65_000;
/** What systemd's socket has; node would cut it down to 511. */
const BACKLOG = 4096;
/** Protocols that are not tunnelled. HTTP/2 in a tunnel would carry requests past all that is done here. */
const NOT_TUNNELLED = /(^|[,\s])(h2c?|http\/2(\.0)?)($|[,\s])/i;

export class ProxyServer {
  readonly #options: ServerOptions;
  readonly #context: ProxyContext;
  readonly #http: HttpServer;
  readonly #state: StateDoor;
  readonly #listeners: NetServer[] = [];
  readonly #connections = new Set<Connection>();
  readonly #bySocket = new WeakMap<Duplex, Connection>();
  /** Connections whose last answer has been given: their client sent what is no HTTP, or none for here. */
  readonly #refused = new WeakSet<Duplex>();
  #draining = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#context = { ...options, incidents: new Incidents(options.clock, options.log), draining: () => this.#draining };
    this.#state = new StateDoor(options.adminSocket, options.clock);
    this.#http = createHttpServer({
      headersTimeout: options.headersTimeoutMs ?? HEADERS_MS,
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: options.headersTimeoutMs === undefined ? 10_000 : 100,
      insecureHTTPParser: false,
      // Answered below, like every other bad Host.
      requireHostHeader: false,
    });
    this.#http.on('request', (req, res) => { this.#request(req, res, false); });
    this.#http.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => { this.#request(req, res, true); });
    this.#http.on('upgrade', (req, socket, head) => { this.#upgrade(req, socket, head); });
    this.#http.on('checkExpectation', (req, res) => {
      if (this.#known(req)) respond(res, answerTo(new Problem('expectation-failed', 'The only expectation that is met here is 100-continue.'), req.headers.accept), false);
    });
    this.#http.on('connect', (req, socket) => {
      socket.on('error', () => undefined);
      if (!this.#known(req)) return;
      respondRaw(socket, answerTo(new Problem('method-not-allowed', 'This is no forward proxy.'), req.headers.accept));
    });
    // Nothing moved either way for as long as no app is waited for: the client is stuck, and would keep its app awake.
    this.#http.timeout = SILENCE_MS;
    // It never listens itself: this is what makes it watch over headersTimeout.
    this.#http.emit('listening');
    this.#http.on('clientError', (error, socket) => { this.#clientError(error, socket); });
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** What of an app is in flight here, the oldest first. */
  inFlight(app: string): ReturnType<typeof inFlightOf> {
    return inFlightOf(app, this.#connections, this.#options.books.epoch);
  }

  /**
   * Begins to accept connections. Several listeners feed one HTTP server.
   * @returns the port, for a listener on port 0
   */
  async listen(where: Listen, door: Door = 'front'): Promise<number> {
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    const { tls } = this.#options;
    let server: NetServer;
    if (door === 'internal' && tls !== null) {
      server = createTlsServer({ ...options, cert: tls.certificate, key: tls.key, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS });
      server.on('secureConnection', (socket: Socket) => {
        this.#accept(socket, door);
        readAsStream(socket);
      });
    } else {
      server = createNetServer(options);
      server.on('connection', (socket) => { this.#accept(socket, door); });
    }
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', resolve);
      if ('fd' in where) server.listen({ fd: where.fd }, BACKLOG);
      else server.listen(where.port, where.host, BACKLOG);
    });
    server.on('error', (error) => { this.#options.log.error('a listener failed', { error }); });
    this.#listeners.push(server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /**
   * Ends (see drain.ts).
   * @param stopped called once no connection is accepted any more
   * @returns the number of connections that had to be cut off after `timeoutMs`
   */
  async drain(timeoutMs: number, stopped: () => void): Promise<number> {
    this.#draining = true;
    // Not http.Server.close(): that also closes idle connections at once, with requests on their way to them.
    for (const server of this.#listeners.splice(0)) server.close();
    stopped();
    // The clock's alarms do not hold the process, which would end before it has said how it ended.
    const hold = setInterval(() => undefined, 60_000);
    try {
      return await drain(this.#connections, this.#options.clock, timeoutMs);
    } finally {
      clearInterval(hold);
      this.#http.close();
    }
  }

  #accept(socket: Socket, door: Door): void {
    const connection = new Connection(socket, this.#options.trusted, door === 'internal', this.#options.clock.now());
    this.#connections.add(connection);
    this.#bySocket.set(socket, connection);
    socket.once('close', () => { this.#connections.delete(connection); });
    this.#http.emit('connection', socket);
  }

  #connectionOf(socket: Duplex): Connection {
    const connection = this.#bySocket.get(socket);
    if (connection === undefined) throw new Error('a request came on no connection of this server');
    return connection;
  }

  /** Whether the one who asks may have an answer. On the internal listener, who is not of the fleet gets none. */
  #known(req: IncomingMessage, connection = this.#connectionOf(req.socket), { token } = inbound(req.rawHeaders, connection)): boolean {
    if (!connection.internal || (token !== null && this.#options.tokens.accepts(token))) return true;
    this.#options.log.warn('somebody without the fleet\'s token was at the internal listener', { address: connection.address });
    connection.socket.destroy();
    return false;
  }

  #request(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    const connection = this.#connectionOf(req.socket);
    const head = inbound(req.rawHeaders, connection);
    if (!this.#known(req, connection, head)) return;
    if (connection.internal && req.url === ALIVE_PATH && head.app === '') {
      res.writeHead(204, this.#draining ? ['Connection', 'close'] : []).end();
      return;
    }
    if (connection.internal && head.app === '' && isStatePath(req.url ?? '')) {
      this.#state.serve(connection, req, res, this.#draining);
      return;
    }
    const target = this.#check(req, connection, head);
    if (target instanceof Problem) {
      // What was not understood may be followed by more of the kind, which gets no answer of its own.
      this.#refused.add(req.socket);
      this.#context.books.unrouted.answered(PROBLEMS[target.kind].status, 0);
      respond(res, answerTo(target, req.headers.accept, null, connection.internal ? hopFields(target, null, true) : []), true);
    } else if (target.path === '*') {
      // OPTIONS * asks about this server, not about an app (RFC 9110 9.3.7).
      res.writeHead(204, ['Allow', ALLOWED]);
      res.end();
    } else {
      new Exchange(this.#context, connection, req, res, head, target, expectsContinue).serve();
    }
  }

  #check(req: IncomingMessage, connection: Connection, head: Inbound): Target | Problem {
    if (head.coding !== null) return new Problem('not-implemented', 'The only transfer coding understood here is chunked.');
    if (connection.internal && head.app === null) return new Problem('bad-request', 'The request names no app.');
    const target = targetOf(req.url ?? '', head.hosts, head.host, head);
    if (typeof target === 'string') return new Problem('bad-request', target);
    if (target.path === '*' && req.method !== 'OPTIONS') return new Problem('bad-request', 'The request target * goes with OPTIONS only.');
    return target;
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connectionOf(socket);
    socket.on('error', () => undefined);
    const cleaned = inbound(req.rawHeaders, connection);
    if (!this.#known(req, connection, cleaned)) return;
    const target = this.#check(req, connection, cleaned);
    if (target instanceof Problem) {
      respondRaw(socket, answerTo(target, req.headers.accept, null, connection.internal ? hopFields(target, null, true) : []), req.method);
    } else if (cleaned.length !== 0 || target.path === '*' || NOT_TUNNELLED.test(req.headers.upgrade ?? '')) {
      // A server may leave an Upgrade out of account (RFC 9110 7.8): answered like any other request.
      reinject(this.#http, req, connection.socket, head);
    } else {
      void new Tunnel(this.#context, connection, req, head, cleaned, target).serve();
    }
  }

  /** What the parser would not take, or what came too slowly. */
  #clientError(error: Error, socket: Duplex): void {
    // Its bytes go on coming, and none of them is any better.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const connection = this.#bySocket.get(socket);
    // Nor does anyone at the internal listener who speaks no HTTP get an answer.
    if (codeOf(error) === 'ECONNRESET' || connection?.answering === true || !socket.writable || connection?.internal === true) {
      socket.destroy();
      return;
    }
    connection?.clientGone();
    respondRaw(socket, answerTo(problemOf(error), undefined));
  }
}

/**
 * Has node's HTTP server read a TLS connection as it reads a stream. Left to itself it takes what was decrypted past
 * the stream, also while it has paused the parser, as it does when a request comes before all of the last answer has
 * left: the parser then finds an error in what it is given, and a good request is refused (HPE_PAUSED).
 */
function readAsStream(socket: Socket): void {
  socket.on('data', () => undefined);
}

function problemOf(error: Error): Problem {
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW': return new Problem('header-too-large', 'The head of the request is too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT': return new Problem('request-timeout', 'The request did not arrive in time.');
    default: return new Problem('bad-request', 'The request is not valid HTTP.');
  }
}
