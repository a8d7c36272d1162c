/**
 * Which app a request is for: request target and Host → app. Pure.
 */
import type { Snapshot, SnapshotApp, SnapshotGeneration } from '../snapshot/format.ts';
import { tiersOf, type Tier } from './balance.ts';

/** Where an app's requests go. */
export interface Route {
  readonly app: string;
  /** What serves here; null: nothing does. */
  readonly here: SnapshotGeneration | null;
  readonly tiers: readonly Tier[];
  /** Seconds that a browser waits for a start before it gets the waiting page; null: it gets none. */
  readonly waitingPageS: number | null;
}

export interface RouteIndex {
  /** The route for a target; null: no app has its host, or there is none of that name. */
  find(target: Wanted): Route | null;
  /** Generations that serve here, by instance name. */
  readonly generations: ReadonlyMap<string, SnapshotGeneration>;
}

/** What a request names: a host as `hostOf` returns it, or, coming from another fc-proxy, the app. */
export interface Wanted {
  readonly host: string;
  /** Not null: the app, which is served here or not at all: a request makes one hop only. */
  readonly app: string | null;
}

/** The look-up tables of one snapshot. A domain that two apps claim goes to the first; fc-sync writes none. */
export function buildIndex(snapshot: Snapshot): RouteIndex {
  const table = new RouteTable();
  table.follow(snapshot);
  return table;
}

/** The same, kept from snapshot to snapshot: what it costs to follow one is what is another object in it than before. */
export class RouteTable implements RouteIndex {
  readonly generations = new Map<string, SnapshotGeneration>();
  readonly #exact = new Map<string, Route>();
  readonly #wildcard = new Map<string, Route>();
  readonly #byName = new Map<string, Route>();
  /** What the tables were made of. */
  #followed: { readonly snapshot: Snapshot; readonly apps: ReadonlyMap<string, SnapshotApp> } | null = null;
  /** Whether two apps claim one domain: then what one says bears on what the other gets. */
  #ambiguous = false;

  follow(snapshot: Snapshot): void {
    const apps = new Map(snapshot.apps.map((app) => [app.name, app]));
    const before = this.#followed;
    this.#followed = { snapshot, apps };
    if (before !== null && !this.#ambiguous && before.snapshot.hosts === snapshot.hosts && before.snapshot.host === snapshot.host) {
      for (const [name, app] of before.apps) if (apps.get(name) !== app) this.#remove(app);
      for (const app of snapshot.apps) if (before.apps.get(app.name) !== app) this.#add(app, snapshot);
      if (!this.#ambiguous) return;
    }
    this.#ambiguous = false;
    for (const table of [this.generations, this.#exact, this.#wildcard, this.#byName]) table.clear();
    for (const app of snapshot.apps) this.#add(app, snapshot);
  }

  find({ host, app }: Wanted): Route | null {
    if (app !== null) return this.#byName.get(app) ?? null;
    const hit = this.#exact.get(host);
    if (hit !== undefined) return hit;
    if (this.#wildcard.size === 0) return null;
    // The most labels first: `*.a.example.com` before `*.example.com`.
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = this.#wildcard.get(host.slice(dot + 1));
      if (found !== undefined) return found;
    }
    return null;
  }

  #add(app: SnapshotApp, snapshot: Snapshot): void {
    const tiers = tiersOf(app, snapshot);
    const route: Route = { app: app.name, here: app.here, tiers, waitingPageS: app.waitingPageS };
    if (app.here !== null) this.generations.set(app.here.instance, app.here);
    const here = tiers.flat().filter(({ kind }) => kind === 'here');
    this.#byName.set(app.name, { ...route, here: here.length === 0 ? null : app.here, tiers: here.length === 0 ? [] : [here] });
    for (const domain of app.domains) {
      const [table, key] = this.#placeOf(domain);
      if (table.has(key)) this.#ambiguous = true;
      else table.set(key, route);
    }
  }

  #remove(app: SnapshotApp): void {
    if (app.here !== null) this.generations.delete(app.here.instance);
    this.#byName.delete(app.name);
    for (const domain of app.domains) {
      const [table, key] = this.#placeOf(domain);
      table.delete(key);
    }
  }

  #placeOf(domain: string): [Map<string, Route>, string] {
    return domain.startsWith('*.') ? [this.#wildcard, domain.slice(2)] : [this.#exact, domain];
  }
}

/** `uri-host [ ":" port ]`, RFC 9110 4.2.1, restricted to characters that a host name of ours can have. */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,255}))(?::[0-9]{0,5})?$/;

/**
 * The host of an authority: lower case, without port and without the dot of
 * the root zone; an IPv6 literal without its brackets. Null: no valid authority.
 */
export function hostOf(authority: string): string | null {
  const match = AUTHORITY.exec(authority);
  if (match === null) return null;
  const [, ip6, name] = match;
  if (ip6 !== undefined) return URL.canParse(`http://[${ip6}]/`) ? ip6.toLowerCase() : null;
  if (name === undefined) return null;
  const host = name.toLowerCase();
  if (!host.endsWith('.')) return host;
  return host.length > 1 ? host.slice(0, -1) : null;
}

/** Whether a host could be in the CMDB at all: an address cannot, so nobody need ask for it. */
export function isDomain(host: string): boolean {
  return !host.includes(':') && !/^[0-9.]+$/.test(host);
}

/** Where a request wants to go. */
export interface Target extends Wanted {
  /** Whether the fc-proxy that asks has other places for it. */
  readonly choice: boolean;
  /** What the app is to see as Host: as received. */
  readonly authority: string;
  /** Path and query in origin-form, or `*`. */
  readonly path: string;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

/**
 * Finds the target of a request.
 * @param url the request target as received
 * @param hosts number of Host fields; `host` is the value of the first
 * @param from what another fc-proxy says of it; without, it comes from outside
 * @returns a sentence saying what is wrong if there is none: the answer is then 400 (RFC 9112 3.2)
 */
export function targetOf(url: string, hosts: number, host: string, from: Pick<Target, 'app' | 'choice'> = { app: null, choice: false }): Target | string {
  if (hosts === 0) return 'The request has no Host field.';
  if (hosts > 1) return 'The request has more than one Host field.';
  let authority = host;
  let path = url;
  if (!url.startsWith('/') && url !== '*') {
    const absolute = ABSOLUTE.exec(url);
    if (absolute?.[1] === undefined || absolute[2] === undefined) return 'The request target is not of a form that is served here.';
    // RFC 9112 3.2.2: an absolute-form target replaces the Host field.
    authority = absolute[1];
    path = absolute[2].startsWith('/') ? absolute[2] : `/${absolute[2]}`;
    if (hostOf(host) === null && host !== '') return 'The Host field is not valid.';
  }
  const name = hostOf(authority);
  return name === null ? 'The Host field is not valid.' : { host: name, app: from.app, choice: from.choice, authority, path };
}
