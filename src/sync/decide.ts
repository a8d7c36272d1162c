/** Rows and host → what is wanted here, and the plan to get there. Pure. */
import type { App, Fleet, Rejection } from '../model/app.ts';
import { parseFleet } from '../model/parse.ts';
import type { Policy } from '../model/column.ts';
import type { Rows } from '../model/rows.ts';
import type { Snapshot, SnapshotGeneration } from '../snapshot/format.ts';
import type { Config } from '../config/config.ts';
import { type Observed, type Plan, plan, type PlanInput } from '../systemd/plan.ts';
import { planPart } from '../systemd/plan-part.ts';
import { type Generation, renderApp } from '../units/render.ts';
import type { Templates } from '../units/template.ts';
import type { SyncState } from './state.ts';

export interface Desired {
  readonly app: App;
  readonly generation: Generation;
  readonly listenPort: number | null;
}

/** App → its generation, and of which incarnation. */
export type Rendered = WeakMap<App, { readonly incarnation: number; readonly generation: Generation }>;

export interface Decision {
  readonly fleet: Fleet;
  /** By app. */
  readonly desired: ReadonlyMap<string, Desired>;
  readonly held: ReadonlySet<string>;
  /** What serves now, by app. */
  readonly current: ReadonlyMap<string, SnapshotGeneration>;
  readonly plan: Plan;
}

export interface Situation {
  readonly rows: Rows;
  readonly config: Config;
  /** policyOf(config): one object, because what rows come to under it is remembered. */
  readonly policy: Policy;
  readonly templates: Templates;
  /** What was rendered before, of the same configuration and templates. */
  readonly rendered: Rendered;
  readonly observed: Observed;
  readonly snapshot: Snapshot | null;
  readonly state: SyncState;
  readonly busy: ReadonlySet<string>;
  readonly ready: ReadonlyMap<string, string>;
  readonly revert: ReadonlyMap<string, SnapshotGeneration>;
  readonly unsettled: ReadonlySet<string>;
  readonly allowRemovals: boolean;
  readonly keepFiles: boolean;
  readonly nowMs: number;
}

export function decide(situation: Situation): Decision {
  const { wanted, input } = weigh(situation);
  return { ...wanted, plan: plan(input) };
}

/** What is to be done about some apps, of which alone states need be known; null when that depends on others. See `planPart`. */
export function decidePart(situation: Situation, apps: ReadonlySet<string>, ended: ReadonlySet<string>): Decision | null {
  const { wanted, input } = weigh(situation);
  const part = planPart(input, apps, ended);
  return part === null ? null : { ...wanted, plan: part };
}

function weigh(situation: Situation): { readonly wanted: Omit<Decision, 'plan'>; readonly input: PlanInput } {
  const { config, observed, state, snapshot } = situation;
  const host = config.host.name;
  const fleet = parseFleet(situation.rows, situation.policy);
  const held = new Set(fleet.rejections.flatMap((rejection) => heldBy(rejection, host)));
  const desired = new Map(fleet.apps.flatMap((app): [string, Desired][] => {
    const placement = app.placements.find((candidate) => candidate.host === host);
    if (placement === undefined || held.has(app.name)) return [];
    return [[app.name, { app, generation: render(app, situation), listenPort: placement.listenPort }]];
  }));
  const current = new Map((snapshot?.apps ?? []).flatMap((app) => (app.here === null ? [] : [[app.name, app.here] as const])));
  return {
    wanted: { fleet, desired, held, current },
    input: {
      desired: [...desired.values()].map(({ generation }) => generation),
      ports: new Map([...desired.values()].flatMap(({ app, listenPort }) => (listenPort === null ? [] : [[listenPort, app.name] as const]))),
      alwaysOpen: new Set([...desired.values()].filter(({ app, listenPort }) => app.socket || listenPort !== null || app.idleTimeoutS === null).map(({ app }) => app.name)),
      deepSleepMs: config.host.deepSleepS === null ? null : config.host.deepSleepS * 1000,
      held, current, observed,
      explained: explainedAbsences(fleet),
      failures: state.failures,
      busy: situation.busy,
      ready: situation.ready,
      revert: situation.revert,
      unsettled: situation.unsettled,
      allowRemovals: situation.allowRemovals,
      keepFiles: situation.keepFiles,
      nowMs: situation.nowMs,
    },
  };
}

/**
 * The app that a bad row leaves as it is: its own row says what it is, its placement here that it is. A bad domain
 * costs the domain only.
 */
function heldBy(rejection: Rejection, host: string): readonly string[] {
  const { app, table, key } = rejection;
  if (app === null) return [];
  return table === 'apps' || (table === 'placements' && key === `${app}/${host}`) ? [app] : [];
}

/** Apps that their rows keep from this host: disabled, or placed on others. */
function explainedAbsences(fleet: Fleet): ReadonlySet<string> {
  const enabled = new Map(fleet.apps.map((app) => [app.name, app]));
  return new Set([...fleet.known].filter((name) => {
    const app = enabled.get(name);
    return app === undefined || app.placements.length > 0;
  }));
}

function render(app: App, { config, templates, state, rendered }: Situation): Generation {
  const incarnation = state.incarnations.get(app.name) ?? 0;
  const before = rendered.get(app);
  if (before?.incarnation === incarnation) return before.generation;
  const generation = renderApp(app, { incarnation, cgroups: config.podman.cgroups, domainsInDescription: true }, templates);
  rendered.set(app, { incarnation, generation });
  return generation;
}

/** What of the configuration bears on whether a row is taken. */
export function policyOf(config: Config): Policy {
  return { host: config.host.name, volumeRoots: config.volumes.roots, allowHostNetwork: config.network.allowHost };
}
