/** What fc-doctor says. Pure. */
import type { Colour, Paint } from '../cli/paint.ts';
import { printable } from '../model/printable.ts';
import type { Check } from './check.ts';
import type { Examined } from './examine.ts';
import { type Finding, SEVERITIES, type Severity } from './finding.ts';

export interface ReportOptions {
  /** What is well, too. */
  readonly verbose: boolean;
  readonly paint: Paint;
}

const TITLES: Readonly<Record<Severity, { readonly title: string; readonly one: string; readonly many: string; readonly colour: Colour }>> = {
  error: { title: 'Errors', one: 'error', many: 'errors', colour: 'red' },
  warning: { title: 'Warnings', one: 'warning', many: 'warnings', colour: 'yellow' },
  info: { title: 'Notes', one: 'note', many: 'notes', colour: 'bold' },
};

/** What is to be done with the remedy. */
const LABELS: Readonly<Record<Finding['remedy']['kind'], string>> = { command: 'run', sql: 'sql', advice: 'do ' };

/** More than anything that is said; what is pasted must be whole. */
const MOST = 4_000;

/** Lines for a person. */
export function reportLines(examined: readonly Examined[], { verbose, paint }: ReportOptions): readonly string[] {
  const found = examined.flatMap(({ check, findings }) => findings.map((finding) => ({ check, finding })));
  const groups = SEVERITIES.flatMap((severity) => {
    const some = found.filter(({ finding }) => finding.severity === severity);
    if (some.length === 0) return [];
    const { title, colour } = TITLES[severity];
    return [paint(colour, title), ...some.flatMap(({ check, finding }) => findingLines(check, finding)), ''];
  });
  const unseen = unseenGroups(examined);
  const unseenLines = unseen.length === 0 ? [] : [paint('bold', 'Not looked at'), ...unseen.map(({ why, ids }) => `  ${ids.join(', ')}: ${printable(why, MOST)}`), ''];
  const well = examined.filter(({ findings, unseen: why }) => findings.length === 0 && why === null);
  const wellLines = verbose && well.length > 0 ? [paint('green', 'Well'), ...well.map(({ check }) => `  ${check.id}: ${check.looksAt}`), ''] : [];
  return [...groups, ...unseenLines, ...wellLines, summary(examined)];
}

function findingLines(check: Check, { seen, means, remedy }: Finding): readonly string[] {
  return [`  ${check.id}: ${printable(seen, MOST)}: ${printable(means, MOST)}`, `    ${LABELS[remedy.kind]}  ${printable(remedy.text, MOST)}`];
}

function unseenGroups(examined: readonly Examined[]): readonly { readonly why: string; readonly ids: readonly string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { check, unseen } of examined) {
    if (unseen !== null) groups.set(unseen, [...(groups.get(unseen) ?? []), check.id]);
  }
  return [...groups].map(([why, ids]) => ({ why, ids }));
}

function summary(examined: readonly Examined[]): string {
  const counts = countsOf(examined);
  const found = SEVERITIES.filter((severity) => counts[severity] > 0)
    .map((severity) => `${counts[severity]} ${counts[severity] === 1 ? TITLES[severity].one : TITLES[severity].many}`);
  const checks = `${examined.length} ${examined.length === 1 ? 'check' : 'checks'}`;
  const unseen = examined.filter(({ unseen: why }) => why !== null).length;
  return `${found.length === 0 ? 'nothing found' : found.join(', ')}; ${checks}${unseen === 0 ? '' : `, ${unseen} of them not looked at`}`;
}

function countsOf(examined: readonly Examined[]): Readonly<Record<Severity, number>> {
  const of = (severity: Severity): number => examined.flatMap(({ findings }) => findings).filter((finding) => finding.severity === severity).length;
  return { error: of('error'), warning: of('warning'), info: of('info') };
}

export interface JsonReport {
  readonly checks: readonly { readonly id: string; readonly looked: boolean; readonly why: string | null }[];
  readonly findings: readonly (Finding & { readonly check: string })[];
}

export function jsonReport(examined: readonly Examined[]): JsonReport {
  return {
    checks: examined.map(({ check: { id }, unseen }) => ({ id, looked: unseen === null, why: unseen })),
    findings: examined.flatMap(({ check, findings }) => findings.map((finding) => ({ check: check.id, ...finding }))),
  };
}

/** Exit status, see src/cli/doctor.ts. */
export function exitCode(examined: readonly Examined[], strict: boolean): number {
  const counts = countsOf(examined);
  if (counts.error > 0 || (strict && counts.warning > 0)) return 1;
  return examined.some(({ unseen }) => unseen !== null) ? 3 : 0;
}

/** For --list. */
export function listLines(checks: readonly Check[]): readonly string[] {
  const column = Math.max(...checks.map(({ id }) => id.length)) + 2;
  return checks.map(({ id, looksAt }) => `${id.padEnd(column)}${looksAt}`);
}
