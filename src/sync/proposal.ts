/** What a run would do, sorted by what it means: for a person who is to agree to it, and as JSON. Pure. */
import type { Host } from '../model/app.ts';
import { type Said, saidBy } from '../model/said.ts';
import type { Snapshot, SnapshotApp } from '../snapshot/format.ts';
import type { Step } from '../systemd/plan.ts';
import { type Change, newRow, routeChanges, rowChanges } from './changes.ts';
import type { Decision } from './decide.ts';
import { fromOf } from './report.ts';

export interface AppProposal {
  readonly app: string;
  /** What becomes of it here; null: nothing does, only where its requests go changes. */
  readonly step: Step | null;
  readonly changes: readonly Change[];
  /** Why, where no column says it. */
  readonly why: string | null;
  /** Hosts that it comes from, or that it goes to. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

export interface Costs {
  /** Hand-overs that begin at once: a new container starts beside the old one. */
  readonly handOvers: number;
  /** Apps whose visitors wait for a start that they would not have waited for. */
  readonly coldStarts: readonly string[];
  /** Apps that are new here, and asleep: whoever comes first wakes them. */
  readonly asleep: number;
  readonly goAway: number;
  /** Apps that change when something has been waited for: an image, a pause after a failure, a hand-over. */
  readonly later: number;
  readonly imagesFetched: number;
  readonly rejected: number;
  readonly refused: number;
  readonly unchanged: number;
}

export interface Proposal {
  readonly added: readonly AppProposal[];
  readonly changed: readonly AppProposal[];
  readonly moved: readonly AppProposal[];
  readonly routed: readonly AppProposal[];
  readonly removed: readonly AppProposal[];
  readonly waiting: readonly AppProposal[];
  readonly kept: readonly AppProposal[];
  readonly hosts: readonly { readonly host: string; readonly changes: readonly Change[] }[];
  readonly costs: Costs;
}

/** What the proposal is made from, besides the decision. */
export interface Before {
  /** What fc-proxy goes by; null: nothing is known. */
  readonly snapshot: Snapshot | null;
  /** By instance: what rows said. */
  readonly said: ReadonlyMap<string, Said>;
  readonly incarnations: ReadonlyMap<string, number>;
}

export function propose(decision: Decision, host: string, before: Before): Proposal {
  const known = new Map((before.snapshot?.apps ?? []).map((app) => [app.name, app]));
  const steps = new Map(decision.plan.steps.map((step) => [step.app, step]));
  const wanted = new Map(decision.fleet.apps.map((app) => [app.name, app]));
  const names = [...new Set([...steps.keys(), ...wanted.keys(), ...known.keys()])].sort();
  const apps = names.map((name): AppProposal => {
    const step = steps.get(name) ?? null;
    const app = wanted.get(name);
    const old = known.get(name) ?? null;
    const { changes, why } = rowNews(step, decision, before);
    const held = step?.kind === 'held';
    const routes = app === undefined ? goneFrom(old) : held ? [] : routeChanges(old, app);
    const others = (placements: SnapshotApp['placements'] | undefined): readonly string[] => (placements ?? []).map((placement) => placement.host).filter((other) => other !== host);
    return {
      app: name, step,
      why: why === SAYS_THE_SAME && routes.some(({ column }) => column === 'domains') ? 'its units name its domains' : why,
      // Of a new app, its placement here goes without saying.
      changes: [...changes, ...routes.filter((change) => !(step?.kind === 'create' && old === null && 'name' in change && change.name === host))],
      from: step?.kind === 'create' ? others(old?.placements) : [],
      to: step?.kind === 'remove' ? others(app?.placements) : [],
    };
  });
  const of = (group: Group): readonly AppProposal[] => apps.filter((app) => groupOf(app, decision) === group);
  return {
    added: of('added'), changed: of('changed'), moved: of('moved'), routed: of('routed'), removed: of('removed'), waiting: of('waiting'), kept: of('kept'),
    hosts: hostNews(before.snapshot?.hosts ?? [], decision.fleet.hosts),
    costs: costsOf(decision),
  };
}

type Group = 'added' | 'changed' | 'moved' | 'routed' | 'removed' | 'waiting' | 'kept';

function groupOf({ step, changes, from, to }: AppProposal, { plan }: Decision): Group | null {
  switch (step?.kind) {
    case 'create': return from.length > 0 ? 'moved' : 'added';
    case 'remove': return to.length > 0 ? 'moved' : 'removed';
    case 'switch': case 'handOver': case 'replace': case 'revert': return 'changed';
    case 'busy': case 'failed': case 'fetching': return 'waiting';
    case 'held': return 'kept';
    case 'unchanged': case undefined: return changes.length > 0 && !plan.refused.includes(step?.app ?? '') ? 'routed' : null;
  }
}

/** An app elsewhere that is gone. */
function goneFrom(old: SnapshotApp | null): readonly Change[] {
  return old === null || old.here !== null ? [] : old.domains.map((name): Change => ({ column: 'domains', name, what: 'removed' }));
}

const SAYS_THE_SAME = 'its row says what it said: the configuration, or the version of FastContainer, is another one';

/** What of the row makes for another generation, and why there is one where the row says the same. */
function rowNews(step: Step | null, { desired }: Decision, { said, incarnations }: Before): { readonly changes: readonly Change[]; readonly why: string | null } {
  const wanted = step === null ? undefined : desired.get(step.app);
  if (step === null || wanted === undefined || step.kind === 'unchanged' || step.kind === 'busy' || step.kind === 'held') return { changes: [], why: null };
  const now = saidBy(wanted.app, incarnations.get(step.app) ?? 0);
  if (step.kind === 'create') return { changes: newRow(now), why: null };
  const then = said.get(fromOf(step) ?? '');
  if (then === undefined) return { changes: [], why: 'what its row said before is not known' };
  const changes = rowChanges(then, now);
  if (changes.length > 0) return { changes, why: null };
  if (then.incarnation !== now.incarnation) return { changes, why: 'its lifetime is over: a fresh container takes over' };
  return { changes, why: SAYS_THE_SAME };
}

function hostNews(before: readonly Host[], after: readonly Host[]): Proposal['hosts'] {
  const fields = ({ state, address, port }: Host): readonly (readonly [string, string])[] => [['state', state], ['address', address], ['port', String(port)]];
  const names = [...new Set([...before, ...after].map(({ name }) => name))].sort();
  return names.flatMap((host) => {
    const [old, now] = [before, after].map((hosts) => hosts.find(({ name }) => name === host));
    const then = new Map(old === undefined ? [] : fields(old));
    const next = new Map(now === undefined ? [] : fields(now));
    const changes = [...new Set([...then.keys(), ...next.keys()])].flatMap((column): Change[] =>
      (then.get(column) === next.get(column) ? [] : [{ column, from: then.get(column) ?? null, to: next.get(column) ?? null }]));
    return changes.length === 0 ? [] : [{ host, changes }];
  });
}

function costsOf({ plan, fleet }: Decision): Costs {
  const count = (...kinds: readonly Step['kind'][]): number => plan.steps.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    handOvers: count('handOver'),
    coldStarts: plan.steps.filter(({ kind }) => kind === 'replace').map(({ app }) => app),
    asleep: plan.steps.filter((step) => step.kind === 'create' && step.to.leaseS !== null).length,
    goAway: count('remove'),
    later: count('fetching', 'failed', 'busy'),
    imagesFetched: plan.images.start.length,
    rejected: fleet.rejections.length,
    refused: plan.refused.length,
    unchanged: count('unchanged'),
  };
}
