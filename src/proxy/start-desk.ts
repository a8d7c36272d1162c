/**
 * The desk that gives the starts of a host their turn, for all processes of fc-proxy: as many containers starting at
 * once as there are places (many starts at a time are slower than a few: podman and PID 1 serialise), first come,
 * first served, and one process for each app, whose success or failure the others are told.
 *
 * A place is free again when the one who had the turn says so. If he dies, or this desk succeeds one that did, the
 * container goes on starting: systemd is asked until it does not any more.
 */
import type { Logger } from '../log.ts';
import type { Clock } from './clock.ts';
import type { FromDesk, ToDesk, Trouble } from './desk-words.ts';

/** One process's place to sit and talk. */
export interface Seat {
  say(word: ToDesk): void;
  /** Apps that wait for their turn, whoever asked for it. */
  waiting(): number;
  /** Nobody sits there any more. */
  leave(): void;
}

/** Where a process may sit down; `hear` gets what is said to it, perhaps before join() returns. */
export interface Desk {
  join(hear: (word: FromDesk) => void): Seat;
}

export interface StartDeskOptions {
  /** Containers starting at once. */
  readonly places: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Which of these instances' containers are starting, as systemd has it. */
  readonly starting: (instances: readonly string[]) => Promise<ReadonlySet<string>>;
}

interface Start {
  readonly instance: string;
  since: number;
  /** Whether it has a place. */
  running: boolean;
  /** Who starts it: one, or more where they could not ask each other. Empty while it queues, or when he has died. */
  readonly holders: Set<Chair>;
  /** Who else wants it, in the order in which they came. */
  readonly others: Set<Chair>;
}

interface Chair { readonly hear: (word: FromDesk) => void }

/** How long a desk that succeeds another waits for the others to tell what they start, before it gives anybody a turn. */
export const SETTLE_MS = 300;
/** How often systemd is asked for starts that nobody holds. */
const LOOK_MS = 100;
/** How long trouble is remembered past its next try, for processes that come later. */
const REMEMBER_MS = 600_000;

export class StartDesk implements Desk {
  readonly #options: StartDeskOptions;
  readonly #chairs = new Set<Chair>();
  readonly #starts = new Map<string, Start>();
  /** Those without a place, who has waited longest first. */
  readonly #queue: Start[] = [];
  readonly #troubles = new Map<string, { readonly trouble: Trouble; readonly until: number }>();
  #running = 0;
  #looking = false;
  #settling = false;

  constructor(options: StartDeskOptions) {
    this.#options = options;
  }

  join(hear: (word: FromDesk) => void): Seat {
    const chair: Chair = { hear };
    this.#chairs.add(chair);
    for (const start of this.#troubles.keys()) this.#tellTrouble(start, [chair]);
    return { say: (word) => { this.#hear(chair, word); }, waiting: () => this.#queue.length, leave: () => { this.#leave(chair); } };
  }

  /** It may succeed another: nobody gets a turn until whoever had one there has had time to say so. */
  settle(): void {
    this.#settling = true;
    this.#options.clock.after(SETTLE_MS, () => {
      this.#settling = false;
      this.#admit();
    });
  }

  /** Containers that were starting before anybody sat here. */
  adopt(instances: readonly string[]): void {
    for (const instance of instances) if (!this.#starts.has(instance)) this.#enter(instance, this.#options.clock.now(), true);
    this.#lookSoon();
  }

  #hear(chair: Chair, word: ToDesk): void {
    if (!this.#chairs.has(chair)) return;
    switch (word.say) {
      case 'ask': this.#ask(chair, word.start, this.#options.clock.now() - word.forMs); break;
      case 'hold': this.#hold(chair, word.start); break;
      case 'ended': this.#ended(chair, word.start, word.how); break;
      case 'trouble': this.#trouble(chair, word.start, word.trouble); break;
    }
    this.#admit();
  }

  #ask(chair: Chair, instance: string, since: number): void {
    const known = this.#troubles.get(instance);
    if (known !== undefined && known.until > this.#options.clock.now()) {
      // It has failed since the one who asks looked.
      this.#tellTrouble(instance, [chair]);
      chair.hear({ say: 'failed', start: instance });
      return;
    }
    const start = this.#starts.get(instance) ?? this.#enter(instance, since, false);
    if (start.running && start.holders.size === 0) {
      start.holders.add(chair);
      chair.hear({ say: 'go', start: instance });
    } else if (start.running) {
      start.others.add(chair);
      chair.hear({ say: 'begun', start: instance });
    } else {
      start.others.add(chair);
      start.since = Math.min(start.since, since);
      this.#queue.sort((a, b) => a.since - b.since);
    }
  }

  #enter(instance: string, since: number, running: boolean): Start {
    const start: Start = { instance, since, running, holders: new Set(), others: new Set() };
    this.#starts.set(instance, start);
    if (running) this.#running++;
    else this.#queue.push(start);
    return start;
  }

