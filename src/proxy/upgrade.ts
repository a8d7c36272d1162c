/**
 * Connections that change their protocol: WebSocket and others (RFC 9110 7.8).
 * http-proxy makes the handshake with the app and joins the two ends; what it
 * would get wrong of heads and of refusals is done here.
 */
import { STATUS_CODES, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import { Left } from './activate.ts';
import type { Activity, Connection } from './connection.ts';
import { Entry } from './entry.ts';
import { outbound, type Inbound } from './headers.ts';
import { hopFields, hopProblemOf } from './hop-problem.ts';
import { refusal, Refused, Silent, type Leg } from './leg.ts';
import type { Rider } from './peer.ts';
import { Problem, PROBLEMS } from './problem.ts';
import { answerTo, respondRaw } from './respond.ts';
import type { Target } from './route.ts';
import { codeOf, referenceOf, Visit, type ProxyContext } from './visit.ts';

/** How long an app may take to answer a handshake. */
const HANDSHAKE_MS = 60_000;
/** After this long without a byte, TCP asks whether the peer is still there. */
const KEEP_ALIVE_MS = 60_000;
/** A handshake has no side effects (it is a GET), but one that kills the app three times is not sent a fourth. */
const MAX_SENDS = 3;

/** A proxy that tunnels every protocol: http-proxy's own check lets WebSocket over GET pass only. */
function createProxy(): httpProxy {
  const proxy = httpProxy.createProxyServer({ prependPath: false, toProxy: true });
  const passes: unknown = Reflect.get(proxy, 'wsPasses');
  if (!Array.isArray(passes)) throw new Error('http-proxy has no wsPasses where version 1.18.1 has them');
  Reflect.set(proxy, 'wsPasses', passes.filter((pass: unknown) => typeof pass !== 'function' || pass.name !== 'checkMethodAndHeader'));
  proxy.on('proxyReqWs', (proxyReq: ClientRequest, req: IncomingMessage) => { tunnels.get(req)?.dress(proxyReq); });
  // Errors of tunnels are told to them; without a listener http-proxy would throw.
  proxy.on('error', () => undefined);
  return proxy;
}

const tunnels = new WeakMap<IncomingMessage, Tunnel>();
let shared: httpProxy | null = null;

/** One upgrade, from its request to the end of both connections. */
export class Tunnel implements Activity, Rider {
  readonly #context: ProxyContext;
  readonly #connection: Connection;
  readonly #req: IncomingMessage;
  readonly #socket: Socket;
  #head: Buffer;
  readonly #inbound: Inbound;
  readonly #target: Target;
  readonly #visit: Visit;
  readonly entry: Entry;
  #leg: Leg | null = null;
  #proxyReq: ClientRequest | null = null;
  #appSocket: Duplex | null = null;
  #sends = 0;
  #gone = false;
  answering = false;

  constructor(context: ProxyContext, connection: Connection, req: IncomingMessage, head: Buffer, inbound: Inbound, target: Target) {
    this.#context = context;
    this.#connection = connection;
    this.#req = req;
    this.#socket = connection.socket;
    this.#head = head;
    this.#inbound = inbound;
    this.#target = target;
    this.entry = new Entry(context.books, connection, req, target, context.clock.now());
    this.#visit = new Visit(context, target, this.entry, null);
    connection.begin(this);
    tunnels.set(req, this);
  }

  async serve(): Promise<void> {
    try {
      const leg = await this.#visit.activate();
      if (!this.#gone) this.#forward(leg);
    } catch (error) {
      if (error instanceof Left || this.#gone) return;
      if (!(error instanceof Problem)) this.#context.log.error('an upgrade met an error of fc-proxy', { error: error instanceof Error ? error : String(error) });
      this.#fail(error instanceof Problem ? error : new Problem('systemd', 'The proxy failed.', { cause: error }));
    }
  }

  #forward(leg: Leg): void {
    this.entry.goes(leg.tally);
    leg.begin(this);
    this.#leg = leg;
    const head = this.#head;
    // http-proxy gives it back to the socket, where the next attempt finds it.
    this.#head = Buffer.alloc(0);
    shared ??= createProxy();
    shared.ws(this.#req, this.#socket, head, leg.tunnel);
    const proxyReq = this.#proxyReq;
    if (proxyReq === null) throw new Error('http-proxy made no request');
    // Its own listeners would end the client's connection at the first refusal, and copy
    // Transfer-Encoding in front of a body that is not chunked any more.
    proxyReq.removeAllListeners('error');
    proxyReq.removeAllListeners('response');
    proxyReq.on('error', (error) => { void this.#failed(leg, error); });
    proxyReq.on('response', (answer) => { this.#refused(leg, answer); });
  }

  /** Called by http-proxy before the handshake is sent: its head is ours, not what http-proxy made of it. */
  dress(proxyReq: ClientRequest): void {
    this.#proxyReq = proxyReq;
    for (const name of proxyReq.getHeaderNames()) proxyReq.removeHeader(name);
    const { fields, forwardedHost } = this.#inbound;
    proxyReq.appendHeader('Host', this.#target.authority);
    for (let i = 0; i + 1 < fields.length; i += 2) proxyReq.appendHeader(fields[i] ?? '', fields[i + 1] ?? '');
    proxyReq.appendHeader('X-Forwarded-Host', forwardedHost ?? this.#target.authority);
    const hop = this.#leg?.fields ?? [];
    for (let i = 0; i + 1 < hop.length; i += 2) proxyReq.appendHeader(hop[i] ?? '', hop[i + 1] ?? '');
    proxyReq.appendHeader('Connection', 'Upgrade');
    proxyReq.appendHeader('Upgrade', this.#req.headers.upgrade ?? '');
    proxyReq.path = this.#target.path;
    proxyReq.setTimeout(HANDSHAKE_MS, () => { proxyReq.destroy(Object.assign(new Error('the app did not answer the handshake'), { code: 'UND_ERR_HEADERS_TIMEOUT' })); });
    proxyReq.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => { this.#sends++; });
      else this.#sends++;
    });
    proxyReq.on('upgrade', (_answer, appSocket: Socket) => { this.#joined(appSocket); });
  }

  /** The app agreed: from here on bytes go both ways until one side ends. */
  #joined(appSocket: Socket): void {
    this.answering = true;
    this.entry.answered(101, this.#context.clock.now());
    this.entry.doing = 'upgrade';
    this.#appSocket = appSocket;
    this.#leg?.answered();
    // After http-proxy's own setting, made in this same event.
    process.nextTick(() => {
      for (const socket of [appSocket, this.#socket]) socket.setKeepAlive(true, KEEP_ALIVE_MS);
    });
    appSocket.on('error', () => undefined);
    appSocket.once('close', () => {
      this.#release();
      if (appSocket.errored === null) this.#socket.destroySoon();
      else this.#socket.destroy();
    });
  }

  /** The app answered with an ordinary response: passed on, and the end of this connection. */
  #refused(leg: Leg, answer: IncomingMessage): void {
    const said = leg.kind === 'there' ? hopProblemOf(answer.rawHeaders) : null;
    const refused = leg.kind === 'there' && said !== null ? refusal(leg.peer, said) : null;
    if (refused !== null) {
      if (refused.unsent) this.#sends--;
      this.#proxyReq?.destroy(refused);
      return;
    }
    if (said === null) leg.answered();
    else referenceOf(this.#context, said.problem, this.#target);
    this.answering = true;
    const fields = outbound(answer.rawHeaders, false);
    const status = answer.statusCode ?? 502;
    this.entry.answered(status, this.#context.clock.now());
    let head = `HTTP/1.1 ${status} ${answer.statusMessage ?? STATUS_CODES[status] ?? ''}\r\n`;
    for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
    // Without a length the end of the connection is the end of the body.
    this.#socket.write(`${head}Connection: close\r\n\r\n`, 'latin1');
    answer.on('error', () => { this.#socket.resetAndDestroy(); });
    answer.once('close', () => {
      this.#release();
      this.#socket.destroySoon();
    });
    answer.pipe(this.#socket);
  }

  async #failed(leg: Leg, error: Error): Promise<void> {
    this.#release();
    if (this.#gone || this.answering) return;
    const sent = this.#sends > 0;
    const allowed = this.#sends < MAX_SENDS && (!sent || this.#req.method === 'GET' || (error instanceof Refused && error.unsent));
    if (codeOf(error) === 'UND_ERR_HEADERS_TIMEOUT') {
      this.#fail(new Problem('app-silent', 'The app did not answer.', { cause: error }));
    } else if (allowed && await this.#visit.again(leg, error)) {
      if (!this.#gone) await this.serve();
    } else if (!this.#gone) {
      if (!allowed) leg.suspect(error);
      this.#context.log.warn('an upgrade failed', { ...leg.name, sends: this.#sends, error });
      this.#fail(leg.givenUp(sent, error));
    }
  }

  /** The host that it goes through does not answer any more. */
  peerSilent(final: boolean): void {
    if (this.#leg?.kind !== 'there') return;
    if (!this.answering) this.#proxyReq?.destroy(new Silent(this.#leg.peer));
    else if (final) this.#appSocket?.destroy(new Silent(this.#leg.peer));
  }

  #fail(problem: Problem): void {
    this.answering = true;
    this.entry.answered(PROBLEMS[problem.kind].status, this.#context.clock.now());
    const reference = referenceOf(this.#context, problem, this.#target);
    const more = this.#connection.internal ? hopFields(problem, reference, this.#sends === 0) : [];
    respondRaw(this.#socket, answerTo(problem, this.#req.headers.accept, reference, more), this.#req.method);
  }

  #release(): void {
    const leg = this.#leg;
    this.#leg = null;
    leg?.end(this);
  }

  clientGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.entry.over();
    this.#connection.end(this);
    this.#visit.leave();
    this.#proxyReq?.destroy();
    this.#appSocket?.destroy();
  }
}
