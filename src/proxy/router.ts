/** The present snapshot, as requests see it: finds an app, and has fc-sync look for one that nobody knows. */
import type { Logger } from '../log.ts';
import type { Snapshot } from '../snapshot/format.ts';
import { SystemdError, type Manager } from '../systemd/manager.ts';
import { pause, type Clock } from './clock.ts';
import { Problem } from './problem.ts';
import { isDomain, RouteTable, type Route, type RouteIndex, type Wanted } from './route.ts';

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
  readonly #index = new RouteTable();
  #told = false;
  #sync: Promise<void> | null = null;
  #syncedAt = -Infinity;
  #asking = 0;
  /** Called when there is a new snapshot. */
  readonly #impatient = new Set<() => void>();

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Takes over a snapshot. */
  follow(snapshot: Snapshot): RouteIndex {
    this.#index.follow(snapshot);
    this.#told = true;
    for (const tell of this.#impatient) tell();
    return this.#index;
  }

  find(wanted: Wanted): Route | null {
    return this.#index.find(wanted);
  }

  async reload(): Promise<void> {
    await this.#options.reload();
  }

  /**
   * The route of a request. A name that no app has makes fc-sync look at the
   * CMDB first, at most once a second.
   * @throws Problem when there is none
   */
  async resolve(wanted: Wanted): Promise<Route> {
    const found = this.find(wanted);
    if (wanted.app !== null) {
      if (found !== null && found.here !== null) return found;
      // The one who asks may know more than we do: so we look as well, and it asks again.
      void this.#nextSync();
      throw new Problem('misdirected', 'The app is not placed on this host.');
    }
    if (found !== null) return found;
    if (isDomain(wanted.host) && this.#asking < MAX_ASKING) {
      this.#asking++;
      try {
        // Whoever waits for more than one sync has seen one that began after it came.
        await Promise.race([this.#nextSync(), pause(this.#options.clock, SYNC_WAIT_MS)]);
      } finally {
        this.#asking--;
      }
    }
    const route = this.find(wanted);
    if (route !== null) return route;
    if (!this.#told) throw new Problem('no-snapshot', 'This host does not know yet what it serves.', { retryAfterS: 2 });
    throw new Problem('unknown-host', 'No site has this name here. Look for typing errors in the address.');
  }

  /**
   * For a request that was sent where the app is not any more, or not yet: waits until the snapshot is another one
   * than `seen`, no longer than `ms`, and has fc-sync look meanwhile.
   */
  async renewed(seen: Route, wanted: Wanted, ms: number): Promise<void> {
    await this.#options.reload();
    if (this.find(wanted) !== seen) return;
    void this.#nextSync();
    let stop = (): void => undefined;
    const news = new Promise<void>((resolve) => { stop = resolve; });
    this.#impatient.add(stop);
    try {
      await Promise.race([news, pause(this.#options.clock, ms)]);
    } finally {
      this.#impatient.delete(stop);
    }
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
      // It was asked, and may have much to do; nobody waits for it any longer.
      if (error instanceof SystemdError && error.code === 'Timeout') log.info('fc-sync was asked to look, and has not ended yet', { after_ms: SYNC_WAIT_MS });
      else log.warn('cannot ask fc-sync to look at the CMDB', { error: error instanceof Error ? error : String(error) });
    }
  }
}
