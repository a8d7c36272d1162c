/** docs/performance.md and its plots, from what was measured. */
import { verdict, type Bound, type Machine, type PartResult, type Plot, type Table, type Target } from '../result.ts';
import { drawBars, drawStacked } from './bars.ts';
import { drawLines } from './lines.ts';
import { format, withUnit } from './number.ts';

const HEAD = `# Performance

What FastContainer costs and gives, measured side by side with its peers, and what is to be reached. Made by \`scripts/bench\`
from the figures in \`docs/performance/\`; do not edit it. How to repeat it is [at the end](#how-to-repeat).

Machines are noisy. Whatever is compared was measured in one run, in turns, so read ratios first; milliseconds are those of
the machine below.
`;

const REPEAT = `## How to repeat

On a Debian 12 or 13 machine, as root, in a checkout:

\`\`\`
scripts/bench                 # everything
scripts/bench cold burst      # these parts; the others' figures stay
scripts/bench --toy           # does it all work? some seconds, nothing is written
scripts/bench cold --keep     # leaves the host up to look at
\`\`\`

It installs the peers from Debian's packages, boots a disposable host on the machine (\`scripts/testhost\`) for each part, and
writes this page. Nothing else should run meanwhile.
`;

/** The page. Plots are found where \`plotFile\` says, below the page's folder. */
export function renderPage(results: readonly PartResult[]): string {
  return [HEAD, summary(results), ...results.map(section), machines(results), REPEAT].join('\n');
}

/** A plot's path, from the page's folder. */
export function plotFile(part: string, plot: Plot): string {
  return `performance/${part}-${plot.name}.svg`;
}

export function renderPlot(plot: Plot): string {
  switch (plot.kind) {
    case 'bars': return drawBars(plot);
    case 'stacked': return drawStacked(plot);
    case 'lines': return drawLines(plot);
  }
}

const WORDS = { stretch: '**stretch**', reach: 'reached', missed: '**missed**' } as const;

function summary(results: readonly PartResult[]): string {
  const rows = results.flatMap(({ targets }) => targets.map((target) => [
    target.what, target.measure, `**${withUnit(target.measured, target.unit)}**`, bound(target.reach, target), bound(target.stretch, target), WORDS[verdict(target)],
  ]));
  return `## Targets\n\n${table(['what', 'measure', 'measured', 'reach', 'stretch', ''], rows)}`;
}

function bound(value: Bound | null, { unit }: Target): string {
  if (value === null) return '';
  return 'atMost' in value ? `≤ ${withUnit(value.atMost, unit)}` : `≥ ${withUnit(value.atLeast, unit)}`;
}

function section({ part, title, about, findings, plots, tables, taken }: PartResult): string {
  return [
    `## ${title}`,
    ...about,
    ...plots.map((plot) => `![${plot.title}](${plotFile(part, plot)})`),
    ...tables.map(({ title: name, columns, rows }: Table) => `${name}:\n\n${table(columns, rows).trimEnd()}`),
    ...findings,
    `\`scripts/bench ${part}\`, ${taken}.`,
  ].join('\n\n') + '\n';
}

/** Parts that were measured with the same are named together. */
function machines(results: readonly PartResult[]): string {
  const groups = new Map<string, { readonly machine: Machine; readonly parts: string[] }>();
  for (const { part, machine } of results) {
    const key = JSON.stringify(machine);
    const group = groups.get(key) ?? { machine, parts: [] };
    group.parts.push(part);
    groups.set(key, group);
  }
  const texts = [...groups.values()].map(({ machine, parts }) => `${parts.join(', ')}:\n\n${table(['', ''], machine.map((pair) => [...pair]))}`);
  return `## Machine and versions\n\n${texts.join('\n')}`;
}

/** A table of Markdown; numbers are aligned to the right. */
function table(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`.replace(/ {2}\|/g, ' |');
  const right = columns.map((_, index) => rows.length > 0 && rows.every((row) => typeof row[index] === 'number'));
  return `${[
    line(columns.map(cell)),
    line(right.map((numbers) => (numbers ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((value) => (typeof value === 'number' ? format(value) : cell(value))))),
  ].join('\n')}\n`;
}

function cell(words: string): string {
  return words.replace(/[|\\]/g, '\\$&').replace(/\s*\n\s*/g, ' ');
}
