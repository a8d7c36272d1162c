/**
 * Which app a request is for: request target and Host → app. Pure; built anew
 * from each snapshot.
 */
import type { Snapshot, SnapshotApp, SnapshotGeneration } from '../snapshot/format.ts';

/** Where an app's requests go. */
export type Route =
  | { readonly kind: 'here'; readonly app: SnapshotApp; readonly generation: SnapshotGeneration }
  | { readonly kind: 'elsewhere'; readonly app: SnapshotApp };

export interface RouteIndex {
  /** The route for a host name as `hostOf` returns it; null: no app has it. */
  find(host: string): Route | null;
  /** Generations that serve here, by instance name. */
  readonly generations: ReadonlyMap<string, SnapshotGeneration>;
}

/** Builds the look-up tables. A domain that two apps claim goes to the first; fc-sync writes none. */
export function buildIndex(snapshot: Snapshot): RouteIndex {
  const exact = new Map<string, Route>();
  const wildcard = new Map<string, Route>();
  const generations = new Map<string, SnapshotGeneration>();
  for (const app of snapshot.apps) {
    const route: Route = app.here === null ? { kind: 'elsewhere', app } : { kind: 'here', app, generation: app.here };
    if (app.here !== null) generations.set(app.here.instance, app.here);
    for (const domain of app.domains) {
      const [table, key] = domain.startsWith('*.') ? [wildcard, domain.slice(2)] : [exact, domain];
      if (!table.has(key)) table.set(key, route);
    }
  }
  const find = (host: string): Route | null => {
    const hit = exact.get(host);
    if (hit !== undefined) return hit;
    if (wildcard.size === 0) return null;
    // The most labels first: `*.a.example.com` before `*.example.com`.
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = wildcard.get(host.slice(dot + 1));
      if (found !== undefined) return found;
    }
    return null;
  };
  return { find, generations };
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
export interface Target {
  /** As `hostOf` returns it. */
  readonly host: string;
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
 * @returns a sentence saying what is wrong if there is none: the answer is then 400 (RFC 9112 3.2)
 */
export function targetOf(url: string, hosts: number, host: string): Target | string {
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
  return name === null ? 'The Host field is not valid.' : { host: name, authority, path };
}
