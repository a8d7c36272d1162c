/**
 * A request's way to an app that is awake: found here, woken, or on another
 * host, and found again when the app changes, moves or dies meanwhile. Exchange and Tunnel share it.
 */
import type { Logger } from '../log.ts';
import { Left, type Activator, type Wait } from './activate.ts';
import type { Books } from './books.ts';
import { pause, type Clock } from './clock.ts';
import { choose, type Place } from './balance.ts';
import type { Entry } from './entry.ts';
import type { Generation, Waited } from './generation.ts';
import type { Incidents } from './incidents.ts';
import { Gone } from './lease-job.ts';
import { HopLeg, LocalLeg, Misdirected, Refused, type Leg } from './leg.ts';
import type { Peers } from './peers.ts';
import { Problem } from './problem.ts';
import { addWait } from './receipt.ts';
import type { Route, Target } from './route.ts';
import type { Router } from './router.ts';
import type { SickPlaces } from './sick.ts';
import { declined, nowhere } from './unavailable.ts';
import type { Path } from './upstream.ts';

/** What all requests share. */
export interface ProxyContext {
  readonly activator: Activator;
  readonly router: Router;
  readonly peers: Peers;
  readonly sick: SickPlaces;
  readonly incidents: Incidents;
  readonly books: Books;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this process is about to end, so that clients should connect anew. */
  readonly draining: () => boolean;
}

/** Who waits for a start, and may be told that he does. */
export interface Patient {
  /** How long, for this app; null: to the end. */
  patience(route: Route): Patience | null;
}

export interface Patience {
  /** On the proxy's clock. */
  readonly until: number;
  /** How long it was waited before the request came, in its visitor's name, ms. */
  readonly beforeMs: number;
}

/** The app still starts, and the one who waits is to be told so. */
export class StillStarting extends Left {
  /** How long its last start took; null: not known. */
  readonly typicalMs: number | null;

  constructor(typicalMs: number | null) {
    super();
    this.typicalMs = typicalMs;
  }
}

/** Times that an app's generation may change under a request. */
const MAX_REROUTES = 3;

/** How long an app must refuse connections, at its address, before it is taken for one that listens on loopback only. */
const LOOPBACK_AFTER_MS = 200;

/** How long a request looks for an app that is on its way from one host to another: until both have seen the row. */
const MOVING_MS = 10_000;

/** The way of a request that need not wait for anything: the usual case. Null: it must. */
export function directly(context: ProxyContext, target: Target): Leg | null {
  const { activator, router } = context;
  const route = router.find(target);
  const place = route === null ? null : choosePlace(context, route, ANY);
  if (route === null || place === null) return null;
  if (place.kind === 'there') return legThere(context, route, place, hasChoice(context, route, place, ANY));
  const generation = activator.generation(place.generation);
  return activator.ready(generation) ? new LocalLeg(activator, generation) : null;
}

type Wish = (place: Place) => boolean;

const ANY: Wish = () => true;

/** Of the places that are wanted and can be asked; those where the app is sick only if there are no others. */
function choosePlace(context: ProxyContext, route: Route, wanted: Wish): Place | null {
  // Nothing to choose from: most apps have one placement.
  const only = route.tiers.length === 1 && route.tiers[0]?.length === 1 ? route.tiers[0][0] : undefined;
  if (only?.kind === 'here') return wanted(only) ? only : null;
  return chooseFrom(context, route, (place) => !context.sick.has(route.app, place.host) && wanted(place)) ?? chooseFrom(context, route, wanted);
}

function chooseFrom({ activator, peers }: ProxyContext, { app, tiers }: Route, wanted: Wish): Place | null {
  return choose(tiers,
    (place) => (place.kind === 'here' ? activator.generation(place.generation).inFlight : peers.get(place.peer)?.inFlightOf(app) ?? 0),
    (place) => wanted(place) && (place.kind === 'here' || peers.get(place.peer)?.usable === true));
}

/** Under which reference the journal knows what a visitor is not told of a problem; null: he is told all. */
export function referenceOf({ incidents, router }: ProxyContext, problem: Problem, target: Target): string | null {
  return incidents.referenceOf(problem, target.app ?? router.find(target)?.app ?? null);
}

