/**
 * One request, from its arrival to the end of its answer: activate, forward,
 * and again when the app died under it and that may be done (RFC 9110 9.2.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { Left } from './activate.ts';
import { RequestBody } from './body.ts';
import type { Activity, Connection } from './connection.ts';
import type { Waited } from './generation.ts';
import type { Inbound } from './headers.ts';
import { hopFields, hopProblemOf } from './hop-problem.ts';
import { refusal, Refused, Silent, type Leg } from './leg.ts';
import type { Rider } from './peer.ts';
import { Problem } from './problem.ts';
import { receiptFields, serverTiming, type Receipt } from './receipt.ts';
import { Reply } from './reply.ts';
import { answerTo, respond } from './respond.ts';
import type { Target } from './route.ts';
import { codeOf, directly, Visit, type ProxyContext } from './visit.ts';

/** RFC 9110 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** How often an idempotent request may break an app: the third death is likely its own doing. */
const MAX_SENDS = 3;

/** How long a client may go on sending a body that nobody wants any more. */
const LINGER_MS = 5000;

class ClientGone extends Error {}

export class Exchange implements Dispatcher.DispatchHandler, Activity, Rider {
  readonly #context: ProxyContext;
  readonly #connection: Connection;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #inbound: Inbound;
  readonly #target: Target;
  readonly #method: string;
  readonly #body: RequestBody | null;
  readonly #reply: Reply;
  readonly #arrivedAt: number;
  #headers: string[] | null = null;
  /** Null as long as nothing has to be waited for. */
  #visit: Visit | null = null;

  // The attempt under way.
  #leg: Leg | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #forwardedAt = 0;

  #sends = 0;
  #gone = false;
  #over = false;

