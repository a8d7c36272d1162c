/**
 * What a part of the benchmark hands back: plain data, written to docs/performance/<part>.json, from which the page and
 * the plots are made. So a part can be run again by itself, and a page be made again without running anything.
 */

/** The parts, in the order in which the page shows them. */
export const PARTS = ['cold', 'burst', 'warm', 'sync', 'density'] as const;
export type Part = (typeof PARTS)[number];

/** A bound that is met by what is at most, or at least, that much. */
export type Bound = { readonly atMost: number } | { readonly atLeast: number };

export interface Target {
  /** What is looked at: "cold start, an app with egress". */
  readonly what: string;
  /** How it is measured: "first byte through fc-proxy ÷ podman run -p and polling". */
  readonly measure: string;
  readonly measured: number;
  /** Of what was measured and of the bounds, `ms` or `KB`; '' for a ratio or a count. */
  readonly unit: string;
  readonly reach: Bound | null;
  readonly stretch: Bound | null;
}

export interface Table {
  readonly title: string;
  /** With their units: "median, ms". The first names the row. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

interface PlotHead {
  /** Of its file, `<part>-<name>.svg`: a-z, 0-9 and dashes. */
  readonly name: string;
  readonly title: string;
}

/** Horizontal bars, one of each series in every group. */
export interface Bars extends PlotHead {
  readonly kind: 'bars';
  readonly unit: string;
  readonly groups: readonly string[];
  /** A value for each group; `whiskers`, if there are, end at another one: its p99, say. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[]; readonly whiskers?: readonly number[] }[];
  /** What the whiskers end at. */
  readonly whisker?: string;
}

/** Horizontal bars made of pieces that add up. */
export interface Stacked extends PlotHead {
  readonly kind: 'stacked';
  readonly unit: string;
  readonly bars: readonly string[];
  /** A value for each bar. */
  readonly pieces: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface Axis {
  readonly label: string;
  readonly unit: string;
  /** Powers of ten at equal distances. */
  readonly log?: boolean;
}

export interface Lines extends PlotHead {
  readonly kind: 'lines';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
}

export type Plot = Bars | Stacked | Lines;

/** What a part measures. */
export interface Measured {
  readonly title: string;
  /** Paragraphs of Markdown: what was measured against what, how often, and what to know to read it. */
  readonly about: readonly string[];
  readonly targets: readonly Target[];
  readonly plots: readonly Plot[];
  readonly tables: readonly Table[];
  /** Paragraphs of Markdown: what the figures say. */
  readonly findings: readonly string[];
}

/** What it was measured with: names and versions, in the order in which they are shown. */
export type Machine = readonly (readonly [what: string, version: string])[];

export interface PartResult extends Measured {
  readonly part: Part;
  /** ISO 8601, UTC, to the minute. */
  readonly taken: string;
  readonly machine: Machine;
}

export type Verdict = 'stretch' | 'reach' | 'missed';

/** The harder of the bounds that are met; `reach` also when there is none to miss. */
export function verdict({ measured, reach, stretch }: Target): Verdict {
  if (stretch !== null && meets(measured, stretch)) return 'stretch';
  return reach === null || meets(measured, reach) ? 'reach' : 'missed';
}

function meets(value: number, bound: Bound): boolean {
  return 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast;
}
