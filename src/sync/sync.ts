/**
 * fc-sync's work on one host: look, decide, apply. A pass does what can be done at once; what must wait (a start,
 * an old generation's last request) is for a later pass. Nothing here reads the CMDB: whoever calls brings the rows.
 */
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Rejection } from '../model/app.ts';
import type { Policy } from '../model/column.ts';
import type { Rows } from '../model/rows.ts';
import { buildSnapshot, snapshotGeneration } from '../snapshot/build.ts';
import type { Snapshot, SnapshotGeneration } from '../snapshot/format.ts';
import { SnapshotError } from '../snapshot/parse.ts';
import { PublishedSnapshot } from '../snapshot/published.ts';
import { applyPorts } from '../systemd/apply-ports.ts';
import { type Failed, retire, RETIRING_LEASE_S, startUnits, type SyncManager, updateLinks, writeGenerations } from '../systemd/apply.ts';
import { dropImages, writeImages } from '../systemd/apply-images.ts';
import { reopen, sink } from '../systemd/apply-sleep.ts';
import { type HostView, Observer } from '../systemd/observe.ts';
import type { Paths } from '../systemd/paths.ts';
import { isRunning } from '../systemd/manager.ts';
import type { Plan, Retirement, Step } from '../systemd/plan.ts';
import type { FailedImage } from '../systemd/plan-images.ts';
import { elapsedUnit } from '../model/names.ts';
import { planPorts } from '../systemd/plan-ports.ts';
import { renderLease } from '../units/lease.ts';
import type { Templates } from '../units/template.ts';
import { type Decision, decide, decidePart, type Desired, policyOf, type Rendered, type Situation } from './decide.ts';
import { HandOvers } from './hand-over.ts';
import { Images } from './images.ts';
import { propose, type Proposal } from './proposal.ts';
import { fromOf, planLines } from './report.ts';
import { noteRows, readSaid } from './rows-said.ts';
import { goodUntil, type PassOutcome, tracesOf } from './settled.ts';
import { readState, type SyncState, writeState } from './state.ts';

export interface SyncOptions {
  readonly config: Config;
  readonly paths: Paths;
  readonly manager: SyncManager;
  readonly templates: Templates;
  /** Group that may read the snapshot: fc-proxy's. */
  readonly proxyGid: number;
  readonly log: Logger;
  /** How long one pass lets apps fall into deep sleep; Infinity: all of them. */
  readonly sinkWithinMs: number;
  /** How long files that nothing needs any more may wait for others to change; 0: they go in the pass that finds them. */
  readonly keepFilesMs: number;
  /** Called when a hand-over has ended, or an image has come: another pass has something to do. */
  readonly onNews: () => void;
}

export interface PassReport {
  readonly plan: Plan;
  /** What it was about; null: everything. */
  readonly about: ReadonlySet<string> | null;
  readonly rejections: readonly Rejection[];
  readonly failed: readonly Failed[];
  /** Hand-overs that have ended since the Sync was made, by how. */
  readonly handOvers: { readonly done: number; readonly failed: number };
  /** Not null: it found all as it should be, and this is what later runs need to know of it. */
  readonly settled: PassOutcome | null;
}

export interface Preview {
  readonly decision: Decision;
  readonly proposal: Proposal;
}

interface Look {
  readonly decision: Decision;
  /** What it is about; null: everything. */
  readonly about: ReadonlySet<string> | null;
  readonly view: HostView;
  readonly state: SyncState;
  readonly snapshot: Snapshot | null;
}

/** A client that looked up `<app>.sock` before it changed has connected by then. */
export const SETTLE_MS = 1000;

/** For more apps, a look at a few is no less work for systemd than a look at all. */
const MOST_ABOUT = 10;

