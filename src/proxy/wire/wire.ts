/** One connection to an app or to another host's fc-proxy: a request out, its answer in, and the next. */
import type { OnReadOpts, Socket } from 'node:net';
import { asError } from '../as-error.ts';
import { field } from '../fields.ts';
import { AnswerParser, type AnswerSink } from './answer-parser.ts';
import { NotHttp } from './not-http.ts';
import { OwnBuffer, SHARED } from './read-buffers.ts';
import { reuses, Unsendable, type BodySink, type Request } from './request.ts';

/** Who is told what becomes of a request. Nothing comes after complete() or failed(). */
export interface Answered {
  /** It has a connection, and is sent now. */
  sending(wire: Wire): void;
  /** The head of the answer, or of what comes before one (1xx). */
  head(status: number, phrase: string, fields: readonly string[]): void;
  /**
   * Some of the body.
   * @param lender the bytes are only lent, and good until this returns, or if it calls lend(), until it calls what that
   *   has returned; meanwhile nothing is read. Null: they are given away
   */
  data(chunk: Buffer, lender: Lender | null): void;
  complete(trailers: readonly string[]): void;
  /** There will be no (more of an) answer. */
  failed(error: Error): void;
}

/** A request on its way. */
export interface Sending {
  readonly request: Request;
  /** headOf(request). */
  readonly head: string;
  readonly answered: Answered;
}

/** Whose bytes are lent. */
export type Lender = Pick<OwnBuffer, 'lend'>;

/** Whose connection it is. */
export interface WireOwner {
  /** It can take another request. */
  free(wire: Wire): void;
  /** It has ended, or is of no more use. */
  gone(wire: Wire): void;
}

/** The connection ended before the answer did. */
export class WireClosed extends Error {
  override readonly name = 'WireClosed';
  readonly code: string;

  constructor(message: string, code = 'ECONNRESET') {
    super(message);
    this.code = code;
  }
}

/** From this size on a part of a body is lent instead of copied; and a read of less says that no more is there for now. */
const LENT_BYTES = 65_536;

export class Wire implements AnswerSink, BodySink {
  readonly #owner: WireOwner;
  /** Null: not connected yet, or not any more. */
  #socket: Socket | null = null;
  #parser: AnswerParser | null = null;
  #request: Request | null = null;
  #answered: Answered | null = null;
  /** Bytes of the request's body so far; null: all of the request is sent. */
  #sentBytes: number | null = null;
  /** Whether the head of the answer (no 1xx) has come, and whether all of it has. */
  #headCame = false;
  #complete = false;
  /** Whether the connection outlives the answer, as the server says. */
  #keepAlive = false;
  /** What the server says of how long, in seconds; null: nothing. */
  #hintS: number | null = null;
  #paused = false;
  #own: OwnBuffer | null = null;
  /** What is being parsed. */
  #bytes: Buffer = SHARED;
  /** When it became free, on its owner's clock. */
  freeSince = 0;

  constructor(owner: WireOwner) {
    this.#owner = owner;
  }

  /** How its socket is to read. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#own?.bytes ?? SHARED,
    callback: (length, bytes) => {
      this.#read(length, Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      return true;
    },
  };

  /** The server's hint on how long the connection may be idle, in seconds; null: none. */
  get hintS(): number | null {
    return this.#hintS;
  }

