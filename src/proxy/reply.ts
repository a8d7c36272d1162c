/**
 * An app's answer on its way to the client. What comes of it in one turn of the event loop leaves together, and with
 * what goes to others (turn.ts). A short one is held back for a moment if the request could be made again: as long as
 * nothing of it has left, an app may die within its answer, and the client sees nothing of that. Whoever streams says
 * no length, and is passed on as it comes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asError } from './as-error.ts';
import type { Call } from './call.ts';
import type { Alarm, Clock } from './clock.ts';
import { field } from './fields.ts';
import { outbound } from './headers.ts';
import { atTurnEnd, type Task } from './turn.ts';
import type { Lender } from './wire/wire.ts';
import { writeLent, writeNow, writeWhole } from './write.ts';

/** Answers up to this size are held, … */
const HELD_BYTES = 262_144;

/** … and none for longer: an app that sends a short answer slowly may have a reason. */
const HELD_MS = 200;

interface Head {
  readonly status: number;
  readonly phrase: string;
  readonly fields: string[];
}

/** Whose answer it is. */
export interface Replier {
  /** Whether the request may be made again as long as nothing of its answer has left. */
  readonly repeatable: boolean;
  /** The head is about to leave: the request cannot be made again from here on. Adds its own fields. */
  leaving(status: number, fields: string[]): void;
  /** It cannot be written: node finds its head malformed. Nothing of it has left. */
  unwritable(error: Error): void;
}

export class Reply implements Task {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #clock: Clock;
  readonly #replier: Replier;
  #call: Call | null = null;
  #head: Head | null = null;
  /** What came and has not left; null: there is no answer, or it leaves as it comes. */
  #gathered: Buffer[] | null = null;
  /** Whether it is held back beyond the end of the turn. */
  #held = false;
  #alarm: Alarm | null = null;
  /** Whether the end of the turn is awaited. */
  #turning = false;
  /** Of an answer that has come to its end. */
  #trailers: readonly string[] | null = null;
  #listensForDrain = false;

  constructor(req: IncomingMessage, res: ServerResponse, clock: Clock, replier: Replier) {
    this.#req = req;
    this.#res = res;
    this.#clock = clock;
    this.#replier = replier;
  }

  /** The head has come, of an answer that is the client's. */
  begin(call: Call, status: number, phrase: string, raw: readonly string[]): void {
    this.#call = call;
    // Trailers need chunks: not after a Content-Length, not to HTTP/1.0, not where there is no body.
    const fields = outbound(raw, this.#req.httpVersion === '1.1' && this.#req.method !== 'HEAD' && status !== 204 && status !== 304);
    this.#head = { status, phrase: clean(phrase), fields };
    this.#gathered = [];
    this.#held = this.#replier.repeatable && isShort(fields);
    this.#untilTurnEnds();
  }

  data(chunk: Buffer, lender: Lender | null): void {
    // Much at once is not worth a copy.
    if (lender !== null && !this.#held && !this.#release()) return;
    if (this.#gathered === null) this.#write(chunk, lender);
    else this.#gathered.push(lender === null ? chunk : Buffer.from(chunk));
  }

  end(trailers: readonly string[]): void {
    this.#call = null;
    this.#trailers = trailers;
    if (this.#gathered !== null) this.#untilTurnEnds();
    else this.#finish();
  }

  /** The answer broke off: what is here of it is nobody's. */
  drop(): void {
    this.#call = null;
    this.#settle();
  }

  /** 103 Early Hints. */
  hints(raw: readonly string[]): void {
    if (this.#req.httpVersion !== '1.1' || this.#res.headersSent) return;
    const fields = outbound(raw, false);
    const links: string[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const value = fields[i + 1];
      // Node takes one link at a time.
      if (fields[i]?.toLowerCase() === 'link' && value !== undefined) links.push(...value.split(/,\s*(?=<)/));
    }
    try {
      if (links.length > 0) this.#res.writeEarlyHints({ link: links });
    } catch {
      // Node finds them malformed. They were hints.
    }
  }

  turnEnds(): void {
    this.#turning = false;
    if (this.#gathered === null) return;
    if (this.#trailers !== null) this.#whole(this.#gathered);
    else if (this.#held) this.#alarm ??= this.#clock.after(HELD_MS, () => { this.#release(); });
    else this.#release();
  }

  #untilTurnEnds(): void {
    if (this.#turning) return;
    this.#turning = true;
    atTurnEnd(this);
  }

  /** All of it has come, and leaves. */
  #whole(chunks: readonly Buffer[]): void {
    if (!this.#begun()) return;
    if (!this.#res.chunkedEncoding) {
      writeWhole(this.#res, chunks);
      return;
    }
    // Chunks, trailers and the end by one writev(): end() uncorks.
    this.#res.socket?.cork();
    for (const chunk of chunks) this.#res.write(chunk);
    this.#finish();
  }

  /** What is here of it leaves, and what is still to come as it comes. @returns whether it can be written */
  #release(): boolean {
    const chunks = this.#gathered;
    if (chunks === null) return true;
    if (!this.#begun()) return false;
    // Node keeps the head until there is a body to go with it: an event stream may have none for long.
    if (chunks.length === 0) this.#res.flushHeaders();
    for (const chunk of chunks) this.#write(chunk, null);
    if (this.#trailers !== null) this.#finish();
    return true;
  }

  /** Nothing is gathered any more. */
  #settle(): void {
    this.#gathered = null;
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  /** Nothing is gathered any more, and the head goes out with the next write. @returns whether it can */
  #begun(): boolean {
    this.#settle();
    if (this.#head === null) return false;
    const { status, phrase, fields } = this.#head;
    this.#replier.leaving(status, fields);
    try {
      this.#res.writeHead(status, phrase, fields);
      return true;
    } catch (error) {
      this.#replier.unwritable(asError(error));
      return false;
    }
  }

  #write(chunk: Buffer, lender: Lender | null): void {
    if (lender === null ? writeNow(this.#res, chunk) : writeLent(this.#res, chunk, lender)) return;
    this.#call?.pause();
    if (this.#listensForDrain) return;
    this.#listensForDrain = true;
    this.#res.on('drain', () => { this.#call?.resume(); });
  }

  #finish(): void {
    const trailers = this.#trailers ?? [];
    try {
      if (trailers.length > 0 && this.#res.chunkedEncoding) this.#res.addTrailers(cleanTrailers(trailers));
    } catch {
      // Node finds them malformed. The answer is whole without them.
    }
    this.#res.end();
  }
}

/** Whether an answer with these fields (names and values in turn) is short enough to be held. */
function isShort(fields: readonly string[]): boolean {
  const length = field(fields, 'content-length');
  return length !== undefined && Number(length) <= HELD_BYTES;
}

/** A reason phrase that node accepts, or none. */
function clean(phrase: string): string {
  return phrase === 'OK' || /^[\t\x20-\x7e\x80-\xff]*$/.test(phrase) ? phrase : '';
}

const NEVER_IN_TRAILERS: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-type', 'host', 'set-cookie', 'trailer']);

/** Trailers as addTrailers() takes them; fields that frame or route a message have no place there (RFC 9110 6.5.1). */
function cleanTrailers(raw: readonly string[]): [string, string][] {
  const fields = outbound(raw, false);
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]];
    if (!NEVER_IN_TRAILERS.has(name.toLowerCase())) pairs.push([name, value]);
  }
  return pairs;
}
