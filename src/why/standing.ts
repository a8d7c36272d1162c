/** How the app stands, from all that was seen: what the sections are about. Pure. */
import type { Facts, GenerationFacts, SnapshotFacts, SystemdFacts } from './facts.ts';
import { valueOf } from './facts.ts';

export function systemdOf({ systemd }: Facts): SystemdFacts | null {
  return valueOf(systemd);
}

/** What the snapshot says of the app; null: nothing. */
export function routeOf({ snapshot }: Facts): NonNullable<SnapshotFacts['app']> | null {
  return valueOf(snapshot)?.app ?? null;
}

/** The generation that serves here; null: none, or systemd was not asked. */
export function servingOf(facts: Facts): GenerationFacts | null {
  return systemdOf(facts)?.generations.find(({ serves }) => serves) ?? null;
}

/** Others of the app that still run here. */
export function oldOnes(facts: Facts): readonly GenerationFacts[] {
  return (systemdOf(facts)?.generations ?? []).filter(({ serves, container }) => !serves && isUp(container.activeState));
}

export function isUp(activeState: string): boolean {
  return activeState !== 'inactive' && activeState !== 'failed';
}

/** Whether it is placed on other hosts only; null: not known. */
export function isElsewhere(facts: Facts): boolean | null {
  const route = routeOf(facts);
  if (route !== null) return route.here === null && route.placements.length > 0;
  return facts.state === null ? null : facts.state.state === 'elsewhere';
}

/** Nothing was seen that knows all names, so that one which was not found may be there. */
export function isBlind({ snapshot, status }: Facts): boolean {
  return 'missing' in snapshot && 'missing' in status;
}

/** `web1`, or `this host`. */
export function hostName({ host }: Facts): string {
  return host ?? 'this host';
}