  #hold(chair: Chair, instance: string): void {
    const start = this.#starts.get(instance) ?? this.#enter(instance, this.#options.clock.now(), true);
    start.others.delete(chair);
    start.holders.add(chair);
    if (!start.running) this.#begin(start);
    for (const other of start.others) other.hear({ say: 'begun', start: instance });
  }

  #ended(chair: Chair, instance: string, how: 'awake' | 'failed' | 'dropped'): void {
    const start = this.#starts.get(instance);
    if (start?.holders.delete(chair) !== true) return;
    if (how === 'dropped') {
      if (start.holders.size === 0) this.#passOn(start);
      return;
    }
    this.#remove(start);
    for (const other of start.others) other.hear({ say: how, start: instance });
  }

  #trouble(from: Chair, instance: string, trouble: Trouble | null): void {
    const now = this.#options.clock.now();
    const known = this.#troubles.get(instance);
    if (trouble === null) {
      if (!this.#troubles.delete(instance)) return;
    } else {
      // What is told anew after a change of desks may be older than what is known.
      if (known !== undefined && known.until > now + trouble.waitMs) return;
      this.#troubles.set(instance, { trouble, until: now + trouble.waitMs });
      for (const [old, { until }] of this.#troubles) if (until + REMEMBER_MS < now) this.#troubles.delete(old);
    }
    this.#tellTrouble(instance, [...this.#chairs].filter((chair) => chair !== from));
  }

  #tellTrouble(instance: string, chairs: readonly Chair[]): void {
    const known = this.#troubles.get(instance);
    const trouble = known === undefined ? null : { ...known.trouble, waitMs: Math.max(0, known.until - this.#options.clock.now()) };
    for (const chair of chairs) chair.hear({ say: 'trouble', start: instance, trouble });
  }

  #leave(chair: Chair): void {
    if (!this.#chairs.delete(chair)) return;
    for (const start of [...this.#starts.values()]) {
      start.others.delete(chair);
      if (start.holders.delete(chair) && start.holders.size === 0) {
        const [next] = start.others;
        if (next === undefined) this.#lookSoon();
        // Its container may be half way: whoever asks systemd for the same now waits for the same job.
        else this.#passOn(start);
      } else if (!start.running && start.others.size === 0) this.#remove(start);
    }
    this.#admit();
  }

  /** The next of those who want it, if there is one, has the turn. */
  #passOn(start: Start): void {
    const [next] = start.others;
    if (next === undefined) {
      this.#remove(start);
      return;
    }
    start.others.delete(next);
    start.holders.add(next);
    next.hear({ say: 'go', start: start.instance });
  }

  #admit(): void {
    for (;;) {
      const [start] = this.#queue;
      if (start === undefined || this.#settling || this.#running >= this.#options.places) return;
      this.#begin(start);
      this.#passOn(start);
      for (const other of start.others) other.hear({ say: 'begun', start: start.instance });
    }
  }

  #begin(start: Start): void {
    const at = this.#queue.indexOf(start);
    if (at >= 0) this.#queue.splice(at, 1);
    start.running = true;
    this.#running++;
  }

  #remove(start: Start): void {
    const at = this.#queue.indexOf(start);
    if (at >= 0) this.#queue.splice(at, 1);
    if (this.#starts.delete(start.instance) && start.running) this.#running--;
  }

  #orphans(): Start[] {
    return [...this.#starts.values()].filter(({ running, holders }) => running && holders.size === 0);
  }

  #lookSoon(): void {
    if (this.#looking || this.#orphans().length === 0) return;
    this.#looking = true;
    this.#options.clock.after(LOOK_MS, () => { void this.#look(); });
  }

  /** Frees the places of starts that nobody holds and that are over. */
  async #look(): Promise<void> {
    try {
      const still = await this.#options.starting(this.#orphans().map(({ instance }) => instance));
      for (const start of this.#orphans()) if (!still.has(start.instance)) this.#remove(start);
      this.#admit();
    } catch (error) {
      this.#options.log.warn('cannot ask systemd which apps are starting', { error: error instanceof Error ? error : String(error) });
    }
    this.#looking = false;
    // With nobody left who could be given a turn, nobody needs to know.
    if (this.#chairs.size > 0) this.#lookSoon();
  }
}