/** Whether another place than this one, where the app is not sick, could take the request. */
function hasChoice(context: ProxyContext, route: Route, { host }: Place, wanted: Wish): boolean {
  if (route.tiers.length === 1 && route.tiers[0]?.length === 1) return false;
  return chooseFrom(context, route, (place) => place.host !== host && !context.sick.has(route.app, place.host) && wanted(place)) !== null;
}

function legThere({ peers, sick, books }: ProxyContext, { app }: Route, { peer: host }: Extract<Place, { kind: 'there' }>, choice: boolean): HopLeg | null {
  const peer = peers.get(host);
  return peer === null ? null : new HopLeg(peer, app, sick, books.passed, choice);
}

export class Visit {
  readonly #context: ProxyContext;
  readonly #target: Target;
  readonly #entry: Entry;
  readonly #patient: Patient | null;
  #deadline: number | null = null;
  #wait: Wait | null = null;
  #left = false;
  #reroutes = 0;
  #failures = 0;
  /** Since when the app has refused connections, and how often its container had ended then. */
  #refused: { since: number; ends: number } | null = null;
  /** Hosts that did not take the request, and are not asked again as long as there are others. */
  readonly #tried = new Set<string>();
  /** Hosts that the app cannot be had on, and why: they are not asked again. */
  readonly #declined = new Map<string, Problem>();
  readonly #wish: Wish = ({ host }) => !this.#tried.has(host) && !this.#declined.has(host);
  /** Until when to wait for the hosts to agree where the app is, and how often that was done; null: they do. */
  #moving: { readonly until: number; times: number } | null = null;
  /** What it waited for so far; null: for no start. */
  waited: Waited | null = null;

  constructor(context: ProxyContext, target: Target, entry: Entry, patient: Patient | null) {
    this.#context = context;
    this.#target = target;
    this.#entry = entry;
    this.#patient = patient;
  }

