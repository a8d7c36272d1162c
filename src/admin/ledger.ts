/**
 * Adds up what processes of fc-proxy report. Each says what it has counted since it began, so what is added is what
 * that is more than it last said: a process that comes back, or says it again, is counted once, and what was told while
 * fc-admin was away, or could not store it, is not lost as long as the process lives.
 */
import { addNews, COUNT, noCounts, type Counts } from '../report/counts.ts';
import type { StartEvent } from '../report/happened.ts';
import type { Report, TallyReport, Trouble } from '../report/words.ts';
import { Account } from './account.ts';
import type { EventLog } from './events.ts';

/** What a process last said. It is kept after the process has gone, which may come back. */
export interface Said {
  readonly apps: Map<string, Counts>;
  readonly passed: Counts;
  readonly unrouted: Counts;
  /** Number of its last event. */
  seq: number;
  /** When it was last heard of, ms since the epoch; earlier, if it has said farewell: it is forgotten sooner. */
  at: number;
}

/** What counts only as long as the process is connected. */
interface Present {
  /** Whether what it says is news: at first it tells all since it began. */
  readonly since: number;
  readonly inFlight: Map<Account, number>;
  connections: number;
  startsWaiting: number;
  startsRunning: number;
  troubles: readonly Trouble[];
}

/** A process that has told all since it began is heard of again a second later. */
const TELLS_ALL_MS = 900;
/** How long a process that has gone without a farewell may still come back. */
const REMEMBER_MS = 3_600_000;
/** How long one that has said the last of it may say it again. */
const FAREWELL_MS = 120_000;

export class Ledger {
  /** By app, of those that somebody has asked for since this host began to count. */
  readonly apps = new Map<string, Account>();
  /** Requests that were passed on to other hosts. */
  readonly passed = new Account();
  /** Requests for no app. */
  readonly unrouted = new Account();
  /** By the process's own name. */
  readonly said = new Map<string, Said>();
  readonly #present = new Map<string, Present>();
  readonly #events: EventLog;
  readonly #changed: () => void;

  /** @param changed there is something that is not stored yet */
  constructor(events: EventLog, changed: () => void) {
    this.#events = events;
    this.#changed = changed;
  }

  /** The account of an app, made on first use. */
  of(app: string): Account {
    let account = this.apps.get(app);
    if (account === undefined) this.apps.set(app, account = new Account());
    return account;
  }

  /** A process is here. */
  joined(process: string, now: number): void {
    this.left(process);
    this.#present.set(process, { since: now, inFlight: new Map(), connections: 0, startsWaiting: 0, startsRunning: 0, troubles: [] });
  }

  /** Its connection has ended: what it has counted stays. */
  left(process: string): void {
    const present = this.#present.get(process);
    if (present === undefined) return;
    for (const [account, inFlight] of present.inFlight) account.inFlight -= inFlight;
    this.#present.delete(process);
  }

  take(process: string, report: Report, now: number): void {
    const present = this.#present.get(process);
    if (present === undefined) return;
    this.#forget(now);
    let said = this.said.get(process);
    if (said === undefined) this.said.set(process, said = { apps: new Map(), passed: noCounts(), unrouted: noCounts(), seq: 0, at: now });
    said.at = now;
    for (const [app, tally] of report.apps) {
      let before = said.apps.get(app);
      if (before === undefined) said.apps.set(app, before = noCounts());
      this.#add(present, this.of(app), before, tally, now);
    }
    if (report.passed !== null) this.#add(present, this.passed, said.passed, report.passed, now);
    if (report.unrouted !== null) this.#add(present, this.unrouted, said.unrouted, report.unrouted, now);
    present.connections = report.connections;
    present.startsWaiting = report.startsWaiting;
    present.startsRunning = report.startsRunning;
    present.troubles = report.troubles ?? present.troubles;
    for (const [seq, event] of report.events) {
      if (seq <= said.seq) continue;
      said.seq = seq;
      this.#happened(event);
    }
    // Should it not hear that this was heard, as fc-admin is restarted just now, it says all of it to the next one.
    if (report.last) said.at = now - REMEMBER_MS + FAREWELL_MS;
    this.#changed();
  }

  #add(present: Present, account: Account, before: Counts, { inFlight, counts, last }: TallyReport, now: number): void {
    const requests = addNews(account.counts, before, counts);
    if (now - present.since > TELLS_ALL_MS) account.came(requests, now);
    account.inFlight += inFlight - (present.inFlight.get(account) ?? 0);
    if (inFlight === 0) present.inFlight.delete(account);
    else present.inFlight.set(account, inFlight);
    account.seen(last);
  }

  #happened(event: StartEvent): void {
    if (event.kind === 'woke') this.of(event.app).started(event.times.queue + event.times.start);
    this.#events.add(event);
  }

  /** A start that no process of fc-proxy has asked for: somebody was at the app's own socket. */
  startedElsewhere(app: string, generation: string, at: number, startMs: number): void {
    const account = this.of(app);
    account.counts[COUNT.started] = (account.counts[COUNT.started] ?? 0) + 1;
    this.#happened({ kind: 'woke', at, app, generation, times: { queue: 0, start: startMs }, request: null });
    this.#changed();
  }

  #forget(now: number): void {
    for (const [process, { at }] of this.said) if (!this.#present.has(process) && now - at > REMEMBER_MS) this.said.delete(process);
  }

  /** Of the processes that are connected. The desk says in each how many wait on the whole host. */
  get present(): { processes: number; connections: number; startsWaiting: number; startsRunning: number } {
    const all = [...this.#present.values()];
    const sum = (of: (one: Present) => number): number => all.reduce((total, one) => total + of(one), 0);
    return {
      processes: all.length, connections: sum((one) => one.connections),
      startsWaiting: Math.max(0, ...all.map((one) => one.startsWaiting)), startsRunning: sum((one) => one.startsRunning),
    };
  }

  /** By generation; of what several processes say, the one that waits for longest. */
  troubles(): ReadonlyMap<string, Trouble> {
    const worst = new Map<string, Trouble>();
    for (const { troubles } of this.#present.values()) {
      for (const trouble of troubles) {
        if ((worst.get(trouble.generation)?.retryAt ?? -1) < (trouble.retryAt ?? 0)) worst.set(trouble.generation, trouble);
      }
    }
    return worst;
  }
}
