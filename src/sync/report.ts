/** What a run says: the plan and its outcome, for a person and as JSON. Pure. */
import type { Rejection } from '../model/app.ts';
import type { Failed } from '../systemd/apply.ts';
import type { Plan, Retirement, Step } from '../systemd/plan.ts';
import type { PortPlan } from '../systemd/plan-ports.ts';

/** One line of a plan, or null when there is nothing to say about the step. */
export function stepLine(step: Step): string | null {
  switch (step.kind) {
    case 'create': return `+ ${step.app}: new, generation ${step.to.id}; asleep until its first request`;
    case 'switch': return `~ ${step.app}: ${step.from} -> generation ${step.to.id}; asleep or ready, changes at once`;
    case 'handOver': return `~ ${step.app}: ${step.from} -> generation ${step.to.id}; ${step.proof ? 'must start once, as it failed before' : 'awake: started beside the old one, serves once it is ready'}`;
    case 'replace': return `~ ${step.app}: ${step.from.instance} -> generation ${step.to.id}; uses the host's network: the old one is stopped first`;
    case 'revert': return `! ${step.app}: generation ${step.to.id} did not start, back to ${step.back.instance}`;
    case 'failed': return `! ${step.app}: generation ${step.to.id} did not start (${step.failure.why}); ${step.from} goes on serving`;
    case 'fetching': return `~ ${step.app}: ${step.from} -> generation ${step.to.id}; serves once its image ${step.image.source} is here (${step.image.unit})`;
    case 'busy': return `~ ${step.app}: a hand-over to another generation is under way`;
    case 'remove': return `- ${step.app}: removed; ${step.from} finishes what it has`;
    case 'held': case 'unchanged': return null;
  }
}

const WAITING: Readonly<Record<NonNullable<Retirement['waitingFor']>, string>> = {
  settling: 'clients may still be on their way to its socket',
  starting: 'waiting for its start to end',
  closing: 'its socket closes',
  idling: 'waiting for its last requests and its lease to end',
  ended: 'has ended; its unit files go with the next change of others',
};

function retirementLine(retirement: Retirement): string {
  return `  ${retirement.instance} (old): ${retirement.waitingFor === null ? 'its files are removed' : WAITING[retirement.waitingFor]}`;
}

/** What becomes of TCP ports; that one follows its app to another generation goes without saying. */
function portLines({ lead, open, close }: PortPlan): readonly string[] {
  const opens = new Set(open.map(({ port }) => port));
  return [
    ...close.map(({ port, app, stop }) => (app === null
      ? `  port ${port} (old): ${stop ? 'closes' : 'waiting for its last connections to end'}`
      : `- port ${port}: leads to ${app} no more, ${stop ? 'and closes' : 'and closes once its connections have ended'}`)),
    ...open.map(({ port, app }) => `+ port ${port}: opens, leads to ${app}`),
    ...lead.filter(({ port, app, from }) => app !== from && !opens.has(port))
      .map(({ port, app, from }) => `~ port ${port}: leads to ${app}, until now ${from === null ? 'nowhere' : `to ${from}; connections that are open stay with it`}`),
  ];
}

export function rejectionLine({ table, key, column, why, app }: Rejection): string {
  return `! ${table} '${key}', column ${column}: ${why}${app === null ? '' : ` (app ${app})`}`;
}

export function failedLine({ subject, what, cause }: Failed): string {
  return `! ${subject}: ${what}: ${cause instanceof Error ? cause.message : String(cause)}`;
}

/** Thousands may fall into deep sleep at once. */
const SHOWN_SLEEPERS = 20;

/** What would happen, or just happened; `unchanged` counts what is left alone. */
export function planLines(plan: Plan): readonly string[] {
  const unchanged = plan.steps.filter((step) => step.kind === 'unchanged').length;
  const held = plan.steps.filter((step) => step.kind === 'held');
  return [
    ...plan.steps.map(stepLine).filter((line) => line !== null),
    ...held.map(({ app }) => `= ${app}: left as it is${plan.refused.includes(app) ? ', its removal was refused' : ', its row was rejected'}`),
    ...unitLines(plan),
    `${unchanged} unchanged${plan.sleep.deep.size === 0 ? '' : `; deep asleep: ${plan.sleep.deep.size}`}`,
  ];
}

/** What becomes of units and ports that is not said of an app. */
export function unitLines(plan: Plan): readonly string[] {
  const sources = new Map(plan.steps.flatMap((step) => ('to' in step && step.to.image !== null ? [[step.to.image.unit, step.to.image.source]] : [])));
  return [
    ...plan.images.start.map((unit) => `  ${unit}: looks for ${sources.get(unit) ?? 'its image'}, and fetches it if it is not here`),
    ...plan.startSockets.map((unit) => `  ${unit}: starts to listen`),
    ...portLines(plan.ports),
    ...plan.startLeases.map((unit) => `  ${unit}: starts, its app never sleeps`),
    ...plan.sleep.sink.slice(0, SHOWN_SLEEPERS).map(({ socket }) => `  ${socket}: closes, nobody has visited its app for long (deep sleep)`),
    ...(plan.sleep.sink.length > SHOWN_SLEEPERS ? [`  and ${plan.sleep.sink.length - SHOWN_SLEEPERS} more`] : []),
    ...plan.retire.map(retirementLine),
  ];
}

export interface JsonReport {
  readonly host: string;
  readonly dryRun: boolean;
  readonly steps: readonly { readonly app: string; readonly kind: string; readonly from: string | null; readonly to: string | null }[];
  readonly retiring: readonly { readonly instance: string; readonly waitingFor: string | null }[];
  /** `opened` and `led`: what they lead to now; `waiting`: for its last connections to end. */
  readonly ports: {
    readonly opened: readonly { readonly port: number; readonly app: string }[];
    readonly led: readonly { readonly port: number; readonly app: string; readonly from: string | null }[];
    readonly closed: readonly { readonly port: number; readonly app: string | null; readonly waiting: boolean }[];
  };
  /** Apps in deep sleep, and those of them that fall into it now. */
  readonly deepAsleep: { readonly count: number; readonly falling: readonly string[] };
  readonly refused: readonly string[];
  readonly rejections: readonly Rejection[];
  readonly failed: readonly { readonly subject: string; readonly what: string; readonly why: string }[];
}

export function jsonReport(host: string, dryRun: boolean, plan: Plan, rejections: readonly Rejection[], failed: readonly Failed[]): JsonReport {
  return {
    host,
    dryRun,
    steps: plan.steps.map((step) => ({ app: step.app, kind: step.kind, from: fromOf(step), to: 'to' in step ? step.to.instance : null })),
    retiring: plan.retire.map(({ instance, waitingFor }) => ({ instance, waitingFor })),
    ports: { opened: plan.ports.open, led: plan.ports.lead, closed: plan.ports.close.map(({ port, app, stop }) => ({ port, app, waiting: !stop })) },
    deepAsleep: { count: plan.sleep.deep.size, falling: plan.sleep.sink.map(({ app }) => app) },
    refused: plan.refused,
    rejections,
    failed: failed.map(({ subject, what, cause }) => ({ subject, what, why: cause instanceof Error ? cause.message : String(cause) })),
  };
}

/** The instance that serves before a step; null: none does, or it goes on serving. */
export function fromOf(step: Step): string | null {
  if (!('from' in step)) return null;
  return typeof step.from === 'string' ? step.from : step.from.instance;
}
