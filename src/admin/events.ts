/** What happened on this host of late, for who looks later and for who wants to be told. */
import type { HostEvent } from './state.ts';

/** Distributes over the kinds. */
type WithoutId<E> = E extends HostEvent ? Omit<E, 'id'> : never;
export type News = WithoutId<HostEvent>;

const KEPT = 200;

export class EventLog {
  #events: HostEvent[] = [];
  #next = 1;
  readonly #listeners: ((event: HostEvent) => void)[] = [];

  /** Calls back for each event from now on, as it is added. */
  onEvent(listener: (event: HostEvent) => void): void {
    this.#listeners.push(listener);
  }

  add(news: News): void {
    const event: HostEvent = { id: this.#next++, ...news };
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Those with a higher id, the oldest first. */
  since(id: number): readonly HostEvent[] {
    return this.#events.filter((event) => event.id > id);
  }

  /** The id of the next one. */
  get next(): number {
    return this.#next;
  }

  /** Takes over what another run of fc-admin has kept. */
  restore(events: readonly HostEvent[], next: number): void {
    this.#events = events.slice(-KEPT);
    this.#next = next;
  }
}
