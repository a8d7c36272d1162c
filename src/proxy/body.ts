/**
 * A request's body, which may have to be sent more than once: what was read of
 * it is kept as long as it is small.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Bodies up to this size can be sent again. */
export const KEPT_BYTES = 65536;

export class RequestBody {
  readonly #req: IncomingMessage;
  /** Called when the body is first wanted: the moment for 100-continue. */
  readonly #wanted: () => void;
  /** What was read so far; null: it was too much to keep. */
  #kept: Buffer[] | null = [];
  #bytes = 0;
  #flowing = false;
  #ended = false;
  #reader: Attempt | null = null;

  constructor(req: IncomingMessage, wanted: () => void) {
    this.#req = req;
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

  /** The whole body from its beginning. A stream opened before gets nothing more. */
  open(): Readable {
    const attempt: Attempt = new Attempt(this.#kept ?? [], () => { this.#pull(attempt); }, () => { this.#release(attempt); });
    this.#reader = attempt;
    return attempt;
  }

  /** Reads the rest and throws it away, so that the connection can be used for another request. */
  discard(): void {
    this.#reader = null;
    this.#kept = null;
    this.#flow();
  }

  #pull(attempt: Attempt): void {
    if (this.#reader !== attempt) return;
    if (this.#ended) attempt.push(null);
    else this.#flow();
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
      this.#bytes += chunk.length;
      if (this.#bytes > KEPT_BYTES) this.#kept = null;
      this.#kept?.push(chunk);
      if (this.#reader !== null && !this.#reader.push(chunk)) this.#req.pause();
    });
    this.#req.on('end', () => {
      this.#ended = true;
      this.#reader?.push(null);
    });
  }
}

/** One sending of the body: what was kept first, then what arrives. */
class Attempt extends Readable {
  readonly #kept: readonly Buffer[];
  readonly #pull: () => void;
  readonly #release: () => void;
  #next = 0;

  constructor(kept: readonly Buffer[], pull: () => void, release: () => void) {
    super({ highWaterMark: 65536 });
    // A copy: the list grows by what is pushed below.
    this.#kept = [...kept];
    this.#pull = pull;
    this.#release = release;
  }

  override _read(): void {
    const chunk = this.#kept[this.#next];
    if (chunk === undefined) {
      this.#pull();
      return;
    }
    this.#next++;
    this.push(chunk);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release();
    callback(error);
  }
}
