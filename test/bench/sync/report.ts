/** What the part `sync` says of what it has measured. Pure. */
import type { Measured } from '../result.ts';
import { median, quantile } from '../statistics.ts';
import type { Effect, Run } from './on-host.ts';

/** What was measured with so many apps. */
export interface AtCount {
  readonly count: number;
  readonly fromNothing: Run;
  readonly unchanged: readonly Run[];
  /** A whole look, whether or not there is anything to do. */
  readonly whole: readonly Run[];
  readonly changed: readonly Effect[];
  /** Most memory that fc-sync --watch had meanwhile, MB. */
  readonly watchMb: number;
  /** The longest wait of a request to a warm app while one row of another one changes, ms. */
  readonly longest: readonly number[];
  /** The same for as long without a change. */
  readonly quiet: readonly number[];
}

export function report(counts: readonly AtCount[]): Measured {
  const most = counts.at(-1);
  if (most === undefined) throw new RangeError('nothing was measured');
  const ms = (runs: readonly { readonly ms: number }[]): number => median(runs.map((run) => run.ms));
  const pid1 = (runs: readonly { readonly pid1Ms: number }[]): number => median(runs.map(({ pid1Ms }) => pid1Ms));
  const mb = (runs: readonly Run[]): number => Math.max(...runs.map((run) => run.mb));
  const what = `sync, ${most.count} apps`;
  const line = (name: string, valueOf: (at: AtCount) => number): { name: string; points: [number, number][] } => ({ name, points: counts.map((at) => [at.count, valueOf(at)]) });
  return {
    title: 'Many apps',
    about: [
      `Apps are made by one statement for all of them: ${counts.map(({ count }) => count).join(', ')}. fc-sync applies them from nothing; runs again with nothing changed (${most.unchanged.length} times); looks at all of it anyway, as it does every five minutes. Then fc-sync --watch runs, and the row of one app changes (${most.changed.length} times): the time from the commit until its door leads to the new generation, and what it costs PID 1 until the old one has ended, with the files of the one before removed.`,
      'Meanwhile a client asks another, warm app again and again through fc-proxy, on one connection with 2 ms between two requests: the longest wait in each change tells how long fc-proxy stands still while it takes over a new snapshot. The apps sleep, and all their sockets listen.',
    ],
    targets: [
      { what, measure: 'nothing changed: wall', measured: ms(most.unchanged), unit: 'ms', reach: { atMost: 1000 }, stretch: { atMost: 300 } },
      { what, measure: 'nothing changed: memory', measured: mb(most.unchanged) * 1024, unit: 'KB', reach: { atMost: 200 * 1024 }, stretch: null },
      { what, measure: 'one row changed: from commit to effect, `--watch`', measured: ms(most.changed), unit: 'ms', reach: { atMost: 1000 }, stretch: { atMost: 500 } },
      { what, measure: 'one row changed: PID 1 busy for', measured: pid1(most.changed), unit: 'ms', reach: { atMost: 300 }, stretch: { atMost: 50 } },
      { what, measure: 'all from nothing', measured: most.fromNothing.ms, unit: 'ms', reach: { atMost: 90_000 }, stretch: { atMost: 40_000 } },
    ],
    plots: [
      {
        kind: 'lines', name: 'cost', title: 'What a look and a change cost, against the number of apps',
        x: { label: 'apps', unit: '', log: true }, y: { label: 'time', unit: 'ms', log: true },
        series: [
          line('nothing changed', (at) => ms(at.unchanged)), line('a whole look', (at) => ms(at.whole)),
          line('one row, commit to effect', (at) => ms(at.changed)), line('one row, CPU time of PID 1', (at) => Math.max(0.1, pid1(at.changed))),
          line('longest wait of a warm request', (at) => median(at.longest)),
        ],
      },
      {
        kind: 'lines', name: 'nothing', title: 'All apps from nothing',
        x: { label: 'apps', unit: '', log: true }, y: { label: 'time', unit: 'ms', log: true },
        series: [line('fc-sync', (at) => at.fromNothing.ms), line('CPU time of PID 1', (at) => Math.max(0.1, at.fromNothing.pid1Ms))],
      },
    ],
    tables: [
      {
        title: 'Runs of fc-sync, medians (memory: the most)',
        columns: ['apps', 'from nothing, ms', 'PID 1, ms', 'memory, MB', 'nothing changed, ms', 'PID 1, ms', 'memory, MB', 'a whole look, ms', 'PID 1, ms', 'memory, MB'],
        rows: counts.map((at) => [
          at.count, at.fromNothing.ms, at.fromNothing.pid1Ms, at.fromNothing.mb, ms(at.unchanged), pid1(at.unchanged), mb(at.unchanged), ms(at.whole), pid1(at.whole), mb(at.whole),
        ]),
      },
      {
        title: 'One row changes under fc-sync --watch',
        columns: ['apps', 'commit to effect, median, ms', 'max, ms', 'PID 1, median, ms', 'memory of fc-sync --watch, MB', 'longest wait of a warm request, median, ms', 'max, ms', 'without a change, median, ms', 'max, ms'],
        rows: counts.map((at) => [
          at.count, ms(at.changed), quantile(at.changed.map((change) => change.ms), 1), pid1(at.changed), at.watchMb,
          median(at.longest), quantile(at.longest, 1), median(at.quiet), quantile(at.quiet, 1),
        ]),
      },
    ],
    findings: [
      'fc-sync --watch asks for changes every 550 ms: until the change is seen, it takes half of that on average. Then PID 1 reads its folder of units anew when the new socket is loaded, all files of it, three for each app: that is most of what a change costs it, and half of what is left of the time to the effect. It is done once for each change, with the files of the generation before removed by the same; units that were instances of a few templates would have nothing to read, but no drop-ins of their own, and limits only by them.',
    ],
  };
}
