/** Generations and what a host has of them, for tests of the plan. */
import { containerUnit, gateUnit, instanceName, leaseUnit, netUnit, socketPath, socketUnit } from '../../../src/model/names.ts';
import { type Network, hasNetns } from '../../../src/model/network.ts';
import type { SnapshotGeneration } from '../../../src/snapshot/format.ts';
import type { Observed, PlanInput } from '../../../src/systemd/plan.ts';
import type { Image } from '../../../src/units/image.ts';
import type { Generation } from '../../../src/units/render.ts';

export function generation(app: string, id: string, { leaseS = 60, network = 'private', image = null }: { leaseS?: number | null; network?: Network; image?: Image | null } = {}): Generation {
  const instance = instanceName(app, id);
  return {
    app, id, instance, leaseS, image, network, files: [], socketPath: socketPath(app, id),
    units: {
      socket: socketUnit(instance), gate: gateUnit(instance), container: containerUnit(instance),
      lease: leaseUnit(leaseS, instance), net: hasNetns(network) ? netUnit(instance) : null,
    },
  };
}

export function serving({ id, instance, units, leaseS, image, socketPath: path }: Generation): SnapshotGeneration {
  return { id, instance, lease: units.lease, leaseS, container: units.container, socket: units.socket, socketPath: path, address: '10.197.0.3', port: 80, startTimeoutS: 30, image: image?.unit ?? null, fetching: false };
}

export type States = Record<string, 'active' | 'activating' | 'inactive' | 'failed' | 'deactivating'>;

export function observed(generations: readonly Generation[], states: States = {}, links: Record<string, string> = {}): Observed {
  return {
    onDisk: new Map(generations.map(({ instance }) => [instance, { complete: true }])),
    states: new Map(Object.entries(states)),
    links: new Map(Object.entries(links)),
    images: { known: new Set(), failures: new Map() },
    ports: new Map(),
    visits: new Map(),
    namespaces: new Set(),
    networks: new Set(generations.map(({ instance }) => instance)),
  };
}

export function input(parts: Partial<PlanInput>): PlanInput {
  return {
    desired: [], ports: new Map(), alwaysOpen: new Set(), deepSleepMs: null, held: new Set(), explained: new Set(), current: new Map(), observed: observed([]), failures: new Map(),
    busy: new Set(), ready: new Map(), revert: new Map(), unsettled: new Set(), allowRemovals: false, keepFiles: false, nowMs: 1_000_000, ...parts,
  };
}
