/**
 * Keeps apps awake that are in use and wakes those that sleep, through their
 * leases (see lease.ts): one job per generation however many wait for it,
 * detached from whoever asked first, with a deadline of its own.
 */
import type { Manager, UnitState } from '../systemd/manager.ts';
import type { Logger } from '../log.ts';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import { asError } from './as-error.ts';
import { appOf, type Books } from './books.ts';
import { pause, type Clock } from './clock.ts';
import type { Entry } from './entry.ts';
import { printable } from '../systemd/explain.ts';
import { StartFailure } from './failure.ts';
import { Generation, type Flight, type Waited, type Waiter } from './generation.ts';
import { nextLook, standing, usedSince } from './lease.ts';
import { evidenceOf, restartLease } from './lease-job.ts';
import { Problem } from './problem.ts';
import { remaining } from './quarantine.ts';
import { Room } from './room.ts';
import type { RouteIndex } from './route.ts';
import { type Part, StartWatch } from './start-parts.ts';
import type { Starts } from './starts.ts';
import { Upstream } from './upstream.ts';
import { REFRESH_S } from './waiting-page.ts';

export interface ActivatorOptions {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where starts get their turn. */
  readonly starts: Starts;
  /** Where starts are noted. */
  readonly books: Books;
  /** Requests waiting for starts; a single app may have three quarters of them. */
  readonly maxWaiting: number;
}

/** A wait that its owner can leave. */
export interface Wait {
  /** @throws Problem when the app cannot be had, `Gone` when its generation is no more, `Left` after leave(). */
  readonly done: Promise<Waited>;
  /** Whether it is for a start: a renewal is over in milliseconds. */
  readonly cold: boolean;
  leave(): void;
}

/** The one who waited has left. */
export class Left extends Error {}

const SOCKET_TIMEOUT_MS = 5000;

/** Before its deadline, a request asks what is still missing, so that its answer says it and is in time. */
const LAST_WORDS_MS = 250;

/** The waiting page comes back at the latest after this long. */
const EXPECTED_MS = (REFRESH_S + 2) * 1000;

export class Activator {
  readonly #options: ActivatorOptions;
  readonly #generations = new Map<string, Generation>();
  /** Containers believed to be running although we hold no lease on them, since when (ms). */
  readonly #awake = new Map<string, number>();
  #waiting = 0;
  readonly #room = new Room();

  constructor(options: ActivatorOptions) {
    this.#options = options;
  }

  /** Generations with state: those in use, or used lately. */
  get size(): number {
    return this.#generations.size;
  }

  /**
   * Tells which containers were running before this process: their first lease
   * is a renewal, which does not queue behind the starts of sleeping apps.
   */
  found(units: readonly UnitState[]): void {
    for (const { unit, activeState } of units) if (activeState === 'active') this.#awake.set(unit, this.#options.clock.now());
  }

