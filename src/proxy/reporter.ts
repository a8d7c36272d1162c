/**
 * This process's way to fc-admin: about once a second it says what has changed. fc-admin may be away, die or hang:
 * nothing waits for it, at most one report is on its way, and when it is back it is told all there is since this
 * process began.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { InFlight } from '../admin/state.ts';
import { countsJson } from '../report/counts.ts';
import { APPS_AT_ONCE, LONGEST_REPORT, parseFromAdmin, REPORT_FORMAT, type FromAdmin, type Report, type TallyReport, type ToAdmin, type Trouble } from '../report/words.ts';
import type { Books } from './books.ts';
import type { Alarm, Clock } from './clock.ts';
import { readLines, writeLine } from './lines.ts';
import type { Starts } from './starts.ts';
import type { Tally } from './tally.ts';

export interface ReporterOptions {
  readonly path: string;
  /** Which of the host's processes this is. */
  readonly instance: number;
  readonly books: Books;
  readonly starts: Starts;
  readonly clock: Clock;
  /** Of clients and other hosts. */
  readonly connections: () => number;
  readonly inFlight: (app: string) => Pick<InFlight, 'count' | 'requests'>;
}

const EVERY_MS = 1000;
/** After an attempt that failed it is tried later and later, up to this. */
const LATEST_MS = 5000;
/** Who has not heard for so long hangs. */
const SILENCE_MS = 10_000;
/** At the end: how often it is tried to find fc-admin, which may be restarting just now. */
const LAST_TRIES_MS = 100;

type Gauges = Pick<Report, 'connections' | 'startsWaiting' | 'startsRunning'>;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #process = `${process.pid.toString(16)}-${randomBytes(8).toString('hex')}`;
  #socket: Socket | null = null;
  #next: Alarm | null = null;
  #failures = 0;
  #n = 0;
  /** The report that has not been heard yet. */
  #open: { readonly n: number; readonly since: number; readonly seq: number; readonly full: boolean; readonly last: boolean } | null = null;
  /** Number of the last event that was heard on this connection. */
  #heard = 0;
  /** What was said last on this connection. */
  #gauges = '';
  #troubles = '';
  /** Called when all has been heard, or nobody is there to hear it; null: this process goes on. */
  #ends: (() => void) | null = null;
  #closed = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#connect();
    this.#tick();
  }

  /** Says the last of it. @returns when that was heard and stored, `timeoutMs` are over, or there is no fc-admin on this host */
  async finish(timeoutMs: number): Promise<void> {
    const hold = setInterval(() => undefined, 60_000);
    await new Promise<void>((resolve) => {
      this.#ends = resolve;
      this.#options.clock.after(timeoutMs, resolve);
      this.#next?.cancel();
      if (this.#socket === null) this.#connect();
      else this.#say();
    });
    clearInterval(hold);
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#next?.cancel();
    this.#socket?.destroy();
  }

  #tick(): void {
    const { clock, books } = this.#options;
    books.settle();
    if (this.#open !== null && clock.now() - this.#open.since > SILENCE_MS) this.#socket?.destroy();
    else this.#say();
    this.#options.clock.after(EVERY_MS, () => { if (!this.#closed) this.#tick(); });
  }

  #connect(): void {
    const { path, instance, books } = this.#options;
    const socket = connect(path);
    this.#socket = socket;
    // It does not keep a process that has nothing else to do.
    socket.unref();
    let missing = false;
    socket.once('connect', () => {
      this.#failures = 0;
      this.#heard = 0;
      this.#gauges = this.#troubles = '';
      books.again();
      this.#write({ say: 'hello', format: REPORT_FORMAT, process: this.#process, pid: process.pid, instance });
      this.#say();
    });
    socket.on('error', (error) => { missing = 'code' in error && error.code === 'ENOENT'; });
    socket.once('close', () => { this.#lost(missing); });
    readLines(socket, LONGEST_REPORT, (line) => { this.#hear(parseFromAdmin(line)); });
  }

  #lost(missing: boolean): void {
    this.#socket = null;
    this.#open = null;
    if (this.#closed) return;
    // Not a host with an fc-admin.
    if (missing && this.#ends !== null) this.#ends();
    const wait = this.#ends === null ? Math.min(LATEST_MS, EVERY_MS * 2 ** this.#failures++) : LAST_TRIES_MS;
    this.#next = this.#options.clock.after(wait, () => { this.#connect(); });
  }

  #hear(word: FromAdmin): void {
    if (word.say === 'who') {
      this.#write({ say: 'in-flight', ask: word.ask, ...this.#options.inFlight(word.app) });
      return;
    }
    const open = this.#open;
    if (open?.n !== word.n) return;
    this.#open = null;
    this.#heard = open.seq;
    if (open.last) this.#ends?.();
    // What did not fit into this one; else there is time.
    else if (open.full || this.#ends !== null) this.#say();
  }

  #say(): void {
    if (this.#socket?.readyState !== 'open' || this.#open !== null) return;
    const { books, clock } = this.#options;
    const gauges = this.#gaugesNow();
    const troubles = this.#troublesNow();
    const gaugesText = JSON.stringify(gauges);
    const troublesText = JSON.stringify(troubles);
    const events = books.eventsAfter(this.#heard);
    if (!books.news && events.length === 0 && gaugesText === this.#gauges && troublesText === this.#troubles && this.#ends === null) return;
    const tallies = books.take(APPS_AT_ONCE);
    const last = this.#ends !== null && !books.news;
    this.#open = { n: ++this.#n, since: clock.now(), seq: events.at(-1)?.[0] ?? this.#heard, full: tallies.length === APPS_AT_ONCE, last };
    this.#write({
      say: 'report', n: this.#n, ...gauges, events, last,
      apps: tallies.flatMap((tally) => (tally.app === null ? [] : [[tally.app, tallyReport(tally)] as const])),
      passed: tallies.includes(books.passed) ? tallyReport(books.passed) : null,
      unrouted: tallies.includes(books.unrouted) ? tallyReport(books.unrouted) : null,
      troubles: troublesText === this.#troubles ? null : troubles,
    });
    this.#gauges = gaugesText;
    this.#troubles = troublesText;
  }

  #gaugesNow(): Gauges {
    const { connections, starts } = this.#options;
    return { connections: connections(), startsWaiting: starts.waiting, startsRunning: starts.running };
  }

  #troublesNow(): Trouble[] {
    const { starts, books } = this.#options;
    return [...starts.troubles].map(([generation, { quarantine: { failures, until }, failure }]) =>
      // The two clocks do not tick alike.
      ({ generation, failures, retryAt: until === -Infinity ? null : Math.max(0, Math.ceil((books.epoch + until) / 100) * 100), why: failure.message }));
  }

  #write(word: ToAdmin): void {
    if (this.#socket !== null) writeLine(this.#socket, word);
  }
}

function tallyReport({ inFlight, counts, sketch }: Tally): TallyReport {
  return { inFlight, counts: countsJson(counts), last: sketch };
}
