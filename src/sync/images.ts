/**
 * Has images fetched, a few at a time; no pass waits for it. The units go on trying by themselves, so the end of
 * the first try is all that is waited for: what comes later is seen by a later pass.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncManager } from '../systemd/apply.ts';

/** Registries, disks and podman's locks do not get faster by more. */
const PARALLEL = 4;

/** Longer than the unit's own limit. */
const FETCH_TIMEOUT_MS = 31 * 60_000;

export class Images {
  readonly #manager: Pick<SyncManager, 'run'>;
  readonly #onEnd: () => void;
  readonly #queue = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();

  /** `onEnd` is called after each fetch, whatever came of it: a pass is due. */
  constructor(manager: Pick<SyncManager, 'run'>, onEnd: () => void) {
    this.#manager = manager;
    this.#onEnd = onEnd;
  }

  /** Whether nothing is being fetched that was asked for here. */
  get idle(): boolean {
    return this.#running.size === 0;
  }

  /** Starts these units, and no others that still wait for their turn. */
  begin(units: readonly string[]): void {
    this.#queue.clear();
    for (const unit of units) if (!this.#running.has(unit)) this.#queue.add(unit);
    this.#next();
  }

  /** Resolves when nothing is being fetched any more, or after `withinMs`. */
  async settled(withinMs: number): Promise<void> {
    const late = new AbortController();
    const deadline = sleep(withinMs, 'late', { signal: late.signal }).catch(() => 'late');
    while (!this.idle) {
      if (await Promise.race([deadline, ...this.#running.values()]) === 'late') break;
    }
    late.abort();
  }

  #next(): void {
    for (const unit of this.#queue) {
      if (this.#running.size >= PARALLEL) return;
      this.#queue.delete(unit);
      this.#running.set(unit, this.#run(unit));
    }
  }

  /** Never rejects. Why a fetch failed is told by its unit. */
  async #run(unit: string): Promise<void> {
    await this.#manager.run('start', unit, FETCH_TIMEOUT_MS).catch(() => undefined);
    this.#running.delete(unit);
    this.#next();
    this.#onEnd();
  }
}
