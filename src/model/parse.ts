/**
 * CMDB rows → fleet. Pure. A row is input from outside: whatever is wrong with it becomes a Rejection and
 * costs that row only, so the result depends on neither the order of rows nor on what else is broken.
 */
import type { App, AppSource, Fleet, Host, Placement, Rejection } from './app.ts';
import { APP, DOMAIN, HOST, PLACEMENT, TABLES } from './columns.ts';
import { type Policy, problemsOf, valueOf } from './column.ts';
import { isAppName } from './names.ts';
import { once } from './once.ts';
import { printable } from './printable.ts';
import type { Row, Rows } from './rows.ts';
import { sameItems } from './same.ts';

/** What an app's own row says. */
type AppSettings = Omit<App, 'domains' | 'placements'>;
type Table = Rejection['table'];
type Reject = (table: Table, key: string, column: string, why: string, app: string | null) => void;

const fleets = new WeakMap<Rows, { readonly policy: Policy; readonly fleet: Fleet }>();

/** The whole CMDB, checked against what this host allows; once for the same rows. */
export function parseFleet(rows: Rows, policy: Policy): Fleet {
  const before = fleets.get(rows);
  if (before?.policy === policy) return before.fleet;
  const fleet = parse(rows, policy);
  fleets.set(rows, { policy, fleet });
  return fleet;
}

function parse(rows: Rows, policy: Policy): Fleet {
  const rejections: Rejection[] = [];
  const reject: Reject = (table, key, column, why, app) => rejections.push({ table, key: printable(key, 300), column, why, app });

  const hosts = parseHosts(rows.hosts, policy, reject);
  const known = new Set(rows.apps.map((row) => row['name'] ?? '').filter(isAppName));
  const valid = parseApps(rows.apps, policy, reject);
  const placements = parsePlacements(rows.placements, known, hosts, valid, policy, reject);
  const domains = parseDomains(rows.domains, known, policy, reject);
  const apps = valid.map((app) => whole(app, (domains.get(app.name) ?? []).sort(), (placements.get(app.name) ?? []).sort(byText((placement) => placement.host))));
  return {
    hosts: [...hosts.values()].filter((host) => host !== null).sort(byText((host) => host.name)),
    apps: apps.sort(byText((app) => app.name)),
    known,
    rejections: rejections.sort(byText((rejection) => JSON.stringify([rejection.table, rejection.key, rejection.column, rejection.why]))),
  };
}

const wholes = new WeakMap<AppSettings, App>();

/** The same object as before where nothing has changed. */
function whole(settings: AppSettings, domains: readonly string[], placements: readonly Placement[]): App {
  const before = wholes.get(settings);
  if (before !== undefined && sameItems(before.domains, domains) && sameItems(before.placements, placements)) return before;
  // Not `...settings`: V8 gives each copy of that kind a layout of its own, larger than what is in it.
  const app = Object.assign({ domains, placements }, settings);
  wholes.set(settings, app);
  return app;
}

/** null: a host whose row was not taken, so that its placements can say so. */
type Hosts = ReadonlyMap<string, Host | null>;

function parseHosts(rows: readonly Row[], policy: Policy, reject: Reject): Hosts {
  const hosts = new Map<string, Host | null>();
  for (const [key, same] of groupBy(rows, (row) => (row['name'] ?? 'NULL').toLowerCase())) {
    const [row, ...others] = same;
    if (others.length > 0) reject('hosts', key, 'name', `stands in ${same.length} rows`, null);
    const good = row !== undefined && others.length === 0 && accept('hosts', key, row, policy, null, reject);
    hosts.set(key, good
      ? { name: valueOf(HOST.name, row, policy), address: valueOf(HOST.address, row, policy), port: valueOf(HOST.port, row, policy), state: valueOf(HOST.state, row, policy) }
      : null);
  }
  const here = policy.host.toLowerCase();
  if (!hosts.has(here)) reject('hosts', here, 'name', 'is what the configuration calls this host ([host] name), and no row has it', null);
  return hosts;
}

