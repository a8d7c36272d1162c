/**
 * The admin listener: plain HTTP, GET and HEAD, on 127.0.0.1 and a Unix socket. A path is answered by the handler that
 * the table `Routes` has for it (see bin/fc-admin.ts); all else that HTTP asks for is here.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '../log.ts';
import { isHeld } from './held.ts';
import { AdminProblem } from './problem.ts';

export interface AdminRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The field Accept; empty: there is none. */
  readonly accept: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface AdminAnswer {
  /** 200 unless it says otherwise. */
  readonly status?: number;
  /** Content-Type. */
  readonly type: string;
  readonly body: string | Buffer;
  /** Instead of, or besides, those that every answer has (FIELDS). With an ETag, the body is not sent to who holds it. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** Answers one path. What it throws as AdminProblem is told; anything else is 500 and a line in the journal. */
export type Handler = (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>;

/** By path, which begins with a slash and has no query. */
export type Routes = ReadonlyMap<string, Handler>;

export interface AdminServerOptions {
  readonly routes: Routes;
  /** Whether a request to this Host is meant for here; asked at TCP ports only. */
  readonly allowsHost: (host: string) => boolean;
  readonly log: Logger;
}

/** No page of another origin can read an answer, or use it as a script, a style or a frame. */
const FIELDS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** More than every operator and monitor of a host needs. */
const MAX_CONNECTIONS = 256;
const HEAD_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 15_000;

/** A JSON answer. */
export function json(value: unknown): AdminAnswer {
  return { type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #servers: Server[] = [];

  constructor(options: AdminServerOptions) {
    this.#options = options;
  }

  /** Begins to accept connections. @returns the port, for a listener on port 0 */
  async listen(where: { readonly fd: number } | { readonly path: string } | { readonly host: string; readonly port: number }): Promise<number> {
    const server = createServer({ headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS }, (req, res) => { void this.#serve(req, res); });
    server.maxConnections = MAX_CONNECTIONS;
    // Its answers would only tell the one who cannot speak HTTP.
    server.on('clientError', (_error, socket) => { socket.destroy(); });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, resolve);
    });
    server.on('error', (error) => { this.#options.log.error('a listener failed', { error }); });
    this.#servers.push(server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Accepts no more, and gives those that are being answered a moment. */
  async close(): Promise<void> {
    const ends = this.#servers.map((server) => new Promise<void>((resolve) => {
      server.close(() => { resolve(); });
      server.closeIdleConnections();
      setTimeout(() => { server.closeAllConnections(); }, 1000).unref();
    }));
    await Promise.all(ends);
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let answer: AdminAnswer;
    try {
      answer = await this.#answer(req, res);
    } catch (error) {
      if (!(error instanceof AdminProblem)) this.#options.log.error('a request met an error', { path: req.url, error: error instanceof Error ? error : String(error) });
      answer = (error instanceof AdminProblem ? error : new AdminProblem(500, 'This could not be told. The journal of fc-admin says why.')).answer;
    }
    if (res.destroyed) return;
    // A body that came with it is of no interest.
    req.resume();
    if (isHeld(answer.fields?.['ETag'], req.headers['if-none-match'])) {
      res.writeHead(304, { ...FIELDS, ...answer.fields }).end();
      return;
    }
    res.writeHead(answer.status ?? 200, { ...FIELDS, ...answer.fields, 'Content-Type': answer.type, 'Content-Length': Buffer.byteLength(answer.body) });
    res.end(req.method === 'HEAD' ? undefined : answer.body);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<AdminAnswer> {
    const { routes, allowsHost } = this.#options;
    // A Unix socket has no port, and no browser.
    const remote = req.socket.remotePort !== undefined;
    if (remote && !allowsHost(req.headers.host ?? '')) {
      throw new AdminProblem(421, 'This is not asked under that name: use an address, localhost, a name of this machine, or one that [admin] names lists.');
    }
    const match = /^([^?#]*)(?:\?([^#]*))?$/.exec(req.url ?? '');
    const path = match?.[1] ?? '';
    const handler = routes.get(path);
    if (handler === undefined) throw new AdminProblem(404, `There is nothing here of that name. There is: ${[...routes.keys()].join(' ')}`);
    if (req.method !== 'GET' && req.method !== 'HEAD') throw new AdminProblem(405, 'Nothing is changed here: rows of the CMDB do.', { Allow: 'GET, HEAD' });
    const gone = new AbortController();
    res.once('close', () => { gone.abort(); });
    return await handler({ path, query: new URLSearchParams(match?.[2] ?? ''), accept: req.headers.accept ?? '', signal: gone.signal });
  }
}