  constructor(context: ProxyContext, connection: Connection, req: IncomingMessage, res: ServerResponse, inbound: Inbound, target: Target, expectsContinue: boolean) {
    this.#context = context;
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.#inbound = inbound;
    this.#target = target;
    this.#method = req.method ?? 'GET';
    this.#arrivedAt = context.clock.now();
    this.#body = inbound.length === 0 ? null : new RequestBody(req, IDEMPOTENT.has(this.#method), () => {
      // Not once it is answered, and the body read only to be thrown away.
      if (expectsContinue && !res.headersSent) res.writeContinue();
    });
    this.#reply = new Reply(req, res, {
      clock: context.clock,
      repeatable: IDEMPOTENT.has(this.#method),
      leaving: (status, fields) => { this.#leaving(status, fields); },
    });
    connection.activities.add(this);
    res.once('close', () => { this.#closed(); });
    // Without a listener the abort of a client that is half way through its body would be an uncaught error.
    req.on('error', () => undefined);
  }

  get answering(): boolean {
    return this.#res.headersSent;
  }

  /** Serves the request; its answer, good or bad, is all that comes of it. */
  serve(): void {
    if (IDEMPOTENT.has(this.#method)) {
      this.#serve();
      return;
    }
    // It can be sent once only, so not on a connection that the app has closed already: news of that, which came
    // before the request, are heard by the end of this turn of the event loop.
    setImmediate(() => { if (!this.#gone) this.#serve(); });
  }

  #serve(): void {
    const leg = directly(this.#context, this.#target);
    if (leg === null) void this.#activateAndForward();
    else this.#forward(leg);
  }

  async #activateAndForward(): Promise<void> {
    this.#visit ??= new Visit(this.#context, this.#target, this.#arrivedAt);
    try {
      const leg = await this.#visit.activate();
      if (!this.#gone) this.#forward(leg);
    } catch (error) {
      if (error instanceof Left || this.#gone) return;
      this.#fail(error instanceof Problem ? error : this.#broken(error));
    }
  }

  #broken(error: unknown): Problem {
    this.#context.log.error('a request met an error of fc-proxy', { error: error instanceof Error ? error : String(error) });
    return new Problem('systemd', 'The proxy failed.', { cause: error });
  }

  #forward(leg: Leg): void {
    if (this.#body?.begun === false) {
      // undici takes a connection at once and sends the head with the first of the body. Until that has come, the app
      // would believe the connection idle and might close it, and a POST that has a connection is not sent again.
      this.#body.begin(() => { if (!this.#gone) this.serve(); });
      return;
    }
    this.#leg = leg;
    this.#controller = null;
    this.#forwardedAt = this.#context.clock.now();
    leg.begin(this);
    const headers = this.#headers ??= this.#requestHeaders();
    leg.dispatch({
      path: this.#target.path,
      method: this.#method,
      headers: leg.fields.length === 0 ? headers : [...headers, ...leg.fields],
      body: this.#body === null ? null : this.#body.open(leg.kind === 'there'),
    }, this);
  }

  #requestHeaders(): string[] {
    const { fields, forwardedHost, length } = this.#inbound;
    const headers = ['Host', this.#target.authority, ...fields, 'X-Forwarded-Host', forwardedHost ?? this.#target.authority];
    if (length !== null && length > 0) headers.push('Content-Length', String(length));
    return headers;
  }

  /** The attempt is over, in whatever way. */
  #release(): Leg | null {
    const leg = this.#leg;
    if (leg !== null) {
      this.#leg = null;
      leg.end(this);
    }
    return leg;
  }

  //--- what undici tells ---

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sends++;
    // To another fc-proxy: the app gets the request now. Until then it could go elsewhere, so that what was sent of
    // the body has been kept; from here on it is sent as it comes.
    if (this.#sends === 1 && this.#body !== null && this.#connection.internal && !this.#res.headersSent) this.#res.writeProcessing();
    if (this.#gone) controller.abort(new ClientGone());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, statusMessage?: string): void {
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
    if (status < 200) {
      if (status === 102 && this.#leg?.kind === 'there') this.#body?.accepted();
      if (status === 103) this.#reply.hints(raw);
      return;
    }
    const leg = this.#leg;
    const said = leg?.kind === 'there' ? hopProblemOf(raw) : null;
    const refused = leg?.kind === 'there' && said !== null ? refusal(leg.peer, said) : null;
    if (refused !== null) {
      controller.abort(refused);
      return;
    }
    if (said === null) leg?.answered();
    this.#reply.begin(controller, status, statusMessage, raw);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#reply.data(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#controller = null;
    this.#reply.end(Array.isArray(controller.rawTrailers) ? controller.rawTrailers : []);
    this.#release();
    this.#discardBody();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const sent = this.#controller !== null;
    this.#controller = null;
    this.#reply.drop();
    const leg = this.#release();
    if (this.#gone || leg === null) return;
    if (this.#res.headersSent) {
      this.#context.log.warn('the app broke off its answer', { ...leg.name, error });
      this.#cutOff();
      return;
    }
    const problem = hopeless(error);
    if (problem !== null) {
      this.#context.log.warn('the app gave no answer', { ...leg.name, method: this.#method, error });
      this.#fail(problem);
      return;
    }
    void this.#retry(leg, error, sent);
  }

  /** The head of the answer is about to leave. */
  #leaving(status: number, fields: string[]): void {
    this.#body?.forget();
    const waited = this.#visit?.waited ?? null;
    if (waited !== null) fields.push('Server-Timing', serverTiming(this.#receipt(waited, status)));
    if (this.#context.draining()) fields.push('Connection', 'close');
  }

  //--- when it did not work ---

  async #retry(leg: Leg, error: Error, sent: boolean): Promise<void> {
    this.#visit ??= new Visit(this.#context, this.#target, this.#arrivedAt);
    const unsent = error instanceof Refused && error.unsent;
    const untouched = !sent || unsent;
    if (unsent) this.#sends--;
    const allowed = (untouched || this.#repeatable) && this.#body?.replayable !== false;
    if (!allowed) leg.suspect(error);
    if (allowed && await this.#visit.again(leg, error)) {
      if (!this.#gone) await this.#activateAndForward();
      return;
    }
    if (this.#gone) return;
    this.#context.log.warn('a request failed', { ...leg.name, method: this.#method, sent, sends: this.#sends, error });
    this.#fail(leg.givenUp(!untouched, error));
  }

  /** Whether it may be sent once more although it was sent. */
  get #repeatable(): boolean {
    return IDEMPOTENT.has(this.#method) && this.#sends < MAX_SENDS;
  }

  /** The host that the request was sent to does not answer any more. */
  peerSilent(final: boolean): void {
    const leg = this.#leg;
    if (leg?.kind !== 'there') return;
    // One that has begun its answer, or can be sent once only, may still be lucky.
    const elsewhere = !this.#res.headersSent && this.#body?.replayable !== false && this.#repeatable;
    if (!elsewhere && !final) return;
    const error = new Silent(leg.peer);
    if (this.#controller !== null) this.#controller.abort(error);
  }

  #fail(problem: Problem): void {
    if (this.#res.headersSent) {
      this.#cutOff();
      return;
    }
    const more = this.#connection.internal ? hopFields(problem, this.#sends === 0) : [];
    respond(this.#res, answerTo(problem, this.#req.headers.accept, more), this.#context.draining());
    this.#discardBody();
  }

  /** Ends a response that cannot be completed so that the client can tell: never like a complete one. */
  #cutOff(): void {
    // To HTTP/1.0 the end of the connection may be the end of the body: only a reset says that something is missing.
    if (this.#req.httpVersion === '1.1') this.#res.destroy();
    else this.#connection.socket.resetAndDestroy();
  }

  /** Reads what the client still sends of a body that nobody wants: closed on at once, it would miss the answer. */
  #discardBody(): void {
    if (this.#req.complete || this.#inbound.length === 0) return;
    this.#body?.discard();
    const alarm = this.#context.clock.after(LINGER_MS, () => { if (!this.#req.complete) this.#connection.socket.destroy(); });
    this.#req.once('end', () => { alarm.cancel(); });
  }

  //--- what the client does ---

  clientGone(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.activities.delete(this);
    this.#gone = true;
    this.#body?.forget();
    this.#reply.drop();
    this.#visit?.leave();
    this.#controller?.abort(new ClientGone());
  }

  #closed(): void {
    this.#body?.forget();
    if (!this.#res.writableFinished) {
      this.clientGone();
    } else if (!this.#over) {
      this.#over = true;
      this.#connection.activities.delete(this);
      this.#connection.idleSince = this.#context.clock.now();
    }
  }

  #receipt(waited: Waited, status: number): Receipt {
    const receipt = { queueMs: waited.queueMs, startMs: waited.startMs, appMs: this.#context.clock.now() - this.#forwardedAt };
    this.#context.log.info('answered after a start', {
      ...this.#leg?.name, method: this.#method, status, ...receiptFields(receipt),
    });
    return receipt;
  }
}

/** Errors that another try would meet again. */
function hopeless(error: Error): Problem | null {
  switch (codeOf(error)) {
    case 'UND_ERR_HEADERS_TIMEOUT': case 'UND_ERR_BODY_TIMEOUT':
      return new Problem('app-silent', 'The app did not answer.', { cause: error });
    case 'UND_ERR_INVALID_ARG': case 'UND_ERR_NOT_SUPPORTED': case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return new Problem('bad-request', 'The request cannot be passed on.', { cause: error });
    case 'UND_ERR_HEADERS_OVERFLOW': case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return new Problem('app-broke', 'The app answered with what is not HTTP.', { cause: error });
    default:
      // llhttp's own codes, and node's when a head does not pass its checks.
      return /^(HPE_|ERR_HTTP_|ERR_INVALID_)/.test(codeOf(error))
        ? new Problem('app-broke', 'The app answered with what is not HTTP.', { cause: error })
        : null;
  }
}
