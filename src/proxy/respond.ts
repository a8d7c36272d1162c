/** Turns a Problem into an HTTP answer: a page for a person, problem+json (RFC 9457) for a program. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEMS, type Problem } from './problem.ts';

export interface Answer {
  readonly status: number;
  readonly title: string;
  /** Flat name/value list, without Connection. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** Quality that an Accept field gives to a media type, RFC 9110 12.5.1; ranges like text/* are left out of account. */
function quality(accept: string, type: string): number {
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (name !== type) continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const value = q === undefined ? 1 : Number(q.slice(2));
    return Number.isFinite(value) ? value : 0;
  }
  return 0;
}

/** Whether the reader asked for HTML by name, and for no JSON before it. curl and fetch() do not. */
export function wantsPage(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const html = quality(accept, 'text/html');
  return html > 0 && html >= Math.max(quality(accept, 'application/json'), quality(accept, 'application/problem+json'));
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function page(status: number, title: string, detail: string, retry: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${status} ${title}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.3rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } }
</style>
<h1>${status} ${title}</h1>
<p>${escape(detail)}</p>
${retry === '' ? '' : `<p>${escape(retry)}</p>\n`}</html>
`;
}

/**
 * The answer to a problem, for a client that sent this Accept field.
 * @param more fields for another fc-proxy, which is to know that it is no app's
 */
export function answerTo(problem: Problem, accept: string | undefined, more: readonly string[] = []): Answer {
  const { status, title } = PROBLEMS[problem.kind];
  const seconds = problem.retryAfterS === null ? null : Math.max(1, Math.ceil(problem.retryAfterS));
  const person = wantsPage(accept);
  const body = person
    ? page(status, title, problem.message, seconds === null ? '' : `Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`)
    : `${JSON.stringify({ type: `urn:fastcontainer:problem:${problem.kind}`, title, status, detail: problem.message })}\n`;
  const fields = [
    'Content-Type', person ? 'text/html; charset=utf-8' : 'application/problem+json',
    'Content-Length', String(Buffer.byteLength(body)),
    'Cache-Control', 'no-store',
    'Vary', 'Accept',
    ...more,
  ];
  if (seconds !== null) fields.push('Retry-After', String(seconds));
  return { status, title, fields, body };
}

/** Answers a request whose response has not begun. HEAD gets no body: node leaves it out. */
export function respond(res: ServerResponse, answer: Answer, close: boolean): void {
  res.writeHead(answer.status, answer.title, close ? [...answer.fields, 'Connection', 'close'] : [...answer.fields]);
  res.end(answer.body);
}

/** How long a client may take to read an answer that ends its connection, and to close its side. */
const GOODBYE_MS = 2000;

/** Answers on a bare connection, where node has no response object, and ends it. */
export function respondRaw(socket: Duplex, answer: Answer): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  let head = `HTTP/1.1 ${answer.status} ${answer.title}\r\n`;
  for (let i = 0; i + 1 < answer.fields.length; i += 2) head += `${answer.fields[i]}: ${answer.fields[i + 1]}\r\n`;
  socket.end(`${head}Connection: close\r\n\r\n${answer.body}`);
  // Closed with bytes unread, TCP would reset the connection and take the answer with it.
  socket.resume();
  const timer = setTimeout(() => { socket.destroy(); }, GOODBYE_MS).unref();
  socket.once('close', () => { clearTimeout(timer); });
}
