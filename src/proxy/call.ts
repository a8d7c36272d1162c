/** One attempt at an answer: the request on its way over a leg, and what comes back. */
import type { Leg } from './leg.ts';
import type { Answered, Lender, Wire } from './wire/wire.ts';

/** Whose request it is. */
export interface Caller {
  /** It has a connection, and is sent now. */
  sending(call: Call): void;
  /** The head of an answer, or of what comes before one (1xx). */
  head(call: Call, status: number, phrase: string, fields: readonly string[]): void;
  /** @param lender see Answered */
  data(chunk: Buffer, lender: Lender | null): void;
  complete(trailers: readonly string[]): void;
  /** There will be no (more of an) answer. */
  failed(call: Call, error: Error): void;
}

export class Call implements Answered {
  readonly leg: Leg;
  /** When it began, on the proxy's clock. */
  readonly begunAt: number;
  readonly #caller: Caller;
  /** Whether it had a connection, so that some of it may have been sent. */
  sent = false;
  /** Null: it has none yet, or none any more, which may serve another request by now. */
  #wire: Wire | null = null;

  constructor(leg: Leg, caller: Caller, now: number) {
    this.leg = leg;
    this.begunAt = now;
    this.#caller = caller;
  }

  /** Ends it, if it is sent; `failed` is told with this error. */
  abort(error: Error): void {
    this.#wire?.abort(error);
  }

  /** Asks for no more of the answer for now. */
  pause(): void {
    this.#wire?.pause();
  }

  resume(): void {
    this.#wire?.resume();
  }

  //--- what becomes of it ---

  sending(wire: Wire): void {
    this.sent = true;
    this.#wire = wire;
    this.#caller.sending(this);
  }

  head(status: number, phrase: string, fields: readonly string[]): void {
    this.#caller.head(this, status, phrase, fields);
  }

  data(chunk: Buffer, lender: Lender | null): void {
    this.#caller.data(chunk, lender);
  }

  complete(trailers: readonly string[]): void {
    this.#wire = null;
    this.#caller.complete(trailers);
  }

  failed(error: Error): void {
    this.#wire = null;
    this.#caller.failed(this, error);
  }
}
