/**
 * An app's answer on its way to the client: held back for a moment if it is short and the request could be made again
 * (held-answer.ts), else passed on as it comes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from './clock.ts';
import { outbound } from './headers.ts';
import { HeldAnswer, isShort } from './held-answer.ts';

interface Head {
  readonly status: number;
  readonly reason: string;
  readonly fields: string[];
}

export interface ReplyOptions {
  readonly clock: Clock;
  /** Whether the request may be made again as long as nothing of its answer has left. */
  readonly repeatable: boolean;
  /** Called when the head is about to leave: the request cannot be made again from here on. Adds its own fields. */
  readonly leaving: (status: number, fields: string[]) => void;
}

export class Reply {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #options: ReplyOptions;
  #controller: Dispatcher.DispatchController | null = null;
  #head: Head | null = null;
  #held: HeldAnswer | null = null;
  #listensForDrain = false;

  constructor(req: IncomingMessage, res: ServerResponse, options: ReplyOptions) {
    this.#req = req;
    this.#res = res;
    this.#options = options;
  }

  /** The head has come, of an answer that is the client's. */
  begin(controller: Dispatcher.DispatchController, status: number, statusMessage: string | undefined, raw: readonly (Buffer | string)[]): void {
    this.#controller = controller;
    // Trailers need chunks: not after a Content-Length, not to HTTP/1.0, not where there is no body.
    const fields = outbound(raw, this.#req.httpVersion === '1.1' && this.#req.method !== 'HEAD' && status !== 204 && status !== 304);
    this.#head = { status, reason: reason(statusMessage), fields };
    if (this.#options.repeatable && isShort(fields)) {
      this.#held = new HeldAnswer(this.#options.clock, () => { this.#heldTooLong(controller); });
      return;
    }
    this.#writeHead();
    // Else node keeps the head until there is a body to go with it: an event stream may have none for long.
    process.nextTick(flush, this.#res);
  }

  data(chunk: Buffer): void {
    if (this.#held === null) this.#write(chunk);
    else this.#held.chunks.push(chunk);
  }

  end(trailers: readonly (Buffer | string)[]): void {
    this.#letGo();
    if (trailers.length > 0 && this.#res.chunkedEncoding) this.#res.addTrailers(cleanTrailers(trailers));
    this.#controller = null;
    this.#res.end();
  }

  /** The answer broke off: what was held of it is nobody's. */
  drop(): void {
    this.#controller = null;
    this.#held?.end();
    this.#held = null;
  }

  /** 103 Early Hints. */
  hints(raw: readonly (Buffer | string)[]): void {
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

  #writeHead(): void {
    if (this.#head === null) return;
    const { status, reason: phrase, fields } = this.#head;
    this.#options.leaving(status, fields);
    this.#res.writeHead(status, phrase, fields);
  }

  #write(chunk: Buffer): void {
    if (this.#res.write(chunk)) return;
    this.#controller?.pause();
    if (this.#listensForDrain) return;
    this.#listensForDrain = true;
    this.#res.on('drain', () => { this.#controller?.resume(); });
  }

  /** Passes on what was held of the answer; what is still to come follows as it comes. */
  #letGo(): void {
    const held = this.#held;
    if (held === null) return;
    held.end();
    this.#held = null;
    this.#writeHead();
    for (const chunk of held.chunks) this.#write(chunk);
    process.nextTick(flush, this.#res);
  }

  #heldTooLong(controller: Dispatcher.DispatchController): void {
    try {
      this.#letGo();
    } catch (error) {
      // Within undici's calls it would come to the same; here nobody else would catch it.
      controller.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function flush(res: ServerResponse): void {
  if (!res.writableEnded && !res.destroyed) res.flushHeaders();
}

/** A reason phrase that node accepts, or none. */
function reason(text: string | undefined): string {
  return text !== undefined && /^[\t\x20-\x7e\x80-\xff]*$/.test(text) ? text : '';
}

const NEVER_IN_TRAILERS: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-type', 'host', 'set-cookie', 'trailer']);

/** Trailers as addTrailers() takes them; fields that frame or route a message have no place there (RFC 9110 6.5.1). */
function cleanTrailers(raw: readonly (Buffer | string)[]): [string, string][] {
  const fields = outbound(raw, false);
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]];
    if (!NEVER_IN_TRAILERS.has(name.toLowerCase())) pairs.push([name, value]);
  }
  return pairs;
}
