/**
 * What has to happen on this host so that it does what the CMDB says: a pure function from what is wanted and
 * what is there to a list of steps. `--dry-run` prints it, `apply.ts` carries it out.
 *
 * It is asked again and again: each pass does what can be done now, and what must wait (an old generation that
 * still serves) is done by a later one.
 */
import { containerUnit, gateUnit, parseInstance, refuseUnit, socketUnit } from '../model/names.ts';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { Generation } from '../units/render.ts';
import type { Image } from '../units/image.ts';
import { type ImagePlan, planImages } from './plan-images.ts';
import { isRunning, type UnitState } from './manager.ts';
import { type ObservedPort, type PortPlan, planPorts } from './plan-ports.ts';
import { planSleep, type SleepPlan } from './plan-sleep.ts';

type ActiveState = UnitState['activeState'];

/** What is on this host, from its disk and from systemd. */
export interface Observed {
  /** Generations of which at least one unit file is there; `complete`: all are. */
  readonly onDisk: ReadonlyMap<string, { readonly complete: boolean }>;
  /** States of loaded units; a unit that is missing is inactive. */
  readonly states: ReadonlyMap<string, ActiveState>;
  /** App → instance its `<app>.sock` link and its link in fc-doors.target.wants lead to. */
  readonly links: ReadonlyMap<string, string>;
  /** Ids of images whose unit knows what to fetch, and why one of them is not here yet. */
  readonly images: { readonly known: ReadonlySet<string>; readonly failures: ReadonlyMap<string, string> };
  /** Ports that have a link, of either kind. */
  readonly ports: ReadonlyMap<number, ObservedPort>;
  /** When each generation was made or, if that is later, when its container ended last; ms since the epoch. */
  readonly visits: ReadonlyMap<string, number>;
  /** Generations that have a network namespace. */
  readonly namespaces: ReadonlySet<string>;
  /** Generations that have addresses. */
  readonly networks: Pick<ReadonlyMap<string, unknown>, 'has'>;
}

/** A generation that did not start when it should have taken over. */
export interface Failure {
  readonly instance: string;
  /** How often in a row. */
  readonly count: number;
  /** When it failed last, ms since the epoch. */
  readonly atMs: number;
  readonly why: string;
}

export interface PlanInput {
  /** One for each valid, enabled app placed here. */
  readonly desired: readonly Generation[];
  /** listen_port → the app of `desired` that has it. */
  readonly ports: ReadonlyMap<number, string>;
  /** Apps of `desired` whose sockets always listen. */
  readonly alwaysOpen: ReadonlySet<string>;
  /** How long nobody visits an app before it falls into deep sleep, ms; null: none does. */
  readonly deepSleepMs: number | null;
  /** Apps that a rejected row leaves as they are. */
  readonly held: ReadonlySet<string>;
  /** Apps whose row says itself that they are not here: disabled, or placed on other hosts only. */
  readonly explained: ReadonlySet<string>;
  /** The generation that serves, by app. */
  readonly current: ReadonlyMap<string, SnapshotGeneration>;
  readonly observed: Observed;
  readonly failures: ReadonlyMap<string, Failure>;
  /** Apps whose hand-over is under way; theirs is not to be touched. */
  readonly busy: ReadonlySet<string>;
  /** App → instance that a hand-over has started and found ready. */
  readonly ready: ReadonlyMap<string, string>;
  /** App → what served before a replacement that then did not start. */
  readonly revert: ReadonlyMap<string, SnapshotGeneration>;
  /** Apps whose route changed so lately that a client may still be on its way to the old door. */
  readonly unsettled: ReadonlySet<string>;
  readonly allowRemovals: boolean;
  /** Unit files that nothing needs any more may stay until others change; else they go as soon as they can. */
  readonly keepFiles: boolean;
  readonly nowMs: number;
}

