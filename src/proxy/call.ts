/**
 * One attempt at an answer: the request on its way over a leg, and what undici tells of it. undici's older handler
 * methods, which leave the fields of an answer as they came: with the newer ones it makes an object of them that
 * nobody here reads.
 */
import type { Dispatcher } from 'undici';
import type { Leg } from './leg.ts';

/** Whose request it is. */
export interface Caller {
  /** It has a connection, and is sent now. */
  sending(call: Call): void;
  /** The head of an answer, or of what comes before one (1xx). */
  head(call: Call, status: number, phrase: string, raw: readonly Buffer[]): void;
  data(chunk: Buffer): void;
  complete(trailers: readonly (Buffer | string)[]): void;
  /** There will be no (more of an) answer. */
  failed(call: Call, error: Error): void;
}

export class Call implements Dispatcher.DispatchHandler {
  readonly leg: Leg;
  /** When it began, on the proxy's clock. */
  readonly begunAt: number;
  readonly #caller: Caller;
  #abort: ((error: Error) => void) | null = null;
  #resume: (() => void) | null = null;
  #paused = false;

  constructor(leg: Leg, caller: Caller, now: number) {
    this.leg = leg;
    this.begunAt = now;
    this.#caller = caller;
  }

  /** Whether it had a connection, so that some of it may have been sent. */
  get sent(): boolean {
    return this.#abort !== null;
  }

  /** Ends it, if it is sent; `failed` is told with this error. */
  abort(error: Error): void {
    this.#abort?.(error);
  }

  /** Asks for no more of the answer for now. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resume?.();
  }

  //--- what undici tells ---

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    this.#caller.sending(this);
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, phrase: string): boolean {
    this.#resume = resume;
    this.#caller.head(this, status, phrase, raw);
    return !this.#paused;
  }

  onData(chunk: Buffer): boolean {
    // undici's parser has a chunk of nothing each time that it was stopped within a body.
    if (chunk.length > 0) this.#caller.data(chunk);
    return !this.#paused;
  }

  onComplete(trailers: readonly (Buffer | string)[] | null): void {
    this.#caller.complete(trailers ?? []);
  }

  onError(error: Error): void {
    this.#caller.failed(this, error);
  }
}
