/**
 * Deep sleep: an app that nobody has visited for long has no unit loaded, no socket held and no network namespace.
 * fc-proxy wakes it as any other, by its lease; its socket is opened again once it has been visited. Pure.
 */
import { containerUnit, gateUnit, refuseUnit } from '../model/names.ts';
import { isRunning, type UnitState } from './manager.ts';

/** An app whose door closes, or of which something is left. */
export interface Sleeper {
  readonly app: string;
  readonly instance: string;
  readonly socket: string;
  /** Whether it has a network namespace, to be given back. */
  readonly namespace: boolean;
}

export interface SleepPlan {
  /** Apps whose socket need not listen: asleep for long. */
  readonly deep: ReadonlySet<string>;
  /** Those of `deep` that are not as deep asleep as they should be; what was left longest comes first. */
  readonly sink: readonly Sleeper[];
  /** Milliseconds until the next app will have been left alone for long enough; null: none will. */
  readonly nextInMs: number | null;
}

export interface SleepInput {
  /** App → what serves. */
  readonly routes: ReadonlyMap<string, { readonly instance: string; readonly socket: string }>;
  /** Apps whose sockets always listen. */
  readonly alwaysOpen: ReadonlySet<string>;
  /** Apps that stay as they are, whatever their rows say. */
  readonly held: ReadonlySet<string>;
  /** Apps that are being handed over, or were just now: nothing of theirs closes yet. */
  readonly unsettled: ReadonlySet<string>;
  /** How long nobody visits an app before it falls into deep sleep, ms; null: none does. */
  readonly afterMs: number | null;
  readonly observed: {
    readonly states: ReadonlyMap<string, UnitState['activeState']>;
    readonly links: ReadonlyMap<string, string>;
    readonly visits: ReadonlyMap<string, number>;
    readonly namespaces: ReadonlySet<string>;
  };
  readonly nowMs: number;
}

export function planSleep(input: SleepInput): SleepPlan {
  const { observed: { states, links, visits, namespaces }, afterMs, nowMs } = input;
  const deep = new Set<string>();
  const sink: (Sleeper & { readonly visitedMs: number })[] = [];
  let nextInMs = Infinity;
  for (const [app, { instance, socket }] of input.routes) {
    if (afterMs === null || input.alwaysOpen.has(app)) continue;
    const state = states.get(socket) ?? 'inactive';
    // A door that listens belongs to what its rejected row leaves as it is.
    if (input.held.has(app) && (links.has(app) || isRunning(state))) continue;
    if ([containerUnit(instance), gateUnit(instance), refuseUnit(instance)].some((unit) => isRunning(states.get(unit)))) continue;
    // A generation of which no visit is known is one that was made just now.
    const visitedMs = visits.get(instance) ?? nowMs;
    if (visitedMs + afterMs > nowMs) {
      nextInMs = Math.min(nextInMs, visitedMs + afterMs - nowMs);
      continue;
    }
    deep.add(app);
    if (input.unsettled.has(app)) continue;
    const namespace = namespaces.has(instance);
    if (state !== 'inactive' || links.has(app) || namespace) sink.push({ app, instance, socket, namespace, visitedMs });
  }
  sink.sort((a, b) => a.visitedMs - b.visitedMs || (a.app < b.app ? -1 : 1));
  return {
    deep,
    sink: sink.map(({ app, instance, socket, namespace }) => ({ app, instance, socket, namespace })),
    nextInMs: nextInMs === Infinity ? null : nextInMs,
  };
}
