/** Makes answers of the bytes of a connection. */
import { Llhttp, type ParserEvents } from './llhttp.ts';
import { NotHttp } from './not-http.ts';

/** Who is told of an answer: of its beginning, its head, its body, its end. */
export interface AnswerSink {
  begin(): void;
  /**
   * @param fields names and values in turn, as ISO 8859-1
   * @returns whether a body can follow
   */
  head(status: number, phrase: string, fields: string[], keepAlive: boolean): boolean;
  /** The bytes from `start` on, up to `end`, of those that execute() was given. */
  body(start: number, end: number): void;
  complete(trailers: string[]): void;
}

/** What a head, or trailers, may have. */
const MOST_BYTES = 65_536;

const [PHRASE, NAME, VALUE] = [0, 1, 2];

const NOTHING = Buffer.alloc(0);

export class AnswerParser implements ParserEvents {
  readonly #sink: AnswerSink;
  readonly #llhttp = new Llhttp(this);
  /** What is being parsed. */
  #bytes: Buffer = NOTHING;
  /** Pieces of the head in it: what each is, its start and its end. They become strings all at once: decoding has its price however short a piece is. */
  #pieces: number[] = [];
  #phrase = '';
  #fields: string[] = [];
  #size = 0;
  #interim = false;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Parses. @throws NotHttp, and whatever the sink throws; the connection is of no use then */
  execute(bytes: Buffer, length: number): void {
    this.#bytes = bytes;
    try {
      this.#llhttp.execute(bytes, length);
      this.#settle();
    } finally {
      this.#bytes = NOTHING;
    }
  }

  /** Whether an answer lasts until the connection ends. */
  get needsEnd(): boolean {
    return this.#llhttp.needsEnd;
  }

  /** The connection has ended. @throws NotHttp */
  finish(): void {
    this.#llhttp.finish();
  }

  /** It will not be used any more. */
  free(): void {
    this.#llhttp.free();
  }

  //--- what llhttp tells ---

  onMessageBegin(): void {
    this.#phrase = '';
    this.#fields = [];
    this.#size = 0;
    this.#sink.begin();
  }

  onStatus(at: number, length: number): void {
    this.#piece(PHRASE, at, length);
  }

  onHeaderField(at: number, length: number): void {
    this.#piece(NAME, at, length);
  }

  onHeaderValue(at: number, length: number): void {
    this.#piece(VALUE, at, length);
  }

  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): boolean {
    this.#settle();
    const fields = trimmed(this.#fields);
    this.#fields = [];
    this.#size = 0;
    this.#interim = status < 200;
    if (status < 100) throw new NotHttp('HPE_INVALID_STATUS', `its status is ${status}`);
    // No request here asks for another protocol.
    if (upgrade) throw new NotHttp('HPE_PAUSED_UPGRADE', 'it changes the protocol, for which nobody has asked');
    return this.#sink.head(status, this.#phrase, fields, keepAlive) && !this.#interim;
  }

  onBody(at: number, length: number): void {
    this.#sink.body(at, at + length);
  }

  onMessageComplete(): void {
    this.#settle();
    if (!this.#interim) this.#sink.complete(trimmed(this.#fields));
  }

  #piece(part: number, at: number, length: number): void {
    this.#size += length;
    if (this.#size > MOST_BYTES) throw new NotHttp('HPE_HEADER_OVERFLOW', `its head has more than ${MOST_BYTES} bytes`);
    this.#pieces.push(part, at, at + length);
  }

  /** Makes strings of the pieces. One that was cut in two by the end of what was read is put together. */
  #settle(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    const from = pieces[1] ?? 0;
    const whole = this.#bytes.toString('latin1', from, pieces.at(-1));
    const fields = this.#fields;
    for (let i = 0; i < pieces.length; i += 3) {
      const text = whole.slice((pieces[i + 1] ?? 0) - from, (pieces[i + 2] ?? 0) - from);
      if (pieces[i] === PHRASE) this.#phrase += text;
      // A name follows an even number of names and values, and a value an odd one: else it is more of the last.
      else if ((fields.length % 2 === 0) === (pieces[i] === NAME)) fields.push(text);
      else fields.push((fields.pop() ?? '') + text);
    }
    pieces.length = 0;
  }
}

/** The white space after a value, which llhttp leaves there, is none of it (RFC 9110 5.5). */
function trimmed(fields: string[]): string[] {
  for (let i = 1; i < fields.length; i += 2) {
    const value = fields[i] ?? '';
    let end = value.length;
    while (end > 0 && (value[end - 1] === ' ' || value[end - 1] === '\t')) end--;
    if (end < value.length) fields[i] = value.slice(0, end);
  }
  return fields;
}
