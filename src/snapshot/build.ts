/** What fc-proxy is told: the fleet as the CMDB has it, and which generation serves here. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { App, Fleet } from '../model/app.ts';
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
  const taken = new Set(fleet.apps.filter((app) => !held.has(app.name)).flatMap((app) => app.domains));
  const entries: SnapshotApp[] = fleet.apps.filter((app) => !held.has(app.name)).map((app) => ({
    name: app.name, domains: app.domains, placements: app.placements, here: serving.get(app.name) ?? null,
  }));
  const kept = (previous?.apps ?? []).filter((app) => held.has(app.name)).map((app) => ({
    ...app,
    domains: app.domains.filter((domain) => !taken.has(domain)),
    here: serving.get(app.name) ?? null,
  }));
  const before = new Map((previous?.apps ?? []).map((app) => [app.name, app]));
  const sameAsBefore = (app: SnapshotApp): SnapshotApp => {
    const known = before.get(app.name);
    return known !== undefined && isDeepStrictEqual(known, app) ? known : app;
  };
  return {
    format: SNAPSHOT_FORMAT, host, revision, hosts: fleet.hosts,
    apps: [...entries, ...kept].map(sameAsBefore).sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