function parseApps(rows: readonly Row[], policy: Policy, reject: Reject): AppSettings[] {
  const apps: AppSettings[] = [];
  for (const [key, same] of groupBy(rows, (row) => row['name'] ?? 'NULL')) {
    const [row, ...others] = same;
    const name = isAppName(key) ? key : null;
    if (others.length > 0) reject('apps', key, 'name', `stands in ${same.length} rows`, name);
    if (row === undefined || others.length > 0) continue;
    // What a disabled app says beyond that is not used, so it can be parked half finished.
    if (row[APP.enabled.name] === '0' && name !== null) continue;
    if (!accept('apps', key, row, policy, name, reject)) continue;
    const app = appOf(row, policy);
    if ('why' in app) reject('apps', key, app.column, app.why, name);
    else apps.push(app);
  }
  return apps;
}

/** The rules that more than one column makes. */
function sourceOf(row: Row, policy: Policy): AppSource | { readonly column: string; readonly why: string } {
  const image = valueOf(APP.image, row, policy);
  const rootfs = valueOf(APP.rootfs, row, policy);
  if (image !== null && rootfs !== null) return { column: APP.rootfs.name, why: 'is set as well as image, and an app has exactly one of the two' };
  if (image !== null) return image;
  if (rootfs === null) return { column: APP.image.name, why: 'is NULL as well as rootfs, and an app has exactly one of the two' };
  if (valueOf(APP.command, row, policy) === null) return { column: APP.command.name, why: 'is NULL, and a rootfs, unlike an image, does not say what to run' };
  return { kind: 'rootfs', ...rootfs };
}

const appOf = once((row, policy): AppSettings | { readonly column: string; readonly why: string } => {
  const source = sourceOf(row, policy);
  if ('why' in source) return source;
  return {
    name: valueOf(APP.name, row, policy),
    source,
    command: valueOf(APP.command, row, policy),
    port: valueOf(APP.port, row, policy),
    env: valueOf(APP.env, row, policy),
    volumes: valueOf(APP.volumes, row, policy),
    network: valueOf(APP.network, row, policy),
    memoryMax: valueOf(APP.memoryMax, row, policy),
    cpuQuota: valueOf(APP.cpuQuota, row, policy),
    tasksMax: valueOf(APP.tasksMax, row, policy),
    idleTimeoutS: valueOf(APP.idleTimeoutS, row, policy),
    lifetimeS: valueOf(APP.lifetimeS, row, policy),
    startTimeoutS: valueOf(APP.startTimeoutS, row, policy),
    stopTimeoutS: valueOf(APP.stopTimeoutS, row, policy),
    readyPath: valueOf(APP.readyPath, row, policy),
    socket: valueOf(APP.socket, row, policy),
    waitingPageS: valueOf(APP.waitingPageS, row, policy),
    uidBase: valueOf(APP.uidBase, row, policy),
  };
});

const domainOf = once((row, policy) => ({ fqdn: valueOf(DOMAIN.fqdn, row, policy), app: valueOf(DOMAIN.app, row, policy) }));

const placementOf = once((row, policy) => {
  const placement: Placement = { host: valueOf(PLACEMENT.host, row, policy), weight: valueOf(PLACEMENT.weight, row, policy), listenPort: valueOf(PLACEMENT.listenPort, row, policy) };
  return { app: valueOf(PLACEMENT.app, row, policy), placement };
});

function parseDomains(rows: readonly Row[], known: ReadonlySet<string>, policy: Policy, reject: Reject): Map<string, string[]> {
  const good = rows.filter((row) => {
    const key = row['fqdn'] ?? 'NULL';
    const app = knownApp(row, known);
    if (!accept('domains', key, row, policy, app, reject)) return false;
    if (app === null) reject('domains', key, 'app', 'names an app that is not in the table apps', null);
    return app !== null;
  });
  const domains = new Map<string, string[]>();
  for (const [fqdn, same] of groupBy(good, (row) => domainOf(row, policy).fqdn)) {
    // `Shop.example.` beside `shop.example`: the row that is written as it counts holds, else none does.
    const [holder] = same.length === 1 ? same : same.filter((row) => row['fqdn'] === fqdn);
    for (const row of same) {
      const { app } = domainOf(row, policy);
      if (row === holder) append(domains, app, fqdn);
      else reject('domains', row['fqdn'] ?? 'NULL', 'fqdn', `is the same name as another row's (${fqdn})`, app);
    }
  }
  return domains;
}

