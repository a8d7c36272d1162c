/**
 * A request's body, which may have to be sent more than once: what was read of
 * it is kept as long as it is small.
 */
import type { IncomingMessage } from 'node:http';
import type { Body, BodySink } from './wire/request.ts';

/** Bodies up to this size can be sent again, … */
const KEPT_BYTES = 1_048_576;

/** … as long as all that is kept, of all requests, is no more than this. */
const KEPT_IN_ALL = 67_108_864;

let keptInAll = 0;

export class RequestBody {
  readonly #req: IncomingMessage;
  readonly #mayRepeat: boolean;
  /** Called when the body is first wanted: the moment for 100-continue. */
  readonly #wanted: () => void;
  /** What was read so far; null: it was too much to keep. */
  #kept: Buffer[] | null = [];
  #keptBytes = 0;
  #flowing = false;
  #begun = false;
  #onBegun: (() => void) | null = null;
  #ended = false;
  #reader: Attempt | null = null;
  /** Whether nobody has said yet that the body is taken: until then no more is read than can be kept. */
  #gated = false;
  #stalled = false;

  /** `mayRepeat`: whether a body that was read in part may have to be sent again from its beginning. */
  constructor(req: IncomingMessage, mayRepeat: boolean, wanted: () => void) {
    this.#req = req;
    this.#mayRepeat = mayRepeat;
    this.#wanted = wanted;
  }

  /** Whether open() can be called once more. */
  get replayable(): boolean {
    return this.#kept !== null;
  }

  /** Whether all of it was read. */
  get complete(): boolean {
    return this.#ended;
  }

  /** Whether some of it, or its end, has come. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Reads until it has begun, and calls back then. */
  begin(then: () => void): void {
    this.#onBegun = then;
    this.#flow();
  }

  /**
   * The whole body from its beginning. What was opened before gives nothing more.
   * @param gated whether to send, until accepted() is called, no more than can be sent again; whatever the method
   */
  open(gated: boolean): Body {
    this.#gated = gated && this.#kept !== null;
    if (!this.#gated) this.#stalled = false;
    const attempt: Attempt = new Attempt(this.#kept ?? [], () => { this.#pull(attempt); }, () => { this.#release(attempt); });
    // What is kept comes first: nothing may arrive in between.
    if (this.#flowing) this.#req.pause();
    this.#reader = attempt;
    return attempt;
  }

  /** The one that it is sent to takes the request on. */
  accepted(): void {
    if (!this.#gated) return;
    this.#gated = false;
    if (this.#stalled) this.#req.resume();
    this.#stalled = false;
    if (!this.#mayRepeat) this.forget();
  }

  /** Reads the rest and throws it away, so that the connection can be used for another request. */
  discard(): void {
    this.#reader = null;
    this.#gated = false;
    this.#stalled = false;
    this.forget();
    this.#flow();
  }

  /** Gives up what was kept: the body will not be sent again. */
  forget(): void {
    keptInAll -= this.#keptBytes;
    this.#keptBytes = 0;
    this.#kept = null;
  }

  #keep(chunk: Buffer): void {
    if (this.#kept === null) return;
    if (this.#reader === null) {
      // It has begun, and goes to nobody yet: no more is read until it does.
      this.#req.pause();
    } else if (this.#gated) {
      // What has arrived is kept in any case: it is one chunk more than what is allowed.
      this.#stalled = this.#keptBytes + chunk.length > KEPT_BYTES || keptInAll + chunk.length > KEPT_IN_ALL;
    } else if (!this.#mayRepeat || this.#keptBytes + chunk.length > KEPT_BYTES || keptInAll + chunk.length > KEPT_IN_ALL) {
      this.forget();
      return;
    }
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    keptInAll += chunk.length;
  }

  #pull(attempt: Attempt): void {
    if (this.#reader !== attempt) return;
    if (this.#ended) attempt.give(null);
    else if (!this.#stalled) this.#flow();
  }

  #release(attempt: Attempt): void {
    if (this.#reader !== attempt) return;
    this.#reader = null;
    this.#req.pause();
  }

  #flow(): void {
    if (this.#flowing) {
      this.#req.resume();
      return;
    }
    this.#flowing = true;
    this.#wanted();
    this.#req.on('data', (chunk: Buffer) => {
      this.#keep(chunk);
      if ((this.#reader !== null && !this.#reader.give(chunk)) || this.#stalled) this.#req.pause();
      this.#hasBegun();
    });
    this.#req.on('end', () => {
      this.#ended = true;
      this.#reader?.give(null);
      this.#hasBegun();
    });
  }

  /** Last of all, for it may open() what begins with what has just been kept. */
  #hasBegun(): void {
    this.#begun = true;
    const then = this.#onBegun;
    this.#onBegun = null;
    then?.();
  }
}

/** One sending of the body: what was kept first, then what arrives. */
class Attempt implements Body {
  readonly #kept: Buffer[];
  readonly #pull: () => void;
  readonly #release: () => void;
  #sink: BodySink | null = null;
  #next = 0;

  constructor(kept: readonly Buffer[], pull: () => void, release: () => void) {
    this.#pull = pull;
    this.#release = release;
    // A copy: the list grows by what is pushed below.
    this.#kept = [...kept];
  }

  /** What comes after all that is kept; null: nothing more. @returns whether there is room for more */
  give(chunk: Buffer | null): boolean {
    if (this.#sink !== null && this.#next >= this.#kept.length) {
      if (chunk !== null) return this.#sink.give(chunk);
      const sink = this.#sink;
      this.#sink = null;
      sink.end();
      return true;
    }
    // Nobody has read what comes before it. The end is asked for once that has been read.
    if (chunk !== null) this.#kept.push(chunk);
    return false;
  }

  flow(sink: BodySink): void {
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    // What is given may break the connection, which stops this.
    while (this.#sink !== null) {
      const chunk = this.#kept[this.#next];
      if (chunk === undefined) {
        this.#pull();
        return;
      }
      this.#next++;
      if (!this.#sink.give(chunk)) return;
    }
  }

  stop(): void {
    this.#sink = null;
    this.#release();
  }
}
