/** The containers of this host that are not asleep, as systemd says. */
import { parseInstance } from '../model/names.ts';
import type { WatchedUnit } from '../systemd/unit-watch.ts';

export interface Container {
  /** `fc-ctr-<instance>.service`, `<app>-<gen>`. */
  readonly unit: string;
  readonly instance: string;
  readonly app: string;
  readonly gen: string;
  readonly state: WatchedUnit['activeState'];
  /** ms since the epoch: when it was last started, when it last listened, when it came into this state. 0: never. */
  readonly startedAt: number;
  readonly activeAt: number;
  readonly changedAt: number;
}

/** Whether its app can be talked to, or could until just now: it takes memory and time. */
export function runs({ state }: Container): boolean {
  return state === 'active' || state === 'reloading' || state === 'deactivating';
}

export type ContainerListener = (now: Container, before: Container | null) => void;

export class Containers {
  readonly #byApp = new Map<string, Container[]>();
  readonly #listeners: ContainerListener[] = [];

  /** Calls back for each change, with how the container was before; null: asleep. */
  onChange(listener: ContainerListener): void {
    this.#listeners.push(listener);
  }

  /** systemd says so; see UnitWatch. */
  told({ unit, activeState, startedAt, activeAt, changedAt }: WatchedUnit): void {
    const instance = /^fc-ctr-(.+)\.service$/.exec(unit)?.[1] ?? '';
    const generation = parseInstance(instance);
    if (generation === null) return;
    const { app, gen } = generation;
    const now: Container = { unit, instance, app, gen, state: activeState, startedAt, activeAt, changedAt };
    const all = this.#byApp.get(app) ?? [];
    const before = all.find((one) => one.instance === instance) ?? null;
    const others = all.filter((one) => one !== before);
    if (activeState !== 'inactive') others.push(now);
    if (others.length === 0) this.#byApp.delete(app);
    else this.#byApp.set(app, others);
    for (const listener of this.#listeners) listener(now, before);
  }

  /** Of an app, those that are not asleep; failed ones among them. */
  of(app: string): readonly Container[] {
    return this.#byApp.get(app) ?? [];
  }

  /** All that are not asleep. */
  *all(): Iterable<Container> {
    for (const containers of this.#byApp.values()) yield* containers;
  }
}