  /** Has its connection, which reads as `onread` says. Silence for `silenceMs` ends it. */
  connected(socket: Socket, silenceMs: number): void {
    this.#socket = socket;
    this.#parser = new AnswerParser(this);
    socket.on('drain', () => { this.#request?.body?.resume(); });
    socket.on('end', () => { this.#ended(); });
    socket.on('error', (error) => { this.#break(error); });
    socket.on('close', () => { this.#break(new WireClosed('the connection was closed')); });
    socket.setTimeout(silenceMs, () => { this.#break(new WireClosed(`nothing came for ${silenceMs} ms`, 'ERR_SILENT')); });
  }

  /** Sends a request. */
  send({ request, head, answered }: Sending): void {
    this.#request = request;
    this.#answered = answered;
    this.#headCame = this.#complete = this.#keepAlive = false;
    const { body } = request;
    this.#sentBytes = body === null ? null : 0;
    answered.sending(this);
    const socket = this.#socket;
    if (socket === null || this.#answered === null) return;
    if (body === null) {
      socket.write(head, 'latin1');
      return;
    }
    // One write for the head and what there is of the body.
    socket.cork();
    socket.write(head, 'latin1');
    body.flow(this);
    socket.uncork();
  }

  /** Ends the connection; `failed` is told with this error, unless all has come. */
  abort(error: Error): void {
    this.#break(error);
  }

  /** Asks for no more of the answer for now. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#paused && this.#own?.lent !== true) this.#socket?.resume();
  }

  //--- the request's body ---

  give(chunk: Buffer): boolean {
    const socket = this.#socket;
    if (socket === null || this.#request === null || this.#sentBytes === null) return true;
    this.#sentBytes += chunk.length;
    const { length } = this.#request;
    if (length === null) {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      socket.write('\r\n', 'latin1');
      socket.uncork();
    } else if (this.#sentBytes <= length) {
      socket.write(chunk);
    } else {
      this.#break(new Unsendable(`the body has more than the ${length} bytes that were announced`));
    }
    // Node counts as waiting what it has already given to the kernel in this turn of the event loop.
    return socket.writableLength === 0 || !socket.writableNeedDrain;
  }

  end(): void {
    const socket = this.#socket;
    if (socket === null || this.#request === null || this.#sentBytes === null) return;
    const { length } = this.#request;
    if (length === null) socket.write('0\r\n\r\n', 'latin1');
    else if (this.#sentBytes < length) this.#break(new Unsendable(`the body has ${this.#sentBytes} bytes and not the ${length} that were announced`));
    this.#sentBytes = null;
  }

  //--- the answer ---

  #read(length: number, bytes: Buffer): void {
    this.#bytes = bytes;
    try {
      this.#parser?.execute(bytes, length);
    } catch (error) {
      this.#break(asError(error));
      return;
    } finally {
      this.#bytes = SHARED;
    }
    if (this.#complete) this.#next();
    else if (this.#own?.lent === true) this.#socket?.pause();
    else if (bytes === SHARED && length === bytes.length && this.#socket !== null) this.#own = new OwnBuffer(() => { this.#goOn(); });
    else if (length < LENT_BYTES) this.#disown();
  }

  /** Who sends little, or nothing for a while, needs no buffer of its own. */
  #disown(): void {
    this.#own?.done();
    this.#own = null;
  }

  begin(): void {
    if (this.#answered === null || this.#headCame) throw new NotHttp('HPE_UNEXPECTED', 'an answer that nobody has asked for');
  }

  head(status: number, phrase: string, fields: string[], keepAlive: boolean): boolean {
    if (status >= 200) {
      this.#headCame = true;
      this.#keepAlive = keepAlive;
      this.#hintS = keepAlive ? hintOf(fields) : null;
    }
    this.#answered?.head(status, phrase, fields);
    return this.#request?.method !== 'HEAD';
  }

  body(start: number, end: number): void {
    const bytes = this.#bytes;
    const part = bytes.subarray(start, end);
    const own = bytes === this.#own?.bytes;
    if (own && part.length >= LENT_BYTES) this.#answered?.data(part, this.#own);
    else this.#answered?.data(own || bytes === SHARED ? Buffer.from(part) : part, null);
  }

  complete(trailers: string[]): void {
    const answered = this.#answered;
    this.#answered = null;
    this.#complete = true;
    answered?.complete(trailers);
  }

  /** All of the answer has come, and nothing after it. */
  #next(): void {
    const request = this.#request;
    this.#request = null;
    const unsent = this.#sentBytes !== null;
    if (unsent) request?.body?.stop();
    this.#disown();
    if (unsent || !this.#keepAlive || request === null || !reuses(request.method)) {
      this.#close();
      return;
    }
    this.resume();
    this.#owner.free(this);
  }

  /** The server has closed its side. */
  #ended(): void {
    if (this.#socket === null) return;
    if (this.#headCame && !this.#complete && this.#parser?.needsEnd === true) {
      try {
        this.#parser.finish();
      } catch (error) {
        this.#break(asError(error));
        return;
      }
      this.#next();
      return;
    }
    this.#break(new WireClosed('the other side closed the connection'));
  }

  #break(error: Error): void {
    const answered = this.#answered;
    this.#answered = null;
    if (this.#socket !== null) {
      if (this.#sentBytes !== null) this.#request?.body?.stop();
      this.#close();
    }
    answered?.failed(error);
  }

  #close(): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.#request = null;
    this.#disown();
    socket.destroy();
    // Not within its own call.
    const parser = this.#parser;
    this.#parser = null;
    setImmediate(() => { parser?.free(); });
    this.#owner.gone(this);
  }
}

/** `Keep-Alive: timeout=5`. */
function hintOf(fields: readonly string[]): number | null {
  const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d+)/i.exec(field(fields, 'keep-alive') ?? '')?.[1];
  return seconds === undefined ? null : Number(seconds);
}
