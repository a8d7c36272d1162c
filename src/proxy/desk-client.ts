/**
 * The way of a process of fc-proxy to the desk of its host, which may be restarted, die or hang: it is gone back to
 * as soon as it is there, and while it is not there for long, a desk of this process's own gives the turns, with
 * its share of the places. No request fails for it.
 */
import { connect, type Socket } from 'node:net';
import type { Logger } from '../log.ts';
import type { Alarm, Clock } from './clock.ts';
import { LONGEST_WORD, parseFromDesk, type FromDesk } from './desk-words.ts';
import { readLines, writeLine } from './lines.ts';
import type { Desk } from './start-desk.ts';
import type { Starts } from './starts.ts';

export interface DeskClientOptions {
  readonly path: string;
  /** Which process this is; see Hello. */
  readonly instance: number;
  readonly starts: Starts;
  /** A desk for the time without one. */
  readonly fallback: () => Desk;
  readonly clock: Clock;
  readonly log: Logger;
  /** There are to be that many processes. */
  readonly welcomed: (processes: number) => void;
  /** There has been no desk for too long. */
  readonly missed: () => void;
}

/** A restart of fc-proxy.service takes less, also after a crash (RestartSec=). */
const PATIENCE_MS = 3000;
/** The desk waits for at least three of these before it gives anybody a turn (SETTLE_MS in start-desk.ts). */
const RETRY_MS = 100;
const PING_MS = 1000;
/** Who has not answered for so long hangs. */
const SILENCE_MS = 3000;

export class DeskClient {
  readonly #options: DeskClientOptions;
  readonly #began: number;
  #socket: Socket | null = null;
  #closed = false;
  /** Rings when there has been no desk for too long; null: there is one, or the fallback serves. */
  #patience: Alarm | null = null;
  #next: Alarm | null = null;
  #hear: ((word: FromDesk) => void) | null = null;
  #waiting = 0;

  constructor(options: DeskClientOptions) {
    this.#options = options;
    this.#began = options.clock.now();
    this.#wait();
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#patience?.cancel();
    this.#next?.cancel();
    this.#socket?.destroy();
  }

  #connect(): void {
    const { path, instance, clock } = this.#options;
    const socket = connect(path);
    this.#socket = socket;
    // It does not keep a process that has nothing else to do.
    socket.unref();
    let heardAt = clock.now();
    let watch: Alarm | null = null;
    const look = (): void => {
      if (clock.now() - heardAt > SILENCE_MS) socket.destroy();
      else {
        writeLine(socket, { say: 'ping' });
        watch = clock.after(PING_MS, look);
      }
    };
    socket.once('connect', () => {
      writeLine(socket, { say: 'hello', instance, upMs: clock.now() - this.#began });
      look();
    });
    // Why does not matter: what follows is the same.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      watch?.cancel();
      this.#lost();
    });
    readLines(socket, LONGEST_WORD, (line) => {
      heardAt = clock.now();
      const word = parseFromDesk(line);
      if (word.say === 'welcome') this.#welcome(socket, word.processes);
      else if (word.say === 'pong') this.#waiting = word.waiting;
      else this.#hear?.(word);
    });
  }

  #welcome(socket: Socket, processes: number): void {
    const { starts, log, welcomed } = this.#options;
    if (this.#patience === null) log.info('the desk for starts is there again');
    this.#patience?.cancel();
    this.#patience = null;
    starts.attach({
      join: (hear) => {
        this.#hear = hear;
        return {
          say: (word) => { writeLine(socket, word); },
          waiting: () => this.#waiting,
          leave: () => { this.#hear = null; },
        };
      },
    });
    welcomed(processes);
  }

  #lost(): void {
    const { clock, starts } = this.#options;
    this.#socket = null;
    if (this.#closed) return;
    if (this.#hear !== null) {
      starts.detach();
      this.#wait();
    }
    this.#next = clock.after(RETRY_MS, () => { this.#connect(); });
  }

  #wait(): void {
    const { clock, starts, log, fallback, missed } = this.#options;
    this.#patience = clock.after(PATIENCE_MS, () => {
      this.#patience = null;
      log.warn('the desk for starts is not there: this process starts its share of them by itself');
      starts.attach(fallback());
      missed();
    });
  }
}
