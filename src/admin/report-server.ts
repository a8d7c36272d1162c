/**
 * Where processes of fc-proxy report, at a Unix socket that only their user may open; and the way to ask them who is in
 * flight.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../log.ts';
import { readLines, writeLine } from '../proxy/lines.ts';
import { LONGEST_REPORT, parseToAdmin, REPORT_FORMAT, type FromAdmin, type Hello, type Report } from '../report/words.ts';
import type { Ledger } from './ledger.ts';
import type { InFlight } from './state.ts';

export interface ReportServerOptions {
  readonly ledger: Ledger;
  readonly log: Logger;
  /** Stores what was counted until now, for a process that is about to end. */
  readonly store: () => Promise<void>;
}

type Found = Pick<InFlight, 'count' | 'requests'>;

interface Session {
  readonly socket: Socket;
  readonly hello: Hello;
  /** Who waits for which answer. */
  readonly asked: Map<number, (found: Found) => void>;
}

/** A process that does not answer in time is left out. */
const ASK_MS = 1000;
const NOTHING: Found = { count: 0, requests: [] };

export class ReportServer {
  readonly #options: ReportServerOptions;
  readonly #server: Server;
  /** By the process's own name. */
  readonly #sessions = new Map<string, Session>();
  readonly #sockets = new Set<Socket>();
  #asks = 0;

  constructor(options: ReportServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => { this.#accept(socket); });
    this.#server.on('error', (error) => { options.log.error('the report socket failed', { error }); });
  }

  async listen(where: { readonly fd: number } | { readonly path: string }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(where, resolve);
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** What is in flight of an app, in all processes, the oldest first. */
  async inFlight(app: string): Promise<Found> {
    const all = await Promise.all([...this.#sessions.values()].map((session) => this.#ask(session, app)));
    return {
      count: all.reduce((sum, { count }) => sum + count, 0),
      requests: all.flatMap(({ requests }) => requests).sort((a, b) => a.request.at - b.request.at),
    };
  }

  #ask({ socket, asked }: Session, app: string): Promise<Found> {
    const ask = ++this.#asks;
    return new Promise((resolve) => {
      const answer = (found: Found): void => {
        clearTimeout(timer);
        asked.delete(ask);
        resolve(found);
      };
      const timer = setTimeout(() => { answer(NOTHING); }, ASK_MS);
      asked.set(ask, answer);
      this.#say(socket, { say: 'who', ask, app });
    });
  }

  #say(socket: Socket, word: FromAdmin): void {
    writeLine(socket, word);
  }

  #accept(socket: Socket): void {
    const { ledger, log } = this.#options;
    let session: Session | null = null;
    this.#sockets.add(socket);
    socket.on('error', (error) => {
      // Who has gone is not worth a line.
      if (!('code' in error)) log.warn('a process of fc-proxy is sent away', { process: session?.hello.process, error });
    });
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (session === null) return;
      for (const answer of session.asked.values()) answer(NOTHING);
      if (this.#sessions.get(session.hello.process) !== session) return;
      this.#sessions.delete(session.hello.process);
      ledger.left(session.hello.process);
    });
    readLines(socket, LONGEST_REPORT, (line) => {
      const word = parseToAdmin(line);
      if (word.say === 'hello') session = this.#welcome(socket, word);
      else if (session === null) throw new Error('it did not say who it is');
      else if (this.#sessions.get(session.hello.process) !== session) throw new Error('another one says that it is that process');
      else if (word.say === 'in-flight') session.asked.get(word.ask)?.(word);
      else void this.#take(session, word);
    });
  }

  #welcome(socket: Socket, hello: Hello): Session {
    if (hello.format !== REPORT_FORMAT) throw new Error(`it is of another version, and reports in format ${hello.format}, not ${REPORT_FORMAT}`);
    // It has come back before the end of its last connection was noticed.
    this.#sessions.get(hello.process)?.socket.destroy();
    const session: Session = { socket, hello, asked: new Map() };
    this.#sessions.set(hello.process, session);
    this.#options.ledger.joined(hello.process, Date.now());
    return session;
  }

  async #take({ socket, hello }: Session, report: Report): Promise<void> {
    this.#options.ledger.take(hello.process, report, Date.now());
    if (report.last) await this.#options.store();
    this.#say(socket, { say: 'heard', n: report.n });
  }
}
