/** What fc-proxy is told: the fleet as the CMDB has it, and which generation serves here. Pure. */
import type { App, Fleet, Placement } from '../model/app.ts';
import { sameFields, sameItems } from '../model/same.ts';
import type { Generation } from '../units/render.ts';
import { type Snapshot, type SnapshotApp, type SnapshotGeneration, SNAPSHOT_FORMAT } from './format.ts';

/**
 * @param address where the app answers; of its own network namespace, or the host's loopback
 * @param fetching whether its image may not be here yet
 */
export function snapshotGeneration(app: App, generation: Generation, address: string, fetching: boolean): SnapshotGeneration {
  return {
    id: generation.id,
    instance: generation.instance,
    lease: generation.units.lease,
    leaseS: generation.leaseS,
    container: generation.units.container,
    socket: generation.units.socket,
    socketPath: generation.socketPath,
    address,
    port: app.port,
    startTimeoutS: app.startTimeoutS,
    image: generation.image?.unit ?? null,
    fetching: generation.image !== null && fetching,
  };
}

/**
 * What says the same as in `previous` is the same object.
 * @param serving what serves here, by app
 * @param held apps that a rejected row leaves as they are: their entry in `previous` stays, but for domains that
 *   another app has now
 */
export function buildSnapshot(
  host: string, fleet: Fleet, revision: string,
  serving: ReadonlyMap<string, SnapshotGeneration>,
  held: ReadonlySet<string>, previous: Snapshot | null,
): Snapshot {
  const before = new Map((previous?.apps ?? []).map((app) => [app.name, app]));
  const apps = fleet.apps.filter(({ name }) => !held.has(name)).map(({ name, domains, placements, waitingPageS }): SnapshotApp => {
    const known = before.get(name);
    const here = serving.get(name) ?? null;
    return known !== undefined && known.waitingPageS === waitingPageS && saysTheSame(known, domains, placements, here) ? known : { name, domains, placements, waitingPageS, here };
  });
  const kept = keptApps(held, serving, previous?.apps ?? [], apps);
  return {
    format: SNAPSHOT_FORMAT, host, revision, hosts: fleet.hosts,
    // Those of a fleet are in order.
    apps: kept.length === 0 ? apps : [...apps, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function keptApps(held: ReadonlySet<string>, serving: ReadonlyMap<string, SnapshotGeneration>, before: readonly SnapshotApp[], others: readonly SnapshotApp[]): readonly SnapshotApp[] {
  if (held.size === 0) return [];
  const taken = new Set(others.flatMap(({ domains }) => domains));
  return before.filter(({ name }) => held.has(name)).map((known) => {
    const domains = known.domains.filter((domain) => !taken.has(domain));
    const here = serving.get(known.name) ?? null;
    return saysTheSame(known, domains, known.placements, here) ? known : { ...known, domains, here };
  });
}

function saysTheSame(one: SnapshotApp, domains: readonly string[], placements: readonly Placement[], here: SnapshotGeneration | null): boolean {
  return sameItems(one.domains, domains)
    && one.placements.length === placements.length && one.placements.every((placement, index) => sameFields(placement, placements[index]))
    && sameFields(one.here, here);
}
