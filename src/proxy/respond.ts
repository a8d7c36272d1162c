/** Turns a Problem into an HTTP answer: a page for a person, problem+json (RFC 9457) for a program. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { wantsPage } from './negotiate.ts';
import { escape, pageFrame, type Page } from './page.ts';
import { PROBLEMS, type Problem } from './problem.ts';

export interface Answer {
  readonly status: number;
  readonly title: string;
  /** Flat name/value list, without Connection. */
  readonly fields: readonly string[];
  readonly body: string;
}

const frame = pageFrame();

function heading(status: number, withheld: boolean): string {
  if (withheld) return 'This site is not available right now';
  return status === 404 ? 'There is no site here' : 'This request cannot be answered';
}

/** When to try again, as a sentence. */
function retry(seconds: number): string {
  if (seconds >= 120) return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
  return `Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}.`;
}

function problemPage(problem: Problem, seconds: number | null, reference: string | null): Page {
  const { status, title } = PROBLEMS[problem.kind];
  const again = seconds !== null ? retry(seconds) : problem.withheld ? 'Try again later.' : '';
  return frame(heading(status, problem.withheld), `<p>${escape(problem.says)}</p>
${again === '' ? '' : `<p>${again}</p>\n`}<p><small>${status} ${title}${reference === null ? '' : `<br>Reference: <code>${escape(reference)}</code>`}</small></p>
`);
}

/** For programs. */
function problemJson(problem: Problem, reference: string | null): string {
  const { status, title } = PROBLEMS[problem.kind];
  return `${JSON.stringify({ type: problem.type, title, status, detail: problem.says, ...(reference !== null && { instance: `urn:uuid:${reference}` }) })}\n`;
}

/**
 * The answer to a problem, for a client that sent this Accept field.
 * @param reference under which the journal knows what the client is not told; null: it is told all
 * @param more fields for another fc-proxy, which is to know that it is no app's
 */
export function answerTo(problem: Problem, accept: string | undefined, reference: string | null = null, more: readonly string[] = []): Answer {
  const seconds = problem.retryAfterS === null ? null : Math.max(1, Math.ceil(problem.retryAfterS));
  return answerOf(problem, wantsPage(accept) ? problemPage(problem, seconds, reference) : null, reference, seconds, more);
}

/** The same with a page that says more of it than others. */
export function answerWith(page: Page, problem: Problem, more: readonly string[] = []): Answer {
  return answerOf(problem, page, null, problem.retryAfterS, more);
}

function answerOf(problem: Problem, shown: Page | null, reference: string | null, seconds: number | null, more: readonly string[]): Answer {
  const { status, title } = PROBLEMS[problem.kind];
  const body = shown?.html ?? problemJson(problem, reference);
  const fields = [
    ...shown?.fields ?? ['Content-Type', 'application/problem+json'],
    'Content-Length', String(Buffer.byteLength(body)),
    'Content-Language', 'en',
    'Cache-Control', 'no-store',
    'Vary', 'Accept',
    ...more,
  ];
  if (seconds !== null) fields.push('Retry-After', String(seconds));
  // RFC 9110 15.5.6.
  if (status === 405) fields.push('Allow', ALLOWED);
  return { status, title, fields, body };
}

/** What is passed on to apps; they decide. */
export const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Answers a request whose response has not begun. HEAD gets no body: node leaves it out. */
export function respond(res: ServerResponse, answer: Answer, close: boolean): void {
  res.writeHead(answer.status, answer.title, close ? [...answer.fields, 'Connection', 'close'] : [...answer.fields]);
  res.end(answer.body);
}

/** How long a client may take to read an answer that ends its connection, and to close its side. */
const GOODBYE_MS = 2000;

/** Answers on a bare connection, where node has no response object, and ends it. `method`: of the request, if that was understood. */
export function respondRaw(socket: Duplex, answer: Answer, method?: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  let head = `HTTP/1.1 ${answer.status} ${answer.title}\r\n`;
  for (let i = 0; i + 1 < answer.fields.length; i += 2) head += `${answer.fields[i]}: ${answer.fields[i + 1]}\r\n`;
  socket.end(`${head}Connection: close\r\n\r\n${method === 'HEAD' ? '' : answer.body}`);
  // Closed with bytes unread, TCP would reset the connection and take the answer with it.
  socket.resume();
  const timer = setTimeout(() => { socket.destroy(); }, GOODBYE_MS).unref();
  socket.once('close', () => { clearTimeout(timer); });
}
