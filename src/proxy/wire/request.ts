/** A request as it goes out. */

/** Where a body goes. */
export interface BodySink {
  /** Takes it in any case. @returns whether there is room for more; if not, resume() will be called */
  give(chunk: Buffer): boolean;
  /** That was all. */
  end(): void;
}

/** A body that comes as it is asked for. */
export interface Body {
  /** Begins to give; what there is already, at once. */
  flow(sink: BodySink): void;
  /** There is room again. */
  resume(): void;
  /** No more of it is wanted. */
  stop(): void;
}

export interface Request {
  readonly method: string;
  /** The request target. */
  readonly path: string;
  /** Names and values in turn, Host among them; none that frames the message. */
  readonly headers: readonly string[];
  /** Bytes of the body; null: as many as come. Without a body of no account. */
  readonly length: number | null;
  readonly body: Body | null;
}

/** A request that would not be the one that was meant. */
export class Unsendable extends Error {
  override readonly name = 'Unsendable';
  readonly code = 'ERR_UNSENDABLE';
}

/** Methods for whose requests a body is expected: that there is none is said (RFC 9110 8.6). */
const EXPECTS_BODY: ReadonlySet<string> = new Set(['PUT', 'POST', 'PATCH']);

/** What would end a line, or the reading of it. Node's parser lets none of it in; here it is seen that nothing else does. */
const BREAKS_LINES = /[\0\r\n]/;

/** Each character as a byte: what is beyond ISO 8859-1 would become another one. */
const WIDE = /[^\0-\xff]/;

/**
 * The head, ISO 8859-1. To servers that close connections unless asked not to (HTTP/1.0) the wish to keep it is told.
 * @throws Unsendable
 */
export function headOf({ method, path, headers, length, body }: Request): string {
  let head = `${method} ${path} HTTP/1.1`;
  if (BREAKS_LINES.test(head) || path.includes(' ')) throw new Unsendable('the request line would be another one');
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]];
    if (BREAKS_LINES.test(value) || BREAKS_LINES.test(name)) throw new Unsendable(`the field ${JSON.stringify(name)} would be another one`);
    head += `\r\n${name}: ${value}`;
  }
  if (WIDE.test(head)) throw new Unsendable('the head has characters that are no bytes');
  head += reuses(method) ? '\r\nConnection: keep-alive' : '\r\nConnection: close';
  if (body === null) return EXPECTS_BODY.has(method) ? `${head}\r\nContent-Length: 0\r\n\r\n` : `${head}\r\n\r\n`;
  return length === null ? `${head}\r\nTransfer-Encoding: chunked\r\n\r\n` : `${head}\r\nContent-Length: ${length}\r\n\r\n`;
}

/** Whether a connection can be used again after a request: not after HEAD, whose answer some servers send with a body. */
export function reuses(method: string): boolean {
  return method !== 'HEAD';
}
