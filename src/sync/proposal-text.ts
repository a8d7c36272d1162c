/** A proposal as a text that a person can sign, and as JSON. Pure. */
import type { Colour, Paint } from '../cli/paint.ts';
import type { Rejection } from '../model/app.ts';
import { printable } from '../model/printable.ts';
import type { Plan } from '../systemd/plan.ts';
import type { Change } from './changes.ts';
import type { AppProposal, Costs, Proposal } from './proposal.ts';
import { rejectionLine, stepLine, unitLines } from './report.ts';

/** Longer than any value that is read by a person. */
const LONGEST = 200;

export function proposalLines(proposal: Proposal, plan: Plan, rejections: readonly Rejection[]): readonly string[] {
  const { added, changed, moved, routed, removed, waiting, kept, hosts, costs } = proposal;
  const group = (title: string, lines: readonly string[]): readonly string[] => (lines.length === 0 ? [] : [`${title}:`, ...lines, '']);
  const apps = (some: readonly AppProposal[]): readonly string[] => some.flatMap(appLines);
  return [
    ...group('Rejected rows', rejections.map((rejection) => `${rejectionLine(rejection)}${consequence(rejection)}`)),
    ...group('New here', apps(added)),
    ...group('Changed', apps(changed)),
    ...group('Moved', apps(moved)),
    ...group('Removed', apps(removed)),
    ...group('Only where requests go: nothing restarts', [
      ...apps(routed),
      ...hosts.flatMap(({ host, changes }) => [`~ host ${host}`, ...changes.map(changeLine)]),
    ]),
    ...group('Waiting', apps(waiting)),
    ...group('Left as they are', kept.map(({ app }) => `= ${app}: left as it is, ${plan.refused.includes(app) ? 'its removal was refused: --allow-removals, if it is meant' : 'its row was rejected'}`)),
    ...group('Besides', unitLines(unsaid(plan))),
    summary(costs, plan),
  ];
}

const COLOURS: Readonly<Record<string, Colour>> = { '+': 'green', '-': 'red', '~': 'yellow', '!': 'red', '=': 'dim' };

/** A line of it for a terminal: what its sign says, and titles, stand out. */
export function painted(line: string, paint: Paint): string {
  const colour = COLOURS[line.charAt(0)];
  if (colour !== undefined && line.charAt(1) === ' ') return paint(colour, line);
  return /^[A-Z]/.test(line) ? paint('bold', line) : line;
}

/** Without the doors and leases that go with what is said of their apps. */
function unsaid(plan: Plan): Plan {
  const said = new Set(plan.steps.flatMap((step) => ('to' in step && step.kind !== 'unchanged' ? [step.to.units.socket, step.to.units.lease] : [])));
  const others = (units: readonly string[]): readonly string[] => units.filter((unit) => !said.has(unit));
  return { ...plan, startSockets: others(plan.startSockets), startLeases: others(plan.startLeases) };
}

function consequence({ table, app }: Rejection): string {
  if (table === 'hosts') return '';
  return app === null || table === 'domains' ? '; the row is left out' : '; it stays as it is';
}

function appLines({ app, step, changes, why, from, to }: AppProposal): readonly string[] {
  const line = step === null || step.kind === 'unchanged' ? `~ ${app}` : stepLine(step) ?? `~ ${app}`;
  const moves = [
    ...(from.length > 0 ? [`    comes from ${from.join(', ')}`] : []),
    ...(to.length > 0 ? [`    goes to ${to.join(', ')}`] : []),
  ];
  return [line, ...moves, ...changes.map(changeLine), ...(why === null ? [] : [`    ${why}`])];
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

function changeLine(change: Change): string {
  if ('name' in change) return `    ${change.column}: ${SIGNS[change.what]} ${printable(change.name, LONGEST)}${change.detail === undefined ? '' : `, ${change.detail}`}${change.column === 'env' && change.what === 'changed' ? ' (another value)' : ''}`;
  const text = (value: string | null): string => (value === null ? 'NULL' : printable(value, LONGEST));
  return `    ${change.column}: ${change.from === null && change.to !== null ? '' : `${text(change.from)} -> `}${text(change.to)}`;
}

function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** What it costs, in one sentence. */
export function summary(costs: Costs, { sleep }: Pick<Plan, 'sleep'>): string {
  const { handOvers, coldStarts, asleep, goAway, later, imagesFetched, rejected, refused, unchanged } = costs;
  const parts = [
    ...(handOvers > 0 ? [`${counted(handOvers, 'hand-over')} now`] : []),
    coldStarts.length === 0 ? 'no cold start for a visitor' : `visitors of ${coldStarts.join(', ')} wait for a start`,
    ...(asleep > 0 ? [`${counted(asleep, 'app is', 'apps are')} new here and asleep until the first visit`] : []),
    ...(imagesFetched > 0 ? [`${counted(imagesFetched, 'image')} looked for`] : []),
    ...(goAway > 0 ? [counted(goAway, 'app goes away', 'apps go away')] : []),
    ...(later > 0 ? [counted(later, 'app changes later', 'apps change later')] : []),
    ...(rejected > 0 ? [`${counted(rejected, 'row')} rejected`] : []),
    ...(refused > 0 ? [`${counted(refused, 'removal')} refused`] : []),
  ];
  return `In all: ${parts.join(', ')}; ${unchanged} unchanged${sleep.deep.size === 0 ? '' : `; deep asleep: ${sleep.deep.size}`}.`;
}

/** What it adds to a report in JSON. */
export function proposalJson({ costs, hosts, ...groups }: Proposal): object {
  return {
    apps: Object.entries(groups).flatMap(([group, apps]) => apps.map(({ app, step, changes, why, from, to }) => ({ app, group, step: step?.kind ?? null, changes, why, from, to }))),
    hosts,
    costs,
  };
}
