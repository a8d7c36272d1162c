/** The present snapshot, as requests see it: finds an app, and has fc-sync look for one that nobody knows. */
import type { Logger } from '../log.ts';
import type { Snapshot } from '../snapshot/format.ts';
import type { Manager } from '../systemd/manager.ts';
import { pause, type Clock } from './clock.ts';
import { Problem } from './problem.ts';
import { buildIndex, isDomain, type Route, type RouteIndex } from './route.ts';

export interface RouterOptions {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reads the snapshot file now; its news arrive through `follow` before the promise is kept. */
  readonly reload: () => Promise<void>;
}

const SYNC_UNIT = 'fc-sync.service';
/** Least time between two starts of fc-sync on account of unknown names. */
const SYNC_EVERY_MS = 1000;
/** How long a request for an unknown name waits for it. */
const SYNC_WAIT_MS = 5000;
/** Requests for unknown names that may wait; the rest is told at once, as most of them are scanners. */
const MAX_ASKING = 256;

export class Router {
  readonly #options: RouterOptions;
  #index: RouteIndex | null = null;
  #sync: Promise<void> | null = null;
  #syncedAt = -Infinity;
  #asking = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Takes over a snapshot. */
  follow(snapshot: Snapshot): RouteIndex {
    return this.#index = buildIndex(snapshot);
  }

  find(host: string): Route | null {
    return this.#index === null ? null : this.#index.find(host);
  }

  async reload(): Promise<void> {
    await this.#options.reload();
  }

  /**
   * The route of a host; a name that no app has makes fc-sync look at the CMDB
   * first, at most once a second.
   * @throws Problem when there is none
   */
  async resolve(host: string): Promise<Route> {
    const found = this.find(host);
    if (found !== null) return found;
    if (isDomain(host) && this.#asking < MAX_ASKING) {
      this.#asking++;
      try {
        // Whoever waits for more than one sync has seen one that began after it came.
        await Promise.race([this.#nextSync(), pause(this.#options.clock, SYNC_WAIT_MS)]);
      } finally {
        this.#asking--;
      }
    }
    const route = this.find(host);
    if (route !== null) return route;
    if (this.#index === null) throw new Problem('no-snapshot', 'This host does not know yet what it serves.', { retryAfterS: 2 });
    throw new Problem('unknown-host', 'No app answers to this host name.');
  }

  /** The generation that serves a route here. */
  here(route: Route): Extract<Route, { kind: 'here' }> {
    if (route.kind === 'here') return route;
    throw new Problem('elsewhere', 'The app runs on other hosts only.', { retryAfterS: 30 });
  }

  /** A sync that begins from now on; those that come while one is due share it. */
  #nextSync(): Promise<void> {
    if (this.#sync === null) {
      const { clock } = this.#options;
      const due = pause(clock, Math.max(0, this.#syncedAt + SYNC_EVERY_MS - clock.now()));
      this.#sync = due.then(() => this.#syncNow());
    }
    return this.#sync;
  }

  async #syncNow(): Promise<void> {
    const { manager, clock, log, reload } = this.#options;
    this.#syncedAt = clock.now();
    // From here on a newcomer's row may be missed by it: the next sync is theirs.
    this.#sync = null;
    try {
      await manager.run('start', SYNC_UNIT, SYNC_WAIT_MS);
      await reload();
    } catch (error) {
      log.warn('cannot ask fc-sync about an unknown host name', { error: error instanceof Error ? error : String(error) });
    }
  }
}
