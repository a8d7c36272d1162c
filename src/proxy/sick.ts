/**
 * Placements that an app cannot be had on although their host can: it does not start there, or too many wait for it.
 * They are left out as long as there are others, and tried again with backoff, by one request at a time.
 */
import type { Logger } from '../log.ts';
import type { Snapshot } from '../snapshot/format.ts';
import type { Clock } from './clock.ts';
import type { Problem } from './problem.ts';

/** The first pause before a placement is tried again; it doubles. */
const BACKOFF_MS = 250;
/** Also where the host says that its own next try is later: it may have been mended meanwhile, and says so at once. */
const LONGEST_BACKOFF_MS = 30_000;
/** How long the request that tries a placement again keeps others from it; a start may take its time. */
const TRIAL_MS = 30_000;

interface Sick {
  /** Failures since the app was last had there. */
  failures: number;
  /** Until when it is left out, on the proxy's clock. */
  until: number;
  /** Whether a request is trying it. */
  trial: boolean;
}

export class SickPlaces {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By app, by host. Empty most of the time. */
  readonly #apps = new Map<string, Map<string, Sick>>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether an app is left out on a host. */
  has(app: string, host: string): boolean {
    const sick = this.#find(app, host);
    return sick !== undefined && this.#clock.now() < sick.until;
  }

  /** A request goes there. After the pause it is the one that tries. */
  tries(app: string, host: string): void {
    const sick = this.#find(app, host);
    if (sick === undefined || this.#clock.now() < sick.until) return;
    sick.trial = true;
    sick.until = this.#clock.now() + TRIAL_MS;
  }

  /** The app could not be had there. Of many requests that learn it together, one counts. */
  failed(app: string, host: string, problem: Problem): void {
    const before = this.#find(app, host);
    if (before?.trial === false && this.has(app, host)) return;
    if (problem.kind === 'fetching') {
      // Nothing has failed, and the host says so at no cost to anybody: asked often, it serves as soon as it can.
      if (before === undefined) this.#log.info('an app is not ready on a host yet', { app, host, why: problem.message });
      this.#leaveOut(app, host, 0, BACKOFF_MS);
      return;
    }
    const failures = (before?.failures ?? 0) + 1;
    const ms = Math.min(LONGEST_BACKOFF_MS, Math.max(BACKOFF_MS * 2 ** (failures - 1), (problem.retryAfterS ?? 0) * 1000));
    this.#leaveOut(app, host, failures, ms);
    this.#log.warn('an app is left out on a host', { app, host, why: problem.message, for_ms: ms });
  }

  #leaveOut(app: string, host: string, failures: number, ms: number): void {
    const hosts = this.#apps.get(app) ?? new Map<string, Sick>();
    this.#apps.set(app, hosts.set(host, { failures, until: this.#clock.now() + ms, trial: false }));
  }

  /** The app has answered there. */
  well(app: string, host: string): void {
    if (this.#find(app, host) === undefined) return;
    this.#forget(app, host);
    this.#log.info('an app is back on a host', { app, host });
  }

  /** Takes over a new snapshot: placements that it does not have are nobody's trouble. */
  follow({ apps }: Pick<Snapshot, 'apps'>): void {
    if (this.#apps.size === 0) return;
    const placements = new Map(apps.map(({ name, placements: rows }) => [name, rows]));
    for (const [app, hosts] of this.#apps) {
      for (const host of hosts.keys()) if (placements.get(app)?.some((row) => row.host === host) !== true) this.#forget(app, host);
    }
  }

  #find(app: string, host: string): Sick | undefined {
    return this.#apps.size === 0 ? undefined : this.#apps.get(app)?.get(host);
  }

  #forget(app: string, host: string): void {
    const hosts = this.#apps.get(app);
    hosts?.delete(host);
    if (hosts?.size === 0) this.#apps.delete(app);
  }
}
