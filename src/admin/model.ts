/**
 * What fc-admin knows of its host, in one place: of fc-sync by its snapshot and report.json, of the containers by
 * systemd, of requests and starts by fc-proxy. All that is told elsewhere (state.json, metrics, the page) is read from here:
 *
 * - `apps()` gives each app that there is, `state(name)` how it stands; both are made when asked for.
 * - `ledger.apps`, `.passed`, `.unrouted`: accounts, whose `counts` (report/counts.ts) only rise, over all restarts too.
 * - `events.onEvent(listener)`: each event as it happens; `containers.onChange(listener)`: each container's change.
 */
import type { Host } from '../model/app.ts';
import { instanceName } from '../model/names.ts';
import type { Snapshot, SnapshotApp } from '../snapshot/format.ts';
import { appState, type SyncWords } from './app-state.ts';
import { Containers, type Container } from './containers.ts';
import { EventLog } from './events.ts';
import { Ledger } from './ledger.ts';
import { noMeter, type Meter } from './meter.ts';
import { APP_STATES, STATE_FORMAT, type AppState, type AppStateName, type HostStatus, type SyncState } from './state.ts';

export interface ModelOptions {
  /** hosts.name, as the configuration has it. */
  readonly host: string;
  readonly version: string;
  /** report.json as it stands; null: there is none. */
  readonly sync: () => SyncState | null;
  readonly meter?: Meter;
  /** There is something that is not stored yet. */
  readonly changed?: () => void;
}

/** How long fc-proxy may take to tell of a start that systemd has told of. */
const PROXY_TELLS_MS = 5000;

export class HostModel {
  readonly host: string;
  readonly containers = new Containers();
  readonly events = new EventLog();
  readonly ledger: Ledger;
  /** When this host began to count, ms since the epoch. */
  since = Date.now();
  readonly #options: ModelOptions;
  #apps: ReadonlyMap<string, SnapshotApp> = new Map();
  #hosts: readonly Host[] = [];
  #words: { readonly of: SyncState | null; readonly byApp: ReadonlyMap<string, SyncWords> } = { of: null, byApp: new Map() };
  /** When fc-proxy last told that it had woken a generation. */
  readonly #woken = new Map<string, number>();

