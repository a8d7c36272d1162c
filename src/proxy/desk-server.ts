/**
 * The desk of this host's fc-proxy processes, at a Unix socket: whoever may open it is believed, so it lies in a
 * folder of fc-proxy's own (RuntimeDirectory=). fc-proxy.service alone serves it, and systemd sees to it that there
 * is one main process of it at a time.
 */
import { rename, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../log.ts';
import { LONGEST_WORD, parseToDesk, type Hello } from './desk-words.ts';
import { readLines, writeLine } from './lines.ts';
import type { Desk, Seat } from './start-desk.ts';

export interface DeskServerOptions {
  readonly desk: Desk;
  /** How many processes there are to be. */
  readonly processes: number;
  readonly log: Logger;
  /** A process has come, or come back. */
  readonly joined?: (hello: Hello) => void;
}

export class DeskServer {
  readonly #options: DeskServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: DeskServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => { this.#accept(socket); });
    this.#server.on('error', (error) => { options.log.error('the desk failed', { error }); });
  }

  /**
   * Takes over the path from whoever had it. It is bound under a name of its own first: a predecessor that ends late
   * removes what it had bound, and must not find this one under that name.
   */
  async listen(path: string): Promise<void> {
    const own = `${path}.${process.pid}`;
    await rm(own, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(own, resolve);
    });
    await rename(own, path);
  }

  /** Sends everybody away: they come back, to the next process that serves the path. */
  close(): void {
    this.#server.close();
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #accept(socket: Socket): void {
    let seat: Seat | null = null;
    this.#sockets.add(socket);
    socket.on('error', (error) => {
      // Who has gone is not worth a line.
      if (!('code' in error)) this.#options.log.warn('a process at the desk is sent away', { error });
    });
    socket.once('close', () => {
      this.#sockets.delete(socket);
      seat?.leave();
    });
    readLines(socket, LONGEST_WORD, (line) => {
      const word = parseToDesk(line);
      if (word.say === 'ping') writeLine(socket, { say: 'pong', waiting: seat?.waiting() ?? 0 });
      else if (word.say === 'hello') {
        writeLine(socket, { say: 'welcome', processes: this.#options.processes });
        seat?.leave();
        seat = this.#options.desk.join((said) => { writeLine(socket, said); });
        this.#options.joined?.(word);
      } else if (seat === null) throw new Error('it did not say who it is');
      else seat.say(word);
    });
  }
}