export type Step =
  /** Nothing served the app here before. */
  | { readonly kind: 'create'; readonly app: string; readonly to: Generation }
  | { readonly kind: 'unchanged'; readonly app: string; readonly to: Generation }
  /** The app sleeps, or its new generation is up: the route changes at once. */
  | { readonly kind: 'switch'; readonly app: string; readonly from: string; readonly to: Generation }
  /** The new generation is started first, and serves once it is ready. `proof`: asleep, but it failed before. */
  | { readonly kind: 'handOver'; readonly app: string; readonly from: string; readonly to: Generation; readonly proof: boolean }
  /** On the host's network both cannot listen: the old one is stopped before the new one starts. */
  | { readonly kind: 'replace'; readonly app: string; readonly from: SnapshotGeneration; readonly to: Generation }
  /** A replacement did not start: back to what worked. */
  | { readonly kind: 'revert'; readonly app: string; readonly to: Generation; readonly back: SnapshotGeneration }
  /** The new generation failed to start and its next try is not due; the old one serves. */
  | { readonly kind: 'failed'; readonly app: string; readonly from: string; readonly to: Generation; readonly failure: Failure; readonly retryAtMs: number }
  /** The new generation's image is not here yet; the old one serves. */
  | { readonly kind: 'fetching'; readonly app: string; readonly from: string; readonly to: Generation; readonly image: Image }
  /** A hand-over is under way. */
  | { readonly kind: 'busy'; readonly app: string; readonly to: Generation }
  /** A rejected row, or a refused removal: stays as it is. */
  | { readonly kind: 'held'; readonly app: string }
  | { readonly kind: 'remove'; readonly app: string; readonly from: string };

/** What to do with a generation that serves no more. */
export interface Retirement {
  readonly app: string;
  readonly instance: string;
  /** Its socket listens and may be closed now. */
  readonly closeSocket: boolean;
  /** A lease that never ends must be replaced by one that does. */
  readonly endLease: string | null;
  /** Nothing of it runs: its files can go. */
  readonly remove: boolean;
  readonly waitingFor: Waiting | null;
}

/**
 * What an old generation is still there for: clients on their way to its socket, its start to end, its socket to
 * close, its last requests and its lease to end, or, of one that has ended, other files to change.
 */
export type Waiting = 'settling' | 'starting' | 'closing' | 'idling' | 'ended';

export interface Plan {
  readonly steps: readonly Step[];
  /** Generations of which something is not there. */
  readonly write: readonly Generation[];
  /** Sockets that should listen and do not. */
  readonly startSockets: readonly string[];
  readonly images: ImagePlan;
  /** Leases of apps that never sleep and are not awake. */
  readonly startLeases: readonly string[];
  /** App → instance: links that lead elsewhere or nowhere. */
  readonly link: ReadonlyMap<string, string>;
  readonly unlink: readonly string[];
  readonly ports: PortPlan;
  readonly sleep: SleepPlan;
  readonly retire: readonly Retirement[];
  /** Apps whose removal was refused because too much would go at once. */
  readonly refused: readonly string[];
}

/** The pause after the n-th failure of a generation before it is tried again, ms. */
export function retryPauseMs(count: number): number {
  return Math.min(60_000 * 2 ** (count - 1), 3_600_000);
}

