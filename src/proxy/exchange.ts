/**
 * One request, from its arrival to the end of its answer: activate, forward,
 * and again when the app died under it and that may be done (RFC 9110 9.2.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Left } from './activate.ts';
import { RequestBody } from './body.ts';
import { Call, type Caller } from './call.ts';
import type { Activity, Connection } from './connection.ts';
import { Entry } from './entry.ts';
import { cutOff, linger } from './farewell.ts';
import type { Waited } from './generation.ts';
import { HOP, type Inbound } from './headers.ts';
import { hopeless } from './hopeless.ts';
import { hopFields, hopProblemOf } from './hop-problem.ts';
import { refusal, Refused, Silent, type Leg } from './leg.ts';
import { isPoll, patienceOf, starting, startingAnswer } from './patience.ts';
import type { Rider } from './peer.ts';
import { Problem, PROBLEMS } from './problem.ts';
import { receiptFields, serverTiming, type Receipt } from './receipt.ts';
import { Reply, type Replier } from './reply.ts';
import { answerTo, respond } from './respond.ts';
import type { Route, Target } from './route.ts';
import { directly, referenceOf, StillStarting, Visit, type Patience, type Patient, type ProxyContext } from './visit.ts';
import type { Lender } from './wire/wire.ts';

/** RFC 9110 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** How often an idempotent request may break an app: the third death is likely its own doing. */
const MAX_SENDS = 3;

class ClientGone extends Error {}