function parsePlacements(rows: readonly Row[], known: ReadonlySet<string>, hosts: Hosts, apps: readonly AppSettings[], policy: Policy, reject: Reject): Map<string, Placement[]> {
  const keyOf = (row: Row): string => `${row['app'] ?? 'NULL'}/${row['host'] ?? 'NULL'}`;
  const refuse = (row: Row, column: string, why: string): void => reject('placements', keyOf(row), column, why, knownApp(row, known));

  const good = rows.filter((row) => {
    if (!accept('placements', keyOf(row), row, policy, knownApp(row, known), reject)) return false;
    const host = hosts.get(placementOf(row, policy).placement.host);
    if (knownApp(row, known) === null) refuse(row, 'app', 'names an app that is not in the table apps');
    else if (host === undefined) refuse(row, 'host', 'names a host that is not in the table hosts');
    else if (host === null) refuse(row, 'host', 'names a host whose own row was rejected');
    else return true;
    return false;
  });
  const placements = new Map<string, Placement[]>();
  const taken = takenPorts(good, hosts, apps, policy);
  for (const [, same] of groupBy(good, (row) => `${placementOf(row, policy).app}/${placementOf(row, policy).placement.host}`)) {
    for (const row of same) {
      if (same.length > 1) refuse(row, 'host', `stands in ${same.length} rows of the app`);
      else if (taken.has(row)) refuse(row, 'listen_port', taken.get(row) ?? '');
      else append(placements, placementOf(row, policy).app, placementOf(row, policy).placement);
    }
  }
  return placements;
}

/** Rows whose listen_port cannot be had on its host, as far as rows can tell, and why. */
function takenPorts(rows: readonly Row[], hosts: Hosts, apps: readonly AppSettings[], policy: Policy): ReadonlyMap<Row, string> {
  const portOf = (row: Row): number | null => placementOf(row, policy).placement.listenPort;
  const at = (row: Row, port: number): string => `${placementOf(row, policy).placement.host}/${port}`;
  const claims = groupBy(rows.filter((row) => portOf(row) !== null), (row) => at(row, portOf(row) ?? 0));
  const ownPort = new Map(apps.filter(({ network }) => network === 'host').map(({ name, port }) => [name, port]));
  const onHostNetwork = new Map(rows.flatMap((row) => {
    const { app } = placementOf(row, policy);
    const port = ownPort.get(app);
    return port === undefined ? [] : [[at(row, port), app] as const];
  }));
  const why = (row: Row): string | null => {
    const port = portOf(row);
    if (port === null) return null;
    // Nobody can say whose it was first.
    if ((claims.get(at(row, port)) ?? []).length > 1) return 'is the listen_port of another app on the same host as well';
    if (hosts.get(placementOf(row, policy).placement.host)?.port === port) return 'is the port of the host\'s internal listener (hosts.port)';
    const app = onHostNetwork.get(at(row, port));
    if (app === undefined) return null;
    return `is the port on which ${app === placementOf(row, policy).app ? 'the app itself' : `the app ${app}`} listens, on the network of the host (apps.network = 'host')`;
  };
  return new Map(rows.flatMap((row) => {
    const reason = why(row);
    return reason === null ? [] : [[row, reason] as const];
  }));
}

const problemsIn = {
  hosts: once((row, policy) => problemsOf(TABLES.hosts, row, policy)),
  apps: once((row, policy) => problemsOf(TABLES.apps, row, policy)),
  domains: once((row, policy) => problemsOf(TABLES.domains, row, policy)),
  placements: once((row, policy) => problemsOf(TABLES.placements, row, policy)),
} as const;

/** Whether every column of the row is good; says which are not. */
function accept(table: Table, key: string, row: Row, policy: Policy, app: string | null, reject: Reject): boolean {
  const problems = problemsIn[table](row, policy);
  for (const { column, why } of problems) reject(table, key, column, why, app);
  return problems.length === 0;
}

/** The app that a domain or placement row is about, when there is one. */
function knownApp(row: Row, known: ReadonlySet<string>): string | null {
  const app = row['app'] ?? '';
  return known.has(app) ? app : null;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) append(groups, keyOf(item), item);
  return groups;
}

function append<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

/** Order by code unit, the same whatever the locale. */
function byText<T>(textOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const [x, y] = [textOf(a), textOf(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  };
}