export function plan(input: PlanInput): Plan {
  const present = new Set([...input.current.keys(), ...[...input.observed.onDisk.keys()].map(appOf)]);
  const desired = new Set(input.desired.map((generation) => generation.app));
  const gone = [...present].filter((app) => !desired.has(app) && !input.held.has(app)).sort();
  const refused = refusedRemovals(input, present, gone);
  const held = new Set([...input.held, ...refused]);

  const steps: Step[] = [
    ...input.desired.map((to) => stepFor(to, input)),
    ...[...held].filter((app) => present.has(app)).sort().map((app): Step => ({ kind: 'held', app })),
    ...gone.filter((app) => !held.has(app) && input.current.has(app))
      .map((app): Step => ({ kind: 'remove', app, from: input.current.get(app)?.instance ?? '' })),
  ].sort((a, b) => (a.app < b.app ? -1 : 1));

  const routes = routesAfter(steps, input.current);
  const wanted = new Set([...routes.values()].map((route) => route.instance));
  for (const step of steps) if ('to' in step) wanted.add(step.to.instance);
  for (const { instance } of input.current.values()) wanted.add(instance);

  const write = steps.flatMap((step) => ('to' in step && !isWaiting(step) && isIncomplete(step, input.observed) ? [step.to] : []));
  const sleep = planSleep({
    routes, alwaysOpen: input.alwaysOpen, held, unsettled: new Set([...input.unsettled, ...input.busy]),
    afterMs: input.deepSleepMs, observed: input.observed, nowMs: input.nowMs,
  });
  const open = [...routes].filter(([app]) => !sleep.deep.has(app));
  const closed = new Set([...routes].flatMap(([app, { socket }]) => (sleep.deep.has(app) ? [socket] : [])));
  const sockets = new Set([
    ...steps.flatMap((step) => ('to' in step && !isWaiting(step) && step.kind !== 'busy' && step.kind !== 'revert' ? [step.to.units.socket] : [])),
    ...open.map(([, route]) => route.socket),
  ]);
  return {
    steps,
    write,
    startSockets: [...sockets].filter((unit) => !closed.has(unit) && stateOf(input.observed, unit) !== 'active').sort(),
    images: planImages(input),
    startLeases: steps.flatMap((step) =>
      ((step.kind === 'unchanged' || step.kind === 'create' || step.kind === 'switch') && step.to.leaseS === null && !lacksImage(step.to, input.observed) && stateOf(input.observed, step.to.units.lease) !== 'active'
        ? [step.to.units.lease] : [])),
    link: new Map(open.filter(([app, route]) => input.observed.links.get(app) !== route.instance).map(([app, route]) => [app, route.instance])),
    unlink: [...input.observed.links.keys()].filter((app) => !routes.has(app)).sort(),
    ports: planPorts({ claims: input.ports, routes, held, observed: input.observed }),
    sleep,
    retire: batched(retirements(input, wanted, held), routes, input.keepFiles && write.length === 0),
    refused,
  };
}

/** App → what serves once the steps that change a route at once are done. */
export function routesAfter(
  steps: readonly Step[],
  current: ReadonlyMap<string, SnapshotGeneration>,
): ReadonlyMap<string, { readonly instance: string; readonly socket: string }> {
  const routes = new Map<string, { instance: string; socket: string }>();
  for (const step of steps) {
    if (step.kind === 'remove') continue;
    if (step.kind === 'create' || step.kind === 'unchanged' || step.kind === 'switch' || step.kind === 'replace') {
      routes.set(step.app, { instance: step.to.instance, socket: step.to.units.socket });
      continue;
    }
    if (step.kind === 'revert') {
      routes.set(step.app, step.back);
      continue;
    }
    const serving = current.get(step.app);
    if (serving !== undefined) routes.set(step.app, serving);
  }
  return routes;
}

/** Its image is not known to be here: a start of it could wait for long. */
function lacksImage({ image }: Generation, observed: Observed): boolean {
  return image !== null && stateOf(observed, image.unit) !== 'active';
}

/** Nothing is done for its generation yet. */
function isWaiting(step: Step): boolean {
  return step.kind === 'failed' || step.kind === 'fetching';
}

/** Of a generation that has ended, unit files may be left: without its environment and, on a network of its own, its addresses. */
function isIncomplete({ kind, to }: Extract<Step, { to: Generation }>, { onDisk, networks }: Observed): boolean {
  const begins = kind === 'create' || kind === 'switch' || kind === 'handOver' || kind === 'replace';
  return onDisk.get(to.instance)?.complete !== true || (to.units.net === null ? begins : !networks.has(to.instance));
}

function stepFor(to: Generation, input: PlanInput): Step {
  const { app } = to;
  const from = input.current.get(app);
  if (input.busy.has(app)) return { kind: 'busy', app, to };
  if (from === undefined) return { kind: 'create', app, to };
  const back = input.revert.get(app);
  if (from.instance === to.instance) return back === undefined ? { kind: 'unchanged', app, to } : { kind: 'revert', app, to, back };
  if (input.ready.get(app) === to.instance) return { kind: 'switch', app, from: from.instance, to };

  // Whoever visits meanwhile is served by the old one, and nobody waits for a registry. One whose own image is not
  // here serves nobody.
  if (to.image !== null && !from.fetching && lacksImage(to, input.observed)) return { kind: 'fetching', app, from: from.instance, to, image: to.image };
  const failure = input.failures.get(app);
  const failedBefore = failure?.instance === to.instance ? failure : null;
  if (failedBefore !== null) {
    const retryAtMs = failedBefore.atMs + retryPauseMs(failedBefore.count);
    if (retryAtMs > input.nowMs) return { kind: 'failed', app, from: from.instance, to, failure: failedBefore, retryAtMs };
  }
  const awake = isRunning(stateOf(input.observed, from.container));
  if (to.units.net === null && awake) return { kind: 'replace', app, from, to };
  if (awake || failedBefore !== null) return { kind: 'handOver', app, from: from.instance, to, proof: !awake };
  return { kind: 'switch', app, from: from.instance, to };
}