  constructor(options: ModelOptions) {
    this.#options = options;
    this.host = options.host;
    this.ledger = new Ledger(this.events, () => options.changed?.());
    this.containers.onChange((now, before) => { this.#changed(now, before); });
    this.events.onEvent((event) => { if (event.kind === 'woke') this.#woken.set(instanceName(event.app, event.generation), event.at); });
  }

  /** The fleet's hosts, as the last snapshot had them. */
  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** Takes over a snapshot. */
  follow({ apps, hosts }: Snapshot): void {
    const before = this.#apps;
    this.#apps = new Map(apps.map((app) => [app.name, app]));
    this.#hosts = hosts;
    for (const { name, here } of apps) {
      const account = this.ledger.apps.get(name);
      if (account !== undefined) account.knownAt = Date.now();
      const old = before.get(name)?.here ?? null;
      if (old === null || here === null || old.id === here.id) continue;
      // What sleeps changes without anybody noticing.
      if (!this.containers.of(name).some(({ instance, state }) => instance === old.instance && state === 'active')) continue;
      this.events.add({ kind: 'handed-over', at: Date.now(), app: name, from: old.id, generation: here.id });
      this.#options.changed?.();
    }
  }

  #changed(now: Container, before: Container | null): void {
    if (now.state === 'active' && before?.state !== 'active' && now.startedAt > 0) this.#awoke(now, before);
    const wasUp = before !== null && before.activeAt >= before.startedAt && before.activeAt > 0 && before.state !== 'failed';
    if (!wasUp || (now.state !== 'inactive' && now.state !== 'failed')) return;
    const at = Math.round(now.changedAt > 0 ? now.changedAt : Date.now());
    this.ledger.of(now.app).sleptAt = at;
    this.events.add({ kind: 'slept', at, app: now.app, generation: now.gen, awakeMs: Math.max(0, Math.round(at - before.activeAt)) });
    this.#options.changed?.();
  }

  /** Who starts an app is fc-proxy, which tells of it, a process at the app's own socket or port, or fc-sync for a hand-over. */
  #awoke({ app, instance, gen, startedAt, activeAt }: Container, before: Container | null): void {
    // It was there when this process began.
    if (before === null && Date.now() - activeAt > PROXY_TELLS_MS) return;
    setTimeout(() => {
      if ((this.#woken.get(instance) ?? 0) >= startedAt || this.#handedOver(app, gen)) return;
      this.ledger.startedElsewhere(app, gen, Math.round(activeAt), Math.round(activeAt - startedAt));
    }, PROXY_TELLS_MS).unref();
  }

  /** Whether fc-sync starts it, or has started it, beside another one. */
  #handedOver(app: string, gen: string): boolean {
    const here = this.#apps.get(app)?.here ?? null;
    return here !== null && (here.id !== gen || this.events.since(0).some((event) => event.kind === 'handed-over' && event.app === app && event.generation === gen));
  }

  /** Names of all apps: those of the snapshot, and those whose rows were rejected and that have none there. */
  *apps(): Iterable<string> {
    yield* this.#apps.keys();
    for (const [name, { rejected }] of this.#sync()) if (rejected !== null && !this.#apps.has(name)) yield name;
  }

  has(name: string): boolean {
    return this.#apps.has(name) || (this.#sync().get(name)?.rejected ?? null) !== null;
  }

  /** What fc-sync's report says, by app; made anew when there is another report. */
  #sync(): ReadonlyMap<string, SyncWords> {
    const state = this.#options.sync();
    if (this.#words.of === state) return this.#words.byApp;
    const byApp = new Map<string, SyncWords>();
    const add = (app: string, words: Partial<SyncWords>): void => void byApp.set(app, { ...NO_WORDS, ...byApp.get(app), ...words });
    for (const { app, table, key, column, why } of state?.rejections ?? []) if (app !== null) add(app, { rejected: `${table} ${key}: ${column} ${why}` });
    for (const { app, to } of state?.handingOver ?? []) add(app, { handingOver: to });
    for (const app of state?.deepAsleep ?? []) add(app, { deep: true });
    this.#words = { of: state, byApp };
    return byApp;
  }

  /** @param troubles `ledger.troubles()`, for who asks for many apps */
  state(name: string, now: number, troubles = this.ledger.troubles()): AppState {
    const app = this.#apps.get(name) ?? null;
    const here = app?.here ?? null;
    return appState({
      name, app, now,
      containers: this.containers.of(name),
      sync: this.#sync().get(name) ?? NO_WORDS,
      trouble: here === null ? null : troubles.get(here.instance) ?? null,
      account: this.ledger.apps.get(name) ?? null,
      metered: (this.#options.meter ?? noMeter)(name),
    });
  }

  /** All of it. */
  status(): HostStatus {
    const now = Date.now();
    const troubles = this.ledger.troubles();
    const counts: Record<AppStateName, number> = { ...NO_COUNTS };
    const apps: AppState[] = [];
    for (const name of this.apps()) {
      const state = this.state(name, now, troubles);
      counts[state.state]++;
      apps.push(state);
    }
    const accounts = [this.ledger.passed, this.ledger.unrouted, ...this.ledger.apps.values()];
    return {
      format: STATE_FORMAT, host: this.host, version: this.#options.version, at: now, since: this.since,
      sync: this.#options.sync(),
      proxy: {
        ...this.ledger.present,
        inFlight: accounts.reduce((sum, { inFlight }) => sum + inFlight, 0),
        requestsPerS: accounts.reduce((sum, account) => sum + account.requestsPerS(now), 0),
      },
      counts,
      matching: apps.length, apps,
      events: this.events.since(0),
    };
  }
}

const NO_WORDS: SyncWords = { rejected: null, handingOver: null, deep: false };

const NO_COUNTS = Object.fromEntries(APP_STATES.map((state) => [state, 0])) as Record<AppStateName, number>;
