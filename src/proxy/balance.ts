/** Which of an app's placements takes a request. Pure. */
import type { Host } from '../model/app.ts';
import type { Snapshot, SnapshotApp, SnapshotGeneration } from '../snapshot/format.ts';

/** A placement that may be chosen. */
export type Place = {
  readonly host: string;
  /** Share among the places of its tier. */
  readonly weight: number;
} & ({ readonly kind: 'here'; readonly generation: SnapshotGeneration } | { readonly kind: 'there'; readonly peer: Host });

/** Places that are as good as each other. */
export type Tier = readonly Place[];

/**
 * The places of an app, best tier first: hosts that are active before those that drain, and weights before 0,
 * which takes what nobody else can; so does this host while it waits for the app's image. A host that is down takes nothing, nor does one that no row describes.
 */
export function tiersOf(app: SnapshotApp, snapshot: Pick<Snapshot, 'host' | 'hosts'>): readonly Tier[] {
  const tiers: [Place[], Place[], Place[], Place[]] = [[], [], [], []];
  const add = (place: Place, state: Host['state']): void => {
    if (state === 'down') return;
    const last = place.weight === 0 || (place.kind === 'here' && place.generation.fetching);
    const rank = (state === 'draining' ? 2 : 0) + (last ? 1 : 0);
    tiers[rank]?.push({ ...place, weight: Math.max(1, place.weight) });
  };
  for (const { host: name, weight } of app.placements) {
    const host = snapshot.hosts.find((row) => row.name === name);
    if (name !== snapshot.host && host !== undefined) add({ kind: 'there', host: name, weight, peer: host }, host.state);
  }
  if (app.here !== null) {
    // What fc-sync says serves here does, also while its placement is on its way out.
    const weight = app.placements.find(({ host }) => host === snapshot.host)?.weight ?? 0;
    const state = snapshot.hosts.find(({ name }) => name === snapshot.host)?.state ?? 'active';
    add({ kind: 'here', host: snapshot.host, weight, generation: app.here }, state);
  }
  return tiers.filter((tier) => tier.length > 0);
}

/**
 * Chooses the place with the least in flight for its weight; among equals by chance, by weight.
 * @param inFlight requests of this app that this process has there
 * @param usable whether it can be asked at all
 * @param random from 0 to, but not including, 1
 */
export function choose(tiers: readonly Tier[], inFlight: (place: Place) => number, usable: (place: Place) => boolean, random: () => number = Math.random): Place | null {
  for (const tier of tiers) {
    let least = Infinity;
    let best: Place[] = [];
    for (const place of tier) {
      if (!usable(place)) continue;
      const load = inFlight(place) / place.weight;
      if (load < least) [least, best] = [load, []];
      if (load === least) best.push(place);
    }
    const only = best[0];
    if (only === undefined) continue;
    if (best.length === 1) return only;
    let point = random() * best.reduce((sum, { weight }) => sum + weight, 0);
    return best.find(({ weight }) => (point -= weight) < 0) ?? only;
  }
  return null;
}
