/** What the part `cold` says of what it has measured. */
import { NODE, TINY, type BenchApp } from '../apps.ts';
import type { Bars, Measured, Target } from '../result.ts';
import { median, ratio, summarize } from '../statistics.ts';
import type { Piece } from './anatomy.ts';

export const OURS = 'fc-proxy';
export const RUN = 'podman run -d -p, polled';
export const KINDS = { tiny: TINY, node: NODE } as const;
/** The start of the app that takes its time. */
export const SLOW_MS = 1000;

/** Milliseconds until the first byte, by subject. */
export type Times = Readonly<Record<typeof OURS | typeof RUN, number[]>> & Readonly<Record<string, number[]>>;

export interface Starts {
  readonly times: Times;
  readonly anatomy: readonly Piece[];
  /** Medians of the receipt's entries. */
  readonly receipt: readonly (readonly [string, number])[];
}

export function report(cold: Readonly<Record<keyof typeof KINDS, Starts>>, over: { readonly ours: readonly number[]; readonly plain: readonly number[] }): Measured {
  const kinds = Object.entries(KINDS) as [keyof typeof KINDS, BenchApp][];
  const pieces = [...new Set(kinds.flatMap(([kind]) => cold[kind].anatomy.map(({ name }) => name)))];
  const pieceOf = (kind: keyof typeof KINDS, name: string): number => cold[kind].anatomy.find((piece) => piece.name === name)?.ms ?? 0;
  return {
    title: 'Cold start',
    about: [
      `An app sleeps; a client on the host asks for it, and the time runs until the first byte of its answer. ${OURS}: with everything as it is by default, user ids of its own, dropped capabilities and all. podman: from the command's begin, while the client tries its published port, one connection after the other with 2 ms between them, until the answer is 200. socket-proxyd: the recipe of systemd-socket-proxyd(8) before a unit as podman-generate-systemd(1) writes it, asked in the same way. ${cold.tiny.times[OURS].length} and ${cold.node.times[OURS].length} rounds, all subjects in each, in changing order.`,
      `Two apps: ${TINY.title}, which listens at once, so that what is left is the way there; and ${NODE.title}, as small as such a one can be, with its runtime's own start. The one that takes a second is that one with a pause of ${SLOW_MS} ms before it listens; its own start is that of the same program outside of any container, by the same client (${over.ours.length} rounds).`,
    ],
    targets: [
      ...kinds.map(([kind, { title }]): Target => ({
        what: `cold start, ${title}`, measure: `first byte through fc-proxy ÷ \`podman run -d -p\` and polling until 200`, measured: ratio(cold[kind].times[OURS], cold[kind].times[RUN]), unit: '', reach: { atMost: 0.75 }, stretch: { atMost: 0.5 },
      })),
      { what: 'cold start, an app that takes 1 s', measure: "time over the app's own start", measured: median(over.ours) - median(over.plain), unit: 'ms', reach: { atMost: 150 }, stretch: { atMost: 100 } },
    ],
    plots: [
      ...kinds.map(([kind, { title }]): Bars => {
        const times = Object.values(cold[kind].times);
        return {
          kind: 'bars', name: kind, title: `Cold start of ${title}: time to the first byte, medians`, unit: 'ms', groups: Object.keys(cold[kind].times), whisker: 'p99',
          series: [{ name: 'first byte', values: times.map(median), whiskers: times.map((values) => summarize(values).p99) }],
        };
      }),
      { kind: 'stacked', name: 'anatomy', title: 'The anatomy of a cold start through fc-proxy', unit: 'ms', bars: kinds.map(([, { title }]) => title), pieces: pieces.map((name) => ({ name, values: kinds.map(([kind]) => pieceOf(kind, name)) })) },
    ],
    tables: [
      ...kinds.map(([kind, { title }]) => ({
        title: `First byte of ${title}`,
        columns: ['subject', '÷ podman run', 'median, ms', 'p99, ms', 'min, ms', 'max, ms'],
        rows: Object.entries(cold[kind].times).map(([subject, values]) => {
          const { median: middle, p99, min, max } = summarize(values);
          return [subject, ratio(values, cold[kind].times[RUN]), middle, p99, min, max];
        }),
      })),
      {
        title: `An app that takes ${SLOW_MS} ms`,
        columns: ['subject', 'median, ms', 'p99, ms'],
        rows: [[OURS, median(over.ours), summarize(over.ours).p99], ['the plain process', median(over.plain), summarize(over.plain).p99]],
      },
      {
        title: 'The anatomy, milliseconds (means of the middle half of the rounds)',
        columns: ['piece', ...kinds.map(([, { title }]) => title)],
        rows: pieces.map((name) => [name, ...kinds.map(([kind]) => pieceOf(kind, name))]),
      },
      {
        title: 'The receipt (`Server-Timing`), medians, milliseconds',
        columns: ['entry', ...kinds.map(([, { title }]) => title)],
        rows: cold.tiny.receipt.map(([name, ms]) => [name, ms, cold.node.receipt.find(([other]) => other === name)?.[1] ?? 0]),
      },
    ],
    findings: [],
  };
}