export class Exchange implements Activity, Caller, Patient, Replier, Rider {
  readonly #context: ProxyContext;
  readonly #connection: Connection;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #inbound: Inbound;
  readonly #target: Target;
  readonly #method: string;
  readonly #idempotent: boolean;
  readonly #body: RequestBody | null;
  readonly #reply: Reply;
  readonly entry: Entry;
  #headers: string[] | null = null;
  /** Null as long as nothing has to be waited for. */
  #visit: Visit | null = null;
  /** The attempt under way, and the last one. */
  #call: Call | null = null;
  #last: Call | null = null;
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
    this.#idempotent = IDEMPOTENT.has(this.#method);
    this.entry = new Entry(context.books, connection, req, target, context.clock.now());
    this.#body = inbound.length === 0 ? null : this.#bodyOf(req, res, expectsContinue);
    this.#reply = new Reply(req, res, context.clock, this);
    connection.begin(this);
    res.on('close', () => { this.#closed(); });
  }

  #bodyOf(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): RequestBody {
    // Without a listener the abort of a client that is half way through its body would be an uncaught error.
    req.on('error', () => undefined);
    return new RequestBody(req, this.#idempotent, () => {
      // Not once it is answered, and the body read only to be thrown away.
      if (expectsContinue && !res.headersSent) res.writeContinue();
    });
  }

  get answering(): boolean {
    return this.#res.headersSent;
  }

  /** Serves the request; its answer, good or bad, is all that comes of it. */
  serve(): void {
    const leg = directly(this.#context, this.#target);
    if (leg === null) void this.#activateAndForward();
    else this.#forward(leg);
  }

  async #activateAndForward(): Promise<void> {
    this.#visit ??= new Visit(this.#context, this.#target, this.entry, this);
    try {
      const leg = await this.#visit.activate();
      if (!this.#gone) this.#forward(leg);
    } catch (error) {
      if (this.#gone) return;
      if (error instanceof StillStarting) this.#tellStarting(error);
      else if (!(error instanceof Left)) this.#fail(error instanceof Problem ? error : this.#broken(error));
    }
  }

  #broken(error: unknown): Problem {
    this.#context.log.error('a request met an error of fc-proxy', { error: error instanceof Error ? error : String(error) });
    return new Problem('systemd', 'The proxy failed.', { cause: error });
  }

  #forward(leg: Leg): void {
    if (this.#inbound.poll !== null && leg.kind === 'here' && isPoll(this.#req, this.#inbound, this.#context.router.find(this.#target))) {
      // The page becomes the app now, by a request of its own.
      this.#context.activator.expect(leg.generation);
      this.entry.isNoVisit(204, this.#context.clock.now());
      this.#res.writeHead(204, ['Cache-Control', 'no-store', ...(this.#context.draining() ? ['Connection', 'close'] : [])]).end();
      return;
    }
    if (this.#body?.begun === false) {
      // The head is sent with the first of the body. Until that has come no connection is taken: the app would believe
      // it idle and might close it, and a POST that has a connection is not sent again.
      this.#body.begin(() => { if (!this.#gone) this.serve(); });
      return;
    }
    const call = new Call(leg, this, this.#context.clock.now());
    this.#call = this.#last = call;
    this.entry.goes(leg.tally);
    leg.begin(this);
    const headers = this.#headers ??= this.#requestHeaders();
    leg.dispatch({
      path: this.#target.path,
      method: this.#method,
      headers: leg.fields.length === 0 ? headers : [...headers, ...leg.fields, ...this.#pollFields],
      length: this.#inbound.length,
      body: this.#body === null ? null : this.#body.open(leg.kind === 'there'),
    }, call);
  }

  get #pollFields(): readonly string[] {
    return this.#inbound.poll === null ? [] : [HOP.poll, String(this.#inbound.poll)];
  }

  #requestHeaders(): string[] {
    const { fields, forwardedHost } = this.#inbound;
    return ['Host', this.#target.authority, ...fields, 'X-Forwarded-Host', forwardedHost ?? this.#target.authority];
  }

  /** The attempt is over, in whatever way. */
  #release(): Call | null {
    const call = this.#call;
    if (call !== null) {
      this.#call = null;
      call.leg.end(this);
    }
    return call;
  }

  //--- what becomes of the attempt ---

  sending(call: Call): void {
    this.#sends++;
    // To another fc-proxy: the app gets the request now. Until then it could go elsewhere, so that what was sent of
    // the body has been kept; from here on it is sent as it comes.
    if (this.#sends === 1 && this.#body !== null && this.#connection.internal && !this.#res.headersSent) this.#res.writeProcessing();
    if (this.#gone) call.abort(new ClientGone());
  }

  head(call: Call, status: number, phrase: string, fields: readonly string[]): void {
    const { leg } = call;
    if (status < 200) {
      if (status === 102 && leg.kind === 'there') this.#body?.accepted();
      if (status === 103) this.#reply.hints(fields);
      return;
    }
    const said = leg.kind === 'there' ? hopProblemOf(fields) : null;
    const refused = leg.kind === 'there' && said !== null ? refusal(leg.peer, said) : null;
    if (refused !== null) {
      call.abort(refused);
      return;
    }
    if (said === null) leg.answered();
    else referenceOf(this.#context, said.problem, this.#target);
    this.#reply.begin(call, status, phrase, fields);
  }

  data(chunk: Buffer, lender: Lender | null): void {
    this.#reply.data(chunk, lender);
  }

  complete(trailers: readonly string[]): void {
    this.#reply.end(trailers);
    this.#release();
    this.#discardBody();
  }

  failed({ sent }: Call, error: Error): void {
    this.#reply.drop();
    const leg = this.#release()?.leg;
    if (this.#gone || leg === undefined) return;
    if (this.#res.headersSent) {
      this.#context.log.warn('the app broke off its answer', { ...leg.name, error });
      cutOff(this.#req, this.#res);
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

  /** Whether the request may be made again as long as nothing of its answer has left. */
  get repeatable(): boolean {
    return this.#idempotent;
  }

  leaving(status: number, fields: string[]): void {
    this.entry.answered(status, this.#context.clock.now());
    this.#body?.forget();
    const waited = this.#visit?.waited ?? null;
    if (waited !== null) fields.push('Server-Timing', serverTiming(this.#receipt(waited, status)));
    if (this.#context.draining()) fields.push('Connection', 'close');
  }

  unwritable(error: Error): void {
    this.#reply.drop();
    const leg = this.#last?.leg;
    // Nobody is told of its end any more.
    this.#release()?.abort(error);
    this.#context.log.warn('the app gave no answer', { ...leg?.name, method: this.#method, error });
    this.#fail(hopeless(error) ?? this.#broken(error));
  }

  //--- when its visitor is told to wait ---

  patience(route: Route): Patience | null {
    return patienceOf(this.#req, this.#inbound, route, this.entry.arrivedAt);
  }

  #tellStarting({ typicalMs }: StillStarting): void {
    const now = this.#context.clock.now();
    const waitedMs = now - this.entry.arrivedAt;
    const problem = starting(waitedMs, typicalMs);
    if (this.#inbound.poll === null) this.entry.answered(PROBLEMS[problem.kind].status, now);
    else this.entry.isNoVisit(PROBLEMS[problem.kind].status, now);
    const more = this.#connection.internal ? hopFields(problem, null, true) : [];
    respond(this.#res, startingAnswer(this.#req, this.#inbound, problem, waitedMs, typicalMs, more), this.#context.draining());
  }

  //--- when it did not work ---

  async #retry(leg: Leg, error: Error, sent: boolean): Promise<void> {
    this.#visit ??= new Visit(this.#context, this.#target, this.entry, this);
    const unsent = error instanceof Refused && error.unsent;
    const untouched = !sent || unsent;
    if (unsent) this.#sends--;
    const allowed = (untouched || this.#mayRepeat) && this.#body?.replayable !== false;
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
  get #mayRepeat(): boolean {
    return this.#idempotent && this.#sends < MAX_SENDS;
  }

  /** The host that the request was sent to does not answer any more. */
  peerSilent(final: boolean): void {
    const leg = this.#call?.leg;
    if (leg?.kind !== 'there') return;
    // One that has begun its answer, or can be sent once only, may still be lucky.
    const elsewhere = !this.#res.headersSent && this.#body?.replayable !== false && this.#mayRepeat;
    if (elsewhere || final) this.#call?.abort(new Silent(leg.peer));
  }

  #fail(problem: Problem): void {
    if (this.#res.headersSent) {
      cutOff(this.#req, this.#res);
      return;
    }
    this.entry.answered(PROBLEMS[problem.kind].status, this.#context.clock.now());
    const reference = referenceOf(this.#context, problem, this.#target);
    const more = this.#connection.internal ? hopFields(problem, reference, this.#sends === 0) : [];
    respond(this.#res, answerTo(problem, this.#req.headers.accept, reference, more), this.#context.draining());
    this.#discardBody();
  }

  /** Reads what the client still sends of a body that nobody wants: closed on at once, it would miss the answer. */
  #discardBody(): void {
    if (this.#body === null || this.#req.complete) return;
    this.#body.discard();
    linger(this.#req, this.#context.clock);
  }

  //--- what the client does ---

  clientGone(): void {
    if (this.#over) return;
    this.#over = true;
    this.entry.over();
    this.#connection.end(this);
    this.#gone = true;
    this.#body?.forget();
    this.#reply.drop();
    this.#visit?.leave();
    this.#call?.abort(new ClientGone());
  }

  #closed(): void {
    this.#body?.forget();
    if (!this.#res.writableFinished) {
      this.clientGone();
    } else if (!this.#over) {
      this.#over = true;
      this.entry.over();
      this.#connection.end(this);
      this.#connection.idleSince = this.#context.clock.now();
    }
  }

  #receipt(waited: Waited, status: number): Receipt {
    const { clock, log } = this.#context;
    const appMs = this.#last === null ? 0 : clock.now() - this.#last.begunAt;
    const receipt = { queueMs: waited.queueMs, startMs: waited.startMs, appMs, parts: waited.parts ?? [] };
    log.info('answered after a start', { ...this.#last?.leg.name, method: this.#method, status, ...receiptFields(receipt) });
    return receipt;
  }
}
