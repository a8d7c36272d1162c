/**
 * An app's answer on its way to the client: held back for a moment if it is short and the request could be made again
 * (held-answer.ts), else passed on as it comes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Call } from './call.ts';
import type { Clock } from './clock.ts';
import { outbound } from './headers.ts';
import { HeldAnswer, isShort } from './held-answer.ts';
import { writeLent, writeNow, writeWhole } from './write.ts';

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
}

export class Reply {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #clock: Clock;
  readonly #replier: Replier;
  #call: Call | null = null;
  #head: Head | null = null;
  #held: HeldAnswer | null = null;
  /** Whether some of the body was written, and the head with it. */
  #written = false;
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
    if (this.#replier.repeatable && isShort(fields)) {
      this.#held = new HeldAnswer(this.#clock, () => { this.#heldTooLong(call); });
      return;
    }
    this.#writeHead();
    process.nextTick(flush, this);
  }

  data(chunk: Buffer, lent: boolean): void {
    if (this.#held === null) this.#write(chunk, lent);
    else this.#held.chunks.push(lent ? Buffer.from(chunk) : chunk);
  }

  end(trailers: readonly string[]): void {
    this.#call = null;
    const held = this.#held;
    if (held !== null) {
      held.end();
      this.#held = null;
      this.#writeHead();
      writeWhole(this.#res, held.chunks);
      return;
    }
    if (trailers.length > 0 && this.#res.chunkedEncoding) this.#res.addTrailers(cleanTrailers(trailers));
    this.#res.end();
  }

  /** The answer broke off: what was held of it is nobody's. */
  drop(): void {
    this.#call = null;
    this.#held?.end();
    this.#held = null;
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

  /** Node keeps the head until there is a body to go with it: an event stream may have none for long. */
  flush(): void {
    if (!this.#written && !this.#res.writableEnded && !this.#res.destroyed) this.#res.flushHeaders();
  }

  #writeHead(): void {
    if (this.#head === null) return;
    const { status, phrase, fields } = this.#head;
    this.#replier.leaving(status, fields);
    this.#res.writeHead(status, phrase, fields);
  }

  #write(chunk: Buffer, lent: boolean): void {
    this.#written = true;
    if (lent ? writeLent(this.#res, chunk) : writeNow(this.#res, chunk)) return;
    this.#call?.pause();
    if (this.#listensForDrain) return;
    this.#listensForDrain = true;
    this.#res.on('drain', () => { this.#call?.resume(); });
  }

  /** Passes on what was held of the answer; what is still to come follows as it comes. */
  #heldTooLong(call: Call): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    try {
      this.#writeHead();
      if (held.chunks.length === 0) this.#res.flushHeaders();
      for (const chunk of held.chunks) this.#write(chunk, false);
    } catch (error) {
      // Within the call's own telling it would come to the same; here nobody else would catch it.
      call.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function flush(reply: Reply): void {
  reply.flush();
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