/**
 * Too much going at once is more likely a database that lost its rows than somebody's wish: unless the rows
 * themselves say where the apps went, more than half of what is here, or all of it, is not removed unasked.
 */
function refusedRemovals(input: PlanInput, present: ReadonlySet<string>, gone: readonly string[]): readonly string[] {
  const unexplained = gone.filter((app) => !input.explained.has(app));
  if (input.allowRemovals || unexplained.length === 0) return [];
  const tooMany = unexplained.length === present.size || unexplained.length > present.size / 2;
  return tooMany ? unexplained : [];
}

function retirements(input: PlanInput, wanted: ReadonlySet<string>, held: ReadonlySet<string>): readonly Retirement[] {
  const { observed } = input;
  const leases = activeLeases(observed);
  return [...observed.onDisk.keys()].filter((instance) => !wanted.has(instance)).sort().flatMap((instance): Retirement[] => {
    const app = appOf(instance);
    if (input.busy.has(app)) return [];
    if (held.has(app) && !input.current.has(app)) return [];
    const socket = stateOf(observed, socketUnit(instance));
    const gate = stateOf(observed, gateUnit(instance));
    const container = stateOf(observed, containerUnit(instance));
    const lease = leases.get(instance) ?? [];
    // Its socket opens again within two seconds, and a removed one would do so for good.
    const refusing = isRunning(stateOf(observed, refuseUnit(instance)));
    const base = { app, instance, closeSocket: false, endLease: null, remove: false };

    if (input.unsettled.has(app)) return [{ ...base, waitingFor: 'settling' }];
    // A socket that is closed while a start is pending loses the requests that wait for it.
    if (gate === 'activating' || container === 'activating') return [{ ...base, waitingFor: 'starting' }];
    const endLease = lease.find((unit) => unit.startsWith('fc-lease-never@')) ?? null;
    // A gate holds the listening socket as well, so closing systemd's copy would only keep the app from going back
    // to this generation: systemd opens no socket whose service runs.
    const closeSocket = socket !== 'inactive' && !isRunning(gate);
    const remove = socket === 'inactive' && !refusing && !isRunning(gate) && !isRunning(container) && lease.length === 0;
    return [{ ...base, closeSocket, endLease, remove, waitingFor: remove ? null : closeSocket || refusing ? 'closing' : 'idling' }];
  });
}

/** With more than this many, a scan costs less than what they add to each. */
const MOST_KEPT = 100;

/**
 * Unit files of generations that have ended go together with the next change of their folder: after each, systemd
 * reads all of it anew, which takes it a fifth of a second where there are ten thousand apps. Those of an app that is
 * gone go at once.
 */
function batched(retire: readonly Retirement[], routes: ReadonlyMap<string, unknown>, keep: boolean): readonly Retirement[] {
  const removable = retire.filter(({ remove }) => remove);
  if (!keep || removable.length > MOST_KEPT || removable.some(({ app }) => !routes.has(app))) return retire;
  return retire.map((retirement) => (retirement.remove ? { ...retirement, remove: false, waitingFor: 'ended' } : retirement));
}

/** Instance → its lease timers that are active. */
function activeLeases(observed: Observed): ReadonlyMap<string, readonly string[]> {
  const leases = new Map<string, string[]>();
  for (const [unit, state] of observed.states) {
    if (!unit.startsWith('fc-lease-')) continue;
    const instance = /^fc-lease-[a-z0-9]+@(.+)\.timer$/.exec(unit)?.[1];
    if (instance === undefined || !isRunning(state)) continue;
    leases.set(instance, [...(leases.get(instance) ?? []), unit]);
  }
  return leases;
}

function stateOf(observed: Observed, unit: string): ActiveState {
  return observed.states.get(unit) ?? 'inactive';
}

function appOf(instance: string): string {
  const parsed = parseInstance(instance);
  if (parsed === null) throw new Error(`${instance} is no instance of an app`);
  return parsed.app;
}

