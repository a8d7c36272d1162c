/**
 * What a process of fc-proxy knows of starts: those it has asked the host's desk for, those whose turn it is, and
 * which apps failed to start, here or in another process. It may change desks at any time; the next one is told all.
 */
import type { Clock } from './clock.ts';
import type { FromDesk } from './desk-words.ts';
import { StartFailure } from './failure.ts';
import { afterFailure, HEALTHY, remaining, type Quarantine } from './quarantine.ts';
import type { Desk, Seat } from './start-desk.ts';

/** What the one who asks for a start is told. */
export interface Asking {
  /** It has the turn: ended() is due. */
  go(): void;
  /** Another process has. */
  begun(): void;
  /** The other process has started it. */
  awake(): void;
  /** The other process could not: see failureOf(). */
  failed(): void;
}

export class Starts {
  readonly #clock: Clock;
  readonly #asked = new Map<string, { readonly since: number; readonly asking: Asking; turn: boolean }>();
  readonly #troubles = new Map<string, { readonly quarantine: Quarantine; readonly failure: StartFailure }>();
  #seat: Seat | null = null;
  #desks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Apps of this host that wait for their turn, as far as is known here. */
  get waiting(): number {
    return Math.max([...this.#asked.values()].filter(({ turn }) => !turn).length, this.#seat?.waiting() ?? 0);
  }

  /** Those of which this process has the turn. */
  get running(): number {
    return [...this.#asked.values()].filter(({ turn }) => turn).length;
  }

  /** What failed to start, by instance, here or in another process. */
  get troubles(): ReadonlyMap<string, { readonly quarantine: Quarantine; readonly failure: StartFailure }> {
    return this.#troubles;
  }

  /** Asks that desk from now on. */
  attach(desk: Desk): void {
    this.detach();
    const which = this.#desks;
    const seat = desk.join((word) => { if (which === this.#desks) this.#hear(word); });
    this.#seat = seat;
    for (const instance of this.#troubles.keys()) this.#tell(instance);
    const asked = [...this.#asked].sort(([, a], [, b]) => a.since - b.since);
    for (const [start, { turn }] of asked) if (turn) seat.say({ say: 'hold', start });
    for (const [start, { turn, since }] of asked) if (!turn) seat.say({ say: 'ask', start, forMs: this.#clock.now() - since });
  }

  /** There is no desk at the moment: what is under way goes on, what is asked for waits. */
  detach(): void {
    this.#desks++;
    this.#seat?.leave();
    this.#seat = null;
  }

  /** Asks for a turn. At most once at a time for an instance. */
  ask(instance: string, asking: Asking): void {
    this.#asked.set(instance, { since: this.#clock.now(), asking, turn: false });
    this.#seat?.say({ say: 'ask', start: instance, forMs: 0 });
  }

  /** The end of a start that had its turn; `dropped`: it says nothing about the app. After failed(), if it did. */
  ended(instance: string, how: 'awake' | 'failed' | 'dropped'): void {
    this.#asked.delete(instance);
    this.#seat?.say({ say: 'ended', start: instance, how });
  }

  quarantine(instance: string): Quarantine {
    return this.#troubles.get(instance)?.quarantine ?? HEALTHY;
  }

  /** How it failed to start the last time; null: it did not, or has been started since. */
  failureOf(instance: string): StartFailure | null {
    return this.#troubles.get(instance)?.failure ?? null;
  }

  /** It has failed to start, through a fault of its own. */
  failed(instance: string, failure: StartFailure): void {
    this.#troubles.set(instance, { quarantine: afterFailure(this.quarantine(instance), this.#clock.now()), failure });
    this.#tell(instance);
  }

  /** It runs, or what it failed for is no more. */
  forgive(instance: string): void {
    if (this.#troubles.delete(instance)) this.#tell(instance);
  }

  /** Forgets what it knows of others than these. */
  keep(instances: { has(instance: string): boolean }): void {
    for (const instance of this.#troubles.keys()) if (!instances.has(instance)) this.#troubles.delete(instance);
  }

  #tell(instance: string): void {
    const known = this.#troubles.get(instance);
    this.#seat?.say({
      say: 'trouble', start: instance,
      trouble: known === undefined ? null : {
        kind: known.failure.kind, message: known.failure.message, evidence: known.failure.evidence,
        failures: known.quarantine.failures, waitMs: remaining(known.quarantine, this.#clock.now()),
      },
    });
  }

  #hear(word: FromDesk): void {
    if (word.say === 'trouble') {
      const { trouble } = word;
      if (trouble === null) this.#troubles.delete(word.start);
      else {
        const until = trouble.waitMs > 0 ? this.#clock.now() + trouble.waitMs : -Infinity;
        this.#troubles.set(word.start, { quarantine: { failures: trouble.failures, until }, failure: new StartFailure(trouble.kind, trouble.message, trouble.evidence) });
      }
      return;
    }
    const entry = this.#asked.get(word.start);
    if (entry === undefined || entry.turn) return;
    if (word.say === 'go') entry.turn = true;
    else if (word.say !== 'begun') this.#asked.delete(word.start);
    entry.asking[word.say]();
  }
}