  /** The state of a generation, made on first use. */
  generation(spec: SnapshotGeneration): Generation {
    let generation = this.#generations.get(spec.instance);
    if (generation === undefined) {
      generation = new Generation(spec, this.#options.books.of(appOf(spec.instance)), this.#options.clock);
      const since = this.#awake.get(spec.container) ?? -Infinity;
      generation.foundAwake = this.#options.clock.now() - since < generation.leaseMs;
      this.#awake.delete(spec.container);
      this.#generations.set(spec.instance, generation);
    }
    return generation;
  }

  /** Takes over a new snapshot: state of generations that it does not have goes once they are idle. */
  follow(index: RouteIndex): void {
    this.#options.starts.keep(index.generations);
    const awakeApps = new Set<string>();
    for (const generation of this.#generations.values()) {
      const spec = index.generations.get(generation.spec.instance);
      generation.retired = spec === undefined;
      if (spec !== undefined) this.#describe(generation, spec);
      else if (this.#isAwake(generation)) awakeApps.add(appOf(generation.spec.instance));
      this.#forgetIfIdle(generation);
    }
    if (this.#awake.size > 0) {
      const known = new Set([...index.generations.values()].map(({ container }) => container));
      for (const container of this.#awake.keys()) if (!known.has(container)) this.#awake.delete(container);
    }
    if (awakeApps.size === 0) return;
    // An app that was awake was handed over: its new generation was up before the snapshot said that it serves.
    for (const spec of index.generations.values()) {
      if (awakeApps.has(appOf(spec.instance)) && !this.#generations.has(spec.instance)) this.#awake.set(spec.container, this.#options.clock.now());
    }
  }

  /** The same generation, perhaps at another address (the host's table of networks was lost), or with its image here by now. */
  #describe(generation: Generation, spec: SnapshotGeneration): void {
    // Its image has come: what failed for want of it need not wait any longer.
    if (generation.spec.fetching && !spec.fetching) this.#options.starts.forgive(spec.instance);
    generation.spec = spec;
    if (generation.upstream.reaches(spec)) return;
    generation.upstream.containerEnded();
    generation.upstream = new Upstream(spec, this.#options.clock);
    generation.doubted = true;
  }

  /** Whether a request may be forwarded without asking anyone. Renews behind it when due. */
  ready(generation: Generation): boolean {
    if (generation.doubted) return false;
    switch (standing(generation.grantedAt, generation.leaseMs, this.#options.clock.now())) {
      case 'fresh': return true;
      case 'due': this.#renew(generation); return true;
      case 'late': case 'none': return false;
    }
  }

  /**
   * Waits until the app may be forwarded to, for a request that came at
   * `arrivedAt` and waits until `deadline`. Who leaves does not end the start.
   * @param who asks
   * @throws Problem when it is not even tried: quarantine, or too many waiting
   */
  wait(generation: Generation, arrivedAt: number, deadline: number, who: Entry | null = null): Wait {
    const { clock, maxWaiting } = this.#options;
    const flight = generation.flight ?? this.#takeOff(generation, who);
    // A renewal is over in milliseconds, and a flood of visitors to one sleeping app must not fail those of others.
    if (flight.cold && (this.#waiting >= maxWaiting || flight.waiters.size >= Math.max(1, Math.floor(maxWaiting * 3 / 4)))) {
      throw new Problem('too-many-waiting', 'The app is starting, and too many requests wait for it already.', { retryAfterS: this.#room.retryAfterS(this.#waiting) });
    }
    if (flight.cold) this.#waiting++;
    let leave = (): void => undefined;
    const done = new Promise<Waited>((resolve, reject) => {
      const stop = (): void => {
        if (!flight.waiters.delete(waiter)) return;
        alarm.cancel();
        if (!flight.cold) return;
        this.#waiting--;
        this.#room.left();
      };
      const waiter: Waiter = {
        since: arrivedAt,
        resolve: (waited) => { stop(); resolve(waited); },
        reject: (error) => { stop(); reject(error); },
      };
      flight.waiters.add(waiter);
      const alarm = clock.after(Math.max(0, deadline - LAST_WORDS_MS - clock.now()), () => {
        void this.#late(generation.spec, flight).then(waiter.reject);
      });
      leave = () => { waiter.reject(new Left()); };
    });
    return { done, cold: flight.cold, leave };
  }

  /** A request begins to be forwarded. */
  begin(generation: Generation): void {
    generation.inFlight++;
    generation.lastUse = this.#options.clock.now();
    if (generation.alarm === null) this.#schedule(generation);
  }

  /** A request has ended that began. */
  end(generation: Generation): void {
    generation.inFlight--;
    generation.lastUse = this.#options.clock.now();
    if (generation.retired) this.#forgetIfIdle(generation);
  }

  /** A visitor who was told to wait comes back in a moment: for him, an app stays awake whose idle time is as short as that. */
  expect(generation: Generation): void {
    if (generation.leaseMs > 2 * EXPECTED_MS) return;
    this.begin(generation);
    this.#options.clock.after(EXPECTED_MS, () => { this.end(generation); });
  }

  /** A connection broke under the lease of that epoch: the container may be dead before systemd has said so. */
  suspect(generation: Generation, epoch: number): void {
    if (generation.epoch === epoch) generation.doubted = true;
  }

  /**
   * Starts the generation's socket unit, which a hail of failed starts may have
   * closed (trigger limit) or nobody opened. Single-flight.
   * @throws SystemdError
   */
  openSocket(generation: Generation): Promise<void> {
    return generation.opening ??= this.#openSocket(generation);
  }

  async #openSocket(generation: Generation): Promise<void> {
    // The assignment above comes first, so that the end below is the end of it.
    await Promise.resolve();
    try {
      await this.#options.manager.run('start', generation.spec.socket, SOCKET_TIMEOUT_MS);
    } finally {
      generation.opening = null;
    }
  }

  #isAwake({ grantedAt, leaseMs }: Generation): boolean {
    return standing(grantedAt, leaseMs, this.#options.clock.now()) !== 'none';
  }

  #renew(generation: Generation): void {
    if (generation.flight === null) this.#launch(generation, false);
  }

  /** A flight for somebody who must wait. */
  #takeOff(generation: Generation, who: Entry | null): Flight {
    const { starts, clock } = this.#options;
    const { instance } = generation.spec;
    const now = clock.now();
    const asleep = (generation.doubted || standing(generation.grantedAt, generation.leaseMs, now) === 'none') && !generation.foundAwake;
    const quarantine = starts.quarantine(instance);
    const wait = remaining(quarantine, now);
    if (asleep && wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      const failure = starts.failureOf(instance);
      throw new Problem('quarantined',
        `${failure?.message ?? 'The app did not start.'} It failed ${quarantine.failures} times in a row; the next try is in ${seconds} s.`,
        { retryAfterS: seconds, ...(failure !== null && { cause: failure }) });
    }
    return this.#launch(generation, asleep, who);
  }

  #launch(generation: Generation, cold: boolean, asked: Entry | null = null): Flight {
    const { starts, clock } = this.#options;
    // Who may have to wait for an image must not hold up the starts of others, perhaps for minutes.
    const turn = cold && !generation.spec.fetching;
    const flight: Flight = { cold, queues: turn, turn, since: clock.now(), asked, sentAt: null, waiters: new Set() };
    if (turn) this.#room.began(clock.now());
    generation.flight = flight;
    generation.foundAwake = false;
    const go = (): void => { void this.#fly(generation, flight); };
    if (!turn) go();
    else {
      starts.ask(generation.spec.instance, {
        go,
        begun: () => { flight.sentAt = clock.now(); },
        // What is left is a lease of our own on it: the renewal of one that runs.
        awake: () => { flight.turn = false; go(); },
        failed: () => { this.#grounded(generation, flight); },
      });
    }
    return flight;
  }

  /** Sees a flight through. Never rejects. */
  async #fly(generation: Generation, flight: Flight): Promise<void> {
    const { clock, starts } = this.#options;
    const { instance } = generation.spec;
    const began = flight.sentAt ?? clock.now();
    flight.sentAt = began;
    let askedAt = began;
    let failure: Error | null = null;
    const steps = flight.cold ? new StartWatch(this.#options.manager, generation.spec.instance, generation.spec.container) : null;
    try {
      // If it has run before, a start that met the clean-up of a death gets one more chance.
      askedAt = await restartLease(this.#options, generation.spec, generation.epoch > 0 && starts.quarantine(instance).failures === 0);
    } catch (error) {
      failure = asError(error);
    }
    steps?.end();
    generation.flight = null;
    if (failure === null) starts.forgive(instance);
    else if (failure instanceof StartFailure) starts.failed(instance, failure);
    this.#over(flight);
    if (flight.turn) starts.ended(instance, failure === null ? 'awake' : failure instanceof StartFailure ? 'failed' : 'dropped');
    if (failure === null) this.#landed(generation, flight, began, askedAt, steps?.partsSince(askedAt) ?? []);
    else this.#failed(generation, flight, failure);
    this.#forgetIfIdle(generation);
  }

  /** A start is over, one way or the other. */
  #over({ queues, sentAt, since }: Flight): void {
    const now = this.#options.clock.now();
    if (queues) this.#room.ended(now, now - (sentAt ?? since));
  }

  /** Another process could not start it, and has told the journal. */
  #grounded(generation: Generation, flight: Flight): void {
    const failure = this.#options.starts.failureOf(generation.spec.instance);
    generation.flight = null;
    this.#over(flight);
    generation.grantedAt = null;
    for (const waiter of [...flight.waiters]) waiter.reject(failure ?? new Problem('start-failed', 'The app did not start.'));
    this.#forgetIfIdle(generation);
  }

  /** `askedAt`: when systemd was asked for the last time, which is later than `sentAt` if it took a job back. */
  #landed(generation: Generation, flight: Flight, sentAt: number, askedAt: number, parts: readonly Part[]): void {
    const { manager, clock, log, books } = this.#options;
    const now = clock.now();
    const tookMs = now - sentAt;
    // systemd armed the timer somewhere in between, and a long time may have passed since then on a busy machine:
    // only the beginning is safe. After a start that is long for its lease, whoever is in flight has it renewed at once.
    generation.grantedAt = askedAt;
    if (flight.cold) generation.startMs = tookMs;
    generation.doubted = false;
    generation.epoch++;
    generation.upstream.containerStarted();
    generation.unwatch ??= manager.watchEnd(generation.spec.container, () => { void this.#ended(generation); });
    this.#schedule(generation);
    if (flight.cold && (flight.turn || generation.spec.fetching)) {
      log.info('started', {
        generation: generation.spec.instance, queue_ms: Math.round(sentAt - flight.since),
        start_ms: Math.round(tookMs), waiting: flight.waiters.size,
      });
      books.woke(generation.spec, flight.asked, { queueMs: sentAt - flight.since, startMs: tookMs, parts });
    }
    for (const waiter of [...flight.waiters]) {
      const began = Math.max(sentAt, waiter.since);
      waiter.resolve({ cold: flight.cold, queueMs: began - waiter.since, startMs: now - began, ...(parts.length > 0 && { parts }) });
    }
  }

  #failed(generation: Generation, flight: Flight, failure: Error): void {
    const { clock, log, starts, books } = this.#options;
    const { instance } = generation.spec;
    if (failure instanceof StartFailure) {
      generation.grantedAt = null;
      const quarantine = starts.quarantine(instance);
      const wait = remaining(quarantine, clock.now());
      log.error(failure.message, {
        generation: instance, evidence: failure.evidence, failures: quarantine.failures,
        next_try_s: wait > 0 ? Math.ceil(wait / 1000) : undefined,
      });
      books.failed(generation.spec, flight.asked, failure, quarantine);
    } else {
      log.error(flight.cold ? 'cannot start' : 'cannot renew the lease', { generation: instance, error: failure });
      // Whatever is in flight still needs its lease.
      if (generation.inFlight > 0) this.#lookIn(generation, Math.min(1000, Math.max(50, generation.leaseMs / 16)));
    }
    for (const waiter of [...flight.waiters]) waiter.reject(failure);
  }

  /**
   * The container has ended, or the bus is lost and nobody can say. Either way
   * the lease is worth nothing until it is renewed; connections are given up
   * only when the container is known to be gone.
   */
  async #ended(generation: Generation): Promise<void> {
    const { manager, clock } = this.#options;
    generation.unwatch = null;
    generation.doubted = true;
    const { epoch } = generation;
    for (let tries = 0; generation.epoch === epoch && this.#generations.has(generation.spec.instance); tries++) {
      try {
        // Asked before any restart of the lease, so answered before it.
        const units = await manager.list([generation.spec.container]);
        if (!units.some(({ activeState }) => activeState === 'active' || activeState === 'reloading')) {
          generation.grantedAt = null;
          generation.ends++;
          generation.upstream.containerEnded();
        } else if (generation.inFlight > 0) {
          this.#renew(generation);
        }
        return;
      } catch {
        await pause(clock, Math.min(1000, 20 * 2 ** tries));
      }
    }
  }

  #schedule(generation: Generation): void {
    const { grantedAt, leaseMs } = generation;
    if (grantedAt === null || leaseMs === Infinity) return;
    this.#lookIn(generation, Math.max(0, nextLook(grantedAt, leaseMs) - this.#options.clock.now()));
  }

  #lookIn(generation: Generation, ms: number): void {
    generation.alarm?.cancel();
    generation.alarm = this.#options.clock.after(ms, () => { this.#look(generation); });
  }

  /** Renews the lease of whatever is, or was just now, in use. */
  #look(generation: Generation): void {
    generation.alarm = null;
    const { grantedAt, leaseMs, lastUse, inFlight, retired } = generation;
    if (grantedAt === null) return;
    if (inFlight > 0 || (!retired && usedSince(grantedAt, leaseMs, lastUse))) this.#renew(generation);
  }

  #forgetIfIdle(generation: Generation): void {
    if (!generation.retired || generation.inFlight > 0 || generation.flight !== null) return;
    generation.unwatch?.();
    generation.unwatch = null;
    generation.alarm?.cancel();
    generation.alarm = null;
    generation.upstream.close();
    if (this.#generations.get(generation.spec.instance) === generation) this.#generations.delete(generation.spec.instance);
  }

  /** Why a request gives up: what is still missing. Takes LAST_WORDS_MS at most. */
  async #late({ container, image, fetching }: SnapshotGeneration, flight: Flight): Promise<Problem> {
    if (flight.sentAt === null) {
      const { waiting } = this.#options.starts;
      return new Problem('too-many-waiting', `The app is asleep and its start has not had its turn: ${waiting} ${waiting === 1 ? 'app waits' : 'apps wait'} to be started on this host.`, { retryAfterS: this.#room.retryAfterS(this.#waiting) });
    }
    const seconds = Math.round((this.#options.clock.now() + LAST_WORDS_MS - flight.sentAt) / 1000);
    if (fetching && image !== null) {
      const at = printable((await evidenceOf(this.#options, image, LAST_WORDS_MS / 2))?.statusText ?? '');
      if (at === '' || at.startsWith('fetching ')) return new Problem('start-timeout', `The app has been waiting for its image for ${seconds} s (${image}${at === '' ? '' : `: ${at}`}).`, { retryAfterS: 5 });
    }
    const evidence = await evidenceOf(this.#options, container, LAST_WORDS_MS / 2);
    const status = evidence?.statusText ?? '';
    const [place] = evidence?.unmounted ?? [];
    const missing = place !== undefined ? `its storage at ${printable(place)} is not mounted` : status === '' ? 'it does not listen on its port yet' : printable(status);
    return new Problem('start-timeout', `The app has been starting for ${seconds} s: ${missing}.`, { retryAfterS: 5 });
  }
}