  /**
   * A way to the app: it is awake, or on another host that sees to that.
   * @throws Problem, Left after leave(), or StillStarting
   */
  async activate(): Promise<Leg> {
    const { activator, books, clock, router, sick } = this.#context;
    for (;;) {
      const route = await router.resolve(this.#target);
      if (this.#left) throw new Left();
      // All that can be done here is to pass it on.
      if (route.here === null) this.#entry.goes(books.passed);
      const place = this.#choose(route);
      if (place === null) {
        await this.#look(route);
        continue;
      }
      if (place.kind === 'there') {
        const leg = legThere(this.#context, route, place, hasChoice(this.#context, route, place, this.#wish));
        if (leg !== null) return leg;
        continue;
      }
      const spec = place.generation;
      const generation = activator.generation(spec);
      if (activator.ready(generation)) return new LocalLeg(activator, generation);
      this.#entry.waits(route.app);
      // Here, too, balance.ts leaves it for the last, but not on behalf of another host.
      if (spec.fetching && this.#target.choice) throw new Problem('fetching', 'The image of the app is not on this host yet.');
      sick.tries(route.app, place.host);
      const patience = this.#patient?.patience(route) ?? null;
      this.#deadline ??= this.#entry.arrivedAt - (patience?.beforeMs ?? 0) + spec.startTimeoutS * 1000;
      try {
        // What went before an attempt that is made again was no wait for this start.
        this.#wait = activator.wait(generation, this.#failures === 0 ? this.#entry.arrivedAt : clock.now(), this.#deadline, this.#entry);
        this.waited = addWait(this.waited, await this.#end(this.#wait, patience, generation));
        sick.well(route.app, place.host);
        return new LocalLeg(activator, generation);
      } catch (error) {
        if (error instanceof Left || ++this.#reroutes > MAX_REROUTES) throw error;
        if (error instanceof Gone) await router.reload();
        // A newer generation, or another host, may serve already, and knows nothing of this one's troubles.
        const now = router.find(this.#target);
        if (now === null || now.here?.instance === spec.instance) this.#decline(route, place.host, error);
      } finally {
        this.#wait = null;
      }
    }
  }

  /** The end of a wait; it goes on without this visitor once he is to be told. @throws what the wait does, or StillStarting */
  async #end(wait: Wait, patience: Patience | null, generation: Generation): Promise<Waited> {
    if (patience === null || !wait.cold) return await wait.done;
    const { activator, clock } = this.#context;
    let told = false;
    const alarm = clock.after(Math.max(0, patience.until - clock.now()), () => {
      told = true;
      wait.leave();
    });
    try {
      return await wait.done;
    } catch (error) {
      if (!told || !(error instanceof Left)) throw error;
      activator.expect(generation);
      throw new StillStarting(generation.startMs);
    } finally {
      alarm.cancel();
    }
  }

  #choose(route: Route): Place | null {
    return choosePlace(this.#context, route, this.#wish);
  }

  /**
   * The app cannot be had here.
   * @throws what is the matter, unless another placement may do better
   */
  #decline(route: Route, host: string, error: unknown): void {
    if (!(error instanceof Problem) || !error.elsewhere) throw error;
    this.#declined.set(host, error);
    if (route.tiers.flat().length > 1) this.#context.sick.failed(route.app, host, error);
  }

  /**
   * There is no place left. Hosts that said that the app is not theirs are asked again, as long as the snapshots of
   * the fleet may differ; those that broke a connection once more.
   * @throws Problem when that is of no use
   */
  async #look(route: Route): Promise<void> {
    const { clock, router, peers } = this.#context;
    const places = route.tiers.flat();
    const others = places.filter(({ host }) => !this.#declined.has(host));
    if (this.#declined.size > 0 && others.length === 0) throw declined(route.app, this.#declined, 0);
    const tried = this.#tried.size > 0;
    this.#tried.clear();
    if (this.#moving !== null && clock.now() < this.#moving.until) {
      await router.renewed(route, this.#target, Math.min(1000, 20 * 2 ** this.#moving.times++));
      if (this.#left) throw new Left();
      // It may have gone from the fleet, or its hosts may have.
      if (this.#choose(router.find(this.#target) ?? route) !== null) return;
    } else if (tried && this.#moving === null && this.#choose(route) !== null) {
      return;
    }
    for (const place of places) if (place.kind === 'there') peers.get(place.peer)?.hasten();
    if (this.#declined.size > 0) throw declined(route.app, this.#declined, others.length);
    throw nowhere(route, this.#moving !== null, peers.able);
  }

  /** The client has gone: nobody waits here any more. */
  leave(): void {
    this.#left = true;
    this.#wait?.leave();
  }

  /**
   * After a failed attempt that may be made again: waits for the right moment.
   * The first failure grants the time of one more start; the pauses grow.
   * @returns whether there is still time for another attempt
   */
  async again(leg: Leg, error: Error): Promise<boolean> {
    const { clock, log } = this.#context;
    const now = clock.now();
    leg.suspect(error);
    if (leg.kind === 'there') {
      // Whoever still fetches the image is asked again if there are no others, and then the request waits.
      if (error instanceof Refused && error.problem.elsewhere && error.problem.kind !== 'fetching') this.#declined.set(leg.peer.host.name, error.problem);
      else this.#tried.add(leg.peer.host.name);
      if (error instanceof Misdirected) this.#moving ??= { until: now + MOVING_MS, times: 0 };
      return true;
    }
    const { generation, path } = leg;
    if (this.#failures++ === 0) this.#deadline = Math.max(this.#deadline ?? 0, now + generation.spec.startTimeoutS * 1000);
    const pauseMs = this.#failures === 1 ? 0 : Math.min(500, 5 * 2 ** (this.#failures - 2));
    if (now + pauseMs >= (this.#deadline ?? now)) return false;
    try {
      await this.#mendPath(generation, path, error, now);
    } catch (cause) {
      log.warn('cannot start the socket of an app', { generation: generation.spec.instance, error: cause instanceof Error ? cause : String(cause) });
    }
    if (pauseMs > 0) await pause(clock, pauseMs);
    return true;
  }

  /** An app that listens on loopback only is reached through its gate. */
  async #mendPath(generation: Generation, path: Path, error: Error, now: number): Promise<void> {
    const refused = codeOf(error) === 'ECONNREFUSED';
    const { upstream, ends } = generation;
    if (path === 'socket') {
      if (refused || codeOf(error) === 'ENOENT') await this.#context.activator.openSocket(generation);
      return;
    }
    if (!refused || upstream.directWorks || this.#refused?.ends !== ends) {
      this.#refused = refused ? { since: now, ends } : null;
      return;
    }
    // The container is there, its lease was renewed in between, and still nobody is at its address.
    if (now - this.#refused.since >= LOOPBACK_AFTER_MS && upstream.path === 'direct') {
      this.#context.log.info('the app does not listen on its own address: going through its gate', { generation: generation.spec.instance });
      upstream.path = 'socket';
    }
  }
}

/** The `code` of node's errors, and of ours, or nothing. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
