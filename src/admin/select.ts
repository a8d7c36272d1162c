/**
 * Which apps and how many events somebody wants of a host, by the query of `/state.json` (of `/fleet.json`: of each host).
 * All of it is optional; without any, all that there is. Pure.
 *
 * | parameter | is |
 * | --- | --- |
 * | `app` | this app and no other, and what happened to it |
 * | `q` | apps whose name, a domain, generation or `why` holds this text, in whatever case |
 * | `state` | apps in one of these states, separated by commas |
 * | `sort` | their order, one of SORTS; without it what needs attention comes first (ATTENTION) |
 * | `limit` | at most so many apps |
 * | `events` | at most so many events, the newest |
 * | `events_since` | events with a higher id than this |
 */
import { quoted } from '../model/printable.ts';
import { APP_STATES, type AppState, type AppStateName, type HostEvent, type HostStatus } from './state.ts';

/** What needs attention comes before what does something, and that before what sleeps. */
export const ATTENTION: readonly AppStateName[] = ['quarantined', 'rejected', 'starting', 'handing-over', 'awake', 'stopping', 'asleep', 'deep', 'elsewhere'];

/** By name, or the most first; null, not known, last. */
const KEYS = {
  state: ({ state }: AppState) => -ATTENTION.indexOf(state),
  name: () => 0,
  since: ({ since }: AppState) => since,
  requests: ({ requestsPerS }: AppState) => requestsPerS,
  'in-flight': ({ inFlight }: AppState) => inFlight,
  starts: ({ starts }: AppState) => starts.p95Ms,
  memory: ({ memoryBytes }: AppState) => memoryBytes,
} as const satisfies Record<string, (app: AppState) => number | null>;

export type Sort = keyof typeof KEYS;
export const SORTS = Object.keys(KEYS).filter(isSort);

export interface Selection {
  /** Null: any. */
  readonly app: string | null;
  /** In lower case; empty: any. */
  readonly text: string;
  /** Empty: any. */
  readonly states: readonly AppStateName[];
  readonly sort: Sort;
  /** Infinity: all. */
  readonly limit: number;
  readonly events: number;
  /** 0: all. */
  readonly eventsSince: number;
}

/** The query asks for what there is not. The message says what. */
export class SelectionError extends Error {
  override readonly name = 'SelectionError';
}

const PARAMETERS = ['app', 'q', 'state', 'sort', 'limit', 'events', 'events_since'];

/** @throws SelectionError for a parameter or a value that there is not */
export function readSelection(query: URLSearchParams): Selection {
  for (const name of query.keys()) {
    if (query.getAll(name).length > 1) throw new SelectionError(`${quoted(name)} is there twice`);
    if (!PARAMETERS.includes(name)) throw new SelectionError(`there is no parameter ${quoted(name)}: they are ${PARAMETERS.join(', ')}`);
  }
  const app = query.get('app');
  if (app !== null && !/^[a-z0-9-]{1,40}$/.test(app)) throw new SelectionError(`app is ${quoted(app)}, and should be the name of an app`);
  const sort = query.get('sort') ?? 'state';
  if (!isSort(sort)) throw new SelectionError(`sort is ${quoted(sort)}, and can be ${SORTS.join(', ')}`);
  const states = (query.get('state') ?? '').split(',').filter((name) => name !== '').map((name) => {
    if (!isState(name)) throw new SelectionError(`state has ${quoted(name)}, and can have ${APP_STATES.join(', ')}`);
    return name;
  });
  return {
    app, text: (query.get('q') ?? '').trim().toLowerCase(), states, sort,
    limit: amount(query, 'limit') ?? Infinity, events: amount(query, 'events') ?? Infinity, eventsSince: amount(query, 'events_since') ?? 0,
  };
}

/** The apps that are asked for, in order: before `limit`, so that their number can be told. */
export function selectApps(apps: readonly AppState[], { app: only, text, states, sort }: Selection): readonly AppState[] {
  const matching = apps.filter((app) => (only === null || app.name === only) && (states.length === 0 || states.includes(app.state)) && (text === '' || holds(app, text)));
  const key = KEYS[sort];
  return matching
    .map((app) => ({ app, key: key(app) ?? -Infinity }))
    .sort((a, b) => (a.key === b.key ? (a.app.name < b.app.name ? -1 : 1) : b.key - a.key))
    .map(({ app }) => app);
}

/** What is asked for of all that a host says; `counts` and the rest stay those of the whole host. */
export function selectStatus(status: HostStatus, selection: Selection): HostStatus {
  const matching = selectApps(status.apps, selection);
  const apps = matching.slice(0, selection.limit);
  const names = new Set(apps.map(({ name }) => name));
  // Thousands of names, of which the reader of a few apps has no use.
  const sync = status.sync === null ? null : { ...status.sync, deepAsleep: status.sync.deepAsleep.filter((name) => names.has(name)) };
  return { ...status, sync, matching: matching.length, apps, events: newest(status.events.filter(({ id }) => id > selection.eventsSince), selection.events) };
}

function newest(events: readonly HostEvent[], count: number): readonly HostEvent[] {
  return events.slice(Math.max(0, events.length - count));
}

function holds({ name, domains, generation, why }: AppState, text: string): boolean {
  return name.includes(text) || domains.some((domain) => domain.includes(text)) || (generation?.includes(text) ?? false) || (why?.toLowerCase().includes(text) ?? false);
}

function amount(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text)) throw new SelectionError(`${name} is ${quoted(text)}, and should be a whole number`);
  return Number(text);
}

function isSort(name: string): name is Sort {
  return Object.hasOwn(KEYS, name);
}

function isState(name: string): name is AppStateName {
  return (APP_STATES as readonly string[]).includes(name);
}