export class Sync {
  readonly #options: SyncOptions;
  readonly handOvers: HandOvers;
  readonly images: Images;
  /** App → when its route changed last, ms since the epoch. */
  readonly #changedAt = new Map<string, number>();
  readonly #published: PublishedSnapshot;
  readonly #observer: Observer;
  /** When a pass last left no file that nothing needs, on the clock of performance.now(). */
  #clearedAt = -Infinity;
  /** Generations that the last pass over everything found to have ended. */
  #ended: ReadonlySet<string> = new Set();
  readonly #policy: Policy;
  readonly #rendered: Rendered = new WeakMap();
  #state: SyncState | null = null;

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#observer = new Observer(options.paths, options.manager);
    this.#published = new PublishedSnapshot(options.paths.snapshot, options.proxyGid);
    this.#policy = policyOf(options.config);
    this.handOvers = new HandOvers(options.manager, options.log, (app, instance, why) => this.#noteFailure(app, instance, why), options.onNews);
    this.images = new Images(options.manager, options.onNews);
  }

  /** Another run may have been here: the next pass looks at everything anew. */
  forget(): void {
    this.#observer.forget();
  }

  /** What a pass would do; nothing is done. */
  async preview(rows: Rows, allowRemovals: boolean): Promise<Preview> {
    const { decision, snapshot, state } = await this.#look(rows, allowRemovals, { recycle: false, about: null });
    const said = await readSaid(decision.plan.steps.flatMap((step) => fromOf(step) ?? []), this.#options.paths.rows);
    return { decision, proposal: propose(decision, this.#options.config.host.name, { snapshot, said, incarnations: state.incarnations }) };
  }

  /**
   * Does what can be done at once and begins hand-overs. What fails for one app is in the report and stops no other.
   * @param apps that something has become of since the last pass, if no other can have to be dealt with
   * @throws SystemdError or the file system's error when nothing could be looked at or written
   */
  async pass(rows: Rows, allowRemovals: boolean, apps: ReadonlySet<string> | null = null): Promise<PassReport> {
    const { paths, manager, config } = this.#options;
    const traces = apps === null ? await tracesOf(paths) : null;
    const { decision, about, view, state, snapshot } = await this.#look(rows, allowRemovals, { recycle: true, about: apps });
    const { plan } = decision;
    if (about === null) this.#noteEnded(plan.retire);

    await reopen(view.closing, paths);
    // First, so that systemd reads the folder of units once for what goes and what comes.
    const failed: Failed[] = [...await this.#retire(plan.retire.filter(({ remove }) => remove), view)];
    // Before any socket opens: a visitor's start then finds the fetch under way, and waits for it.
    await writeImages(plan.images, paths);
    this.images.begin(plan.images.start);
    const leases = [...new Set([...decision.desired.values()].map(({ generation }) => generation.leaseS))];
    const addresses = await writeGenerations(plan.write, leases.map((leaseS) => this.#lease(leaseS)), view, config.network.range, paths);
    const addressOf = (instance: string): string | undefined => addresses.get(instance) ?? view.networks.get(instance)?.appAddress;
    failed.push(...await this.#startAll(plan.startSockets, 'the socket could not be opened'));

    const serving = new Map(decision.current);
    for (const step of plan.steps) this.#reroute(step, serving, decision, addressOf);
    for (const [app, spec] of serving) {
      if (spec.fetching && spec.image !== null && view.states.get(spec.image) === 'active') serving.set(app, { ...spec, fetching: false });
    }
    const left = new Set([...decision.held, ...plan.refused]);
    await this.#published.write(buildSnapshot(config.host.name, decision.fleet, rows.revision, serving, left, snapshot));
    await updateLinks(plan, serving, paths);
    failed.push(...await applyPorts(plan.ports, serving, paths, manager));
    await this.#forgetFailures(plan, about, state);

    failed.push(...await this.#startAll(plan.startLeases, NEVER_SLEEPS));
    for (const step of plan.steps) {
      if (step.kind === 'handOver' || step.kind === 'replace') this.handOvers.begin(step, this.#specOf(decision, step.app, addressOf));
      if (step.kind === 'failed') failed.push(failedStep(step));
    }
    failed.push(...await this.#retire(plan.retire.filter(({ remove }) => !remove), view));
    failed.push(...await sink(plan.sleep.sink, this.#options.sinkWithinMs, paths, manager));
    failed.push(...await dropImages(plan.images, paths, manager), ...plan.images.failed.map(failedImage), ...plan.refused.map(refusedRemoval));
    if (plan.write.length > 0 || plan.retire.some(({ remove }) => remove)) await this.#haveFilesScanned();
    // Last: nobody's visit hangs on it.
    await noteRows(decision, plan.write, about === null, state, paths.rows);
    const settled = about === null && failed.length === 0 && isSettled(decision, view) && await tracesOf(paths) === traces
      ? { traces, untilMs: goodUntil(Date.now(), plan.sleep.nextInMs), says: planLines(plan).at(-1) ?? '' } : null;
    return { plan, about, rejections: decision.fleet.rejections, failed, handOvers: { ...this.handOvers.ended }, settled };
  }

  /**
   * After a file has come or gone, systemd scans all of them before it loads a unit that it does not have, which takes a
   * quarter of a second where there are 30 000: the next visitor of an app that sleeps would wait for it.
   */
  async #haveFilesScanned(): Promise<void> {
    await this.#options.manager.statesOf([elapsedUnit('fc-sync')]);
  }

  /**
   * Opens again what the snapshot says serves here, without asking what is wanted: after a reboot with the database
   * away, the sockets come back by themselves; the names that lead to them, and apps that never sleep, do not.
   */
  async restore(): Promise<readonly Failed[]> {
    const { paths, manager } = this.#options;
    const [view, snapshot] = await Promise.all([this.#observer.look(), this.#snapshot()]);
    const serving = new Map((snapshot?.apps ?? []).flatMap(({ name, here }) =>
      (here !== null && view.onDisk.get(here.instance)?.complete === true ? [[name, here] as const] : [])));
    // What has no link of either kind was in deep sleep, and still is unless somebody has woken it.
    const open = new Map([...serving].filter(([app, { container }]) => view.links.has(app) || isRunning(view.states.get(container))));
    const closed = [...open.values()].map(({ socket }) => socket).filter((unit) => view.states.get(unit) !== 'active');
    const link = new Map([...open].filter(([app, { instance }]) => view.links.get(app) !== instance).map(([app, { instance }]) => [app, instance]));
    const asleep = [...serving.values()].filter(({ leaseS, lease }) => leaseS === null && view.states.get(lease) !== 'active').map(({ lease }) => lease);
    await reopen(view.closing, paths);
    const failed = [...await this.#startAll(closed, 'the socket could not be opened')];
    await updateLinks({ link, unlink: [] }, serving, paths);
    // Whose the ports are, their links say: they are on disk.
    const ports = planPorts({ claims: new Map(), routes: serving, held: new Set(serving.keys()), observed: view });
    failed.push(...await applyPorts({ ...ports, close: [] }, serving, paths, manager));
    return [...failed, ...await this.#startAll(asleep, NEVER_SLEEPS)];
  }

  async #look(rows: Rows, allowRemovals: boolean, { recycle, about }: { readonly recycle: boolean; readonly about: ReadonlySet<string> | null }): Promise<Look> {
    const { config, paths, templates } = this.#options;
    const apps = about !== null && about.size <= MOST_ABOUT ? about : null;
    // Each time: another run may have written it.
    const state = this.#state = await readState(paths.state);
    const [view, snapshot] = await Promise.all([this.#observer.look(apps), this.#snapshot()]);
    const nowMs = Date.now();
    const keepFiles = performance.now() - this.#clearedAt < this.#options.keepFilesMs;
    const { busy, ready, revert } = this.handOvers;
    const known = new Set([...(snapshot?.apps ?? []).map((app) => app.name), ...this.#changedAt.keys()]);
    const unsettled = new Set([...known].filter((app) => (this.#changedAt.get(app) ?? this.#published.writtenMs) + SETTLE_MS > nowMs));
    const situation: Situation = { rows, config, policy: this.#policy, templates, rendered: this.#rendered, observed: view, snapshot, state, busy, ready, revert, allowRemovals, keepFiles, nowMs, unsettled };
    if (apps !== null) {
      const decision = decidePart(situation, apps, this.#ended);
      return decision === null ? await this.#look(rows, allowRemovals, { recycle, about: null }) : { decision, about: apps, view, state, snapshot };
    }
    let decision = decide(situation);
    if (recycle && await this.#raiseIncarnations(decision, state)) decision = decide(situation);
    return { decision, about: null, view, state, snapshot };
  }

  #noteEnded(retire: readonly Retirement[]): void {
    this.#ended = new Set(retire.flatMap(({ instance, waitingFor }) => (waitingFor === 'ended' ? [instance] : [])));
    if (this.#ended.size === 0) this.#clearedAt = performance.now();
  }

  /** A snapshot that cannot be read counts as lost: the apps are routed anew, without hand-over. */
  async #snapshot(): Promise<Snapshot | null> {
    try {
      return await this.#published.read();
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
      this.#options.log.warn('the snapshot cannot be used and is written anew', { error });
      return null;
    }
  }

  /** Raises the incarnation of apps whose container is past its lifetime. @returns whether there was one */
  async #raiseIncarnations(decision: Decision, state: SyncState): Promise<boolean> {
    let raised = false;
    for (const { app, generation } of decision.desired.values()) {
      if (app.lifetimeS === null || decision.current.get(app.name)?.instance !== generation.instance) continue;
      const ageMs = await this.#options.manager.activeForMs(generation.units.container);
      if (ageMs === null || ageMs < app.lifetimeS * 1000) continue;
      state.incarnations.set(app.name, (state.incarnations.get(app.name) ?? 0) + 1);
      raised = true;
    }
    if (raised) await writeState(this.#options.paths.state, state);
    return raised;
  }

  /** Lets `serving` say what a step's outcome is, for steps that change it at once. */
  #reroute(step: Step, serving: Map<string, SnapshotGeneration>, decision: Decision, addressOf: AddressOf): void {
    switch (step.kind) {
      case 'busy': case 'failed': case 'fetching': case 'held': case 'handOver': return;
      case 'unchanged':
        serving.set(step.app, this.#specOf(decision, step.app, addressOf));
        return;
      case 'remove':
        serving.delete(step.app);
        break;
      case 'revert':
        serving.set(step.app, step.back);
        this.handOvers.revert.delete(step.app);
        break;
      case 'create': case 'switch': case 'replace':
        serving.set(step.app, this.#specOf(decision, step.app, addressOf));
        this.handOvers.ready.delete(step.app);
        this.#options.log.info('serves', { app: step.app, generation: step.to.id, how: step.kind });
        break;
    }
    this.#changedAt.set(step.app, Date.now());
  }

  #specOf(decision: Decision, app: string, addressOf: AddressOf): SnapshotGeneration {
    const desired = decision.desired.get(app);
    if (desired === undefined) throw new Error(`${app} is not wanted here`);
    const { generation } = desired;
    const address = generation.units.net === null ? '127.0.0.1' : addressOf(generation.instance);
    if (address === undefined) throw new Error(`${generation.instance} has no file in ${this.#options.paths.net}, although its units are there`);
    // Every other generation serves only once its image is here.
    const fetching = decision.current.get(app)?.fetching ?? true;
    return snapshotGeneration(desired.app, generation, address, fetching);
  }

  async #startAll(units: readonly string[], what: string): Promise<readonly Failed[]> {
    return (await startUnits(units, this.#options.manager)).map(({ unit, cause }) => ({ subject: unit, what, cause }));
  }

  async #retire(retirements: readonly Retirement[], view: HostView): Promise<readonly Failed[]> {
    const { paths, manager, log } = this.#options;
    const failed = await retire(retirements, this.#lease(RETIRING_LEASE_S), view, paths, manager);
    const left = new Set(failed.map(({ retirement }) => retirement));
    for (const retirement of retirements) if (retirement.remove && !left.has(retirement)) log.info('removed', { generation: retirement.instance });
    return failed.map(({ retirement: { app, instance }, cause }) => ({ subject: app, what: `its generation ${instance} could not be let go`, cause }));
  }

  #lease(idleTimeoutS: number | null): ReturnType<typeof renderLease> {
    return renderLease(idleTimeoutS, this.#options.templates);
  }

  async #noteFailure(app: string, instance: string, why: string): Promise<void> {
    const state = (this.#state ??= await readState(this.#options.paths.state));
    const before = state.failures.get(app);
    state.failures.set(app, { instance, count: before?.instance === instance ? before.count + 1 : 1, atMs: Date.now(), why });
    await writeState(this.#options.paths.state, state);
  }

  /** A failure is worth remembering as long as its generation is wanted and does not serve. */
  async #forgetFailures(plan: Plan, about: ReadonlySet<string> | null, state: SyncState): Promise<void> {
    const open = new Map(plan.steps.flatMap((step) =>
      (step.kind === 'failed' || step.kind === 'fetching' || step.kind === 'handOver' || step.kind === 'busy' || step.kind === 'revert' || step.kind === 'replace' ? [[step.app, step.to.instance] as const] : [])));
    const stale = [...state.failures].filter(([app, failure]) => about?.has(app) !== false && open.get(app) !== failure.instance);
    if (stale.length === 0) return;
    for (const [app] of stale) state.failures.delete(app);
    await writeState(this.#options.paths.state, state);
  }
}

/**
 * Whether a pass found all as it should be, and no clock or connection can change that unseen: apps that never sleep or
 * have a lifetime, doors at ports and images on their way are to be looked at each time.
 */
function isSettled({ fleet, desired, current, plan }: Decision, view: HostView): boolean {
  const lasting = ({ app, generation, listenPort }: Desired): boolean =>
    app.lifetimeS === null && generation.leaseS !== null && listenPort === null && (generation.units.net !== null || !plan.sleep.deep.has(app.name));
  return fleet.rejections.length === 0 && [...desired.values()].every(lasting)
    && plan.steps.every(({ kind }) => kind === 'unchanged') && [...current.values()].every(({ fetching }) => !fetching)
    && view.ports.size + view.closing.length === 0
    && plan.write.length + plan.startSockets.length + plan.startLeases.length + plan.link.size + plan.unlink.length + plan.refused.length === 0
    && plan.retire.every(({ waitingFor }) => waitingFor === 'ended')
    && plan.images.write.length + plan.images.start.length + plan.images.drop.length + plan.images.failed.length === 0
    && plan.sleep.sink.length === 0;
}

const NEVER_SLEEPS = 'the app never sleeps, and did not wake';

type AddressOf = (instance: string) => string | undefined;

function failedStep({ app, to, from, failure, retryAtMs }: Extract<Step, { kind: 'failed' }>): Failed {
  const seconds = Math.max(0, Math.ceil((retryAtMs - Date.now()) / 1000));
  return { subject: app, what: `generation ${to.id} did not start, ${from} goes on serving, next try in ${seconds} s`, cause: new Error(failure.why) };
}

const SHOWN_APPS = 5;

function failedImage({ image, why, apps }: FailedImage): Failed {
  const more = apps.length > SHOWN_APPS ? ` and ${apps.length - SHOWN_APPS} more` : '';
  return { subject: image.unit, what: `the image ${image.source} of ${apps.slice(0, SHOWN_APPS).join(', ')}${more} could not be fetched, which is tried again`, cause: new Error(why) };
}

function refusedRemoval(app: string): Failed {
  return {
    subject: app,
    what: 'was not removed',
    cause: new Error('all apps of this host, or more than half, would go at once and no row says why; if that is meant: fc-sync --allow-removals'),
  };
}
