/** What happened on this host of late, for who looks later and for who wants to be told. */
import type { WithoutId } from '../report/happened.ts';
import type { HostEvent } from './state.ts';

export type News = WithoutId<HostEvent>;

const KEPT = 200;
/** Of so many apps, those that something happened to last, the last event of each kind is kept besides. */
const KEPT_APPS = 20_000;

export class EventLog {
  #events: HostEvent[] = [];
  /** By app, the one that something happened to last at the end: its last event of each kind. */
  readonly #lasts = new Map<string, Map<HostEvent['kind'], HostEvent>>();
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
    this.#note(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Those with a higher id, the oldest first. */
  since(id: number): readonly HostEvent[] {
    return this.#events.filter((event) => event.id > id);
  }

  /** Those of an app: what woke it last, too, however much has happened on the host since. The oldest first. */
  of(app: string): readonly HostEvent[] {
    const found = new Map([...this.#lasts.get(app)?.values() ?? [], ...this.#events.filter((event) => event.app === app)].map((event) => [event.id, event]));
    return [...found.values()].sort((a, b) => a.id - b.id);
  }

  #note(event: HostEvent): void {
    const lasts = this.#lasts.get(event.app) ?? new Map<HostEvent['kind'], HostEvent>();
    this.#lasts.delete(event.app);
    this.#lasts.set(event.app, lasts.set(event.kind, event));
    if (this.#lasts.size <= KEPT_APPS) return;
    const [oldest] = this.#lasts.keys();
    if (oldest !== undefined) this.#lasts.delete(oldest);
  }

  /** The id of the next one. */
  get next(): number {
    return this.#next;
  }

  /** Takes over what another run of fc-admin has kept. */
  restore(events: readonly HostEvent[], next: number): void {
    this.#events = events.slice(-KEPT);
    this.#next = next;
    for (const event of this.#events) this.#note(event);
  }
}
