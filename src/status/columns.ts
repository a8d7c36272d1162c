/** The table's columns: what each says of an app, how much room it wants, and what it means to sort by it. Pure. */
import { ATTENTION } from '../admin/select.ts';
import type { AppState, AppStateName } from '../admin/state.ts';
import type { Colour } from '../cli/paint.ts';
import { cut, widthOf } from '../cli/width.ts';
import { printable } from '../model/printable.ts';
import { age, bytes, duration, rate } from './measure.ts';

export interface Row {
  readonly host: string;
  readonly app: AppState;
  /** When its host said so. */
  readonly at: number;
}

export interface Column {
  /** What it is called on the command line. */
  readonly key: string;
  /** One word, as is all that stands below it where nothing is cut off. */
  readonly title: string;
  readonly align: 'left' | 'right';
  /** `columns`: how many there are for it; Infinity: as many as it wants. */
  readonly text: (row: Row, columns: number) => string;
  /** How few columns do where room is scarce; null: it is not cut. */
  readonly least: number | null;
  /** Which goes first where there is no room for all of them: the highest. 0: none of these. */
  readonly dispensable: number;
  /** Whatever somebody would look for first when he sorts by it comes first; null: nobody would. */
  readonly compare: ((a: Row, b: Row) => number) | null;
  readonly colour?: (row: Row) => Colour | null;
}

const NONE = '-';

const COLOURS: Readonly<Record<AppStateName, Colour | null>> = {
  quarantined: 'red', rejected: 'red', starting: 'yellow', 'handing-over': 'cyan', awake: 'green', stopping: null, asleep: 'dim', deep: 'dim', elsewhere: 'dim',
};

export function stateColour(state: AppStateName): Colour | null {
  return COLOURS[state];
}

/** The most first; what is not known last. */
function most(of: (row: Row) => number | null): (a: Row, b: Row) => number {
  return (a, b) => {
    const [x, y] = [of(a) ?? -Infinity, of(b) ?? -Infinity];
    return x === y ? 0 : y - x;
  };
}

function alphabetically(of: (row: Row) => string): (a: Row, b: Row) => number {
  return (a, b) => {
    const [x, y] = [of(a), of(b)];
    return x === y ? 0 : x < y ? -1 : 1;
  };
}

/** Of what comes from rows, nearly all is so. */
const PLAIN = /^[!-~]{1,256}$/;

const word = (text: string): string => (PLAIN.test(text) ? text : printable(text, 256).replaceAll(' ', '_') || NONE);

const optional = (value: number | null, text: (value: number) => string): string => (value === null ? NONE : text(value));

/** As many as there is room for, and how many more there are. */
function domains({ app }: Row, columns: number): string {
  // Nobody visits one with an asterisk.
  const all = [...app.domains.filter((name) => !name.startsWith('*')), ...app.domains.filter((name) => name.startsWith('*'))].map(word);
  const whole = all.join(',');
  if (all.length === 0) return NONE;
  if (columns === Infinity || widthOf(whole) <= columns) return whole;
  let shown = '';
  for (const [at, name] of all.entries()) {
    const more = all.length - at - 1;
    const longer = `${shown}${at === 0 ? '' : ','}${name}`;
    if (widthOf(longer) > columns - countOf(more).length) break;
    shown = longer;
  }
  const count = all.length - (shown === '' ? 1 : shown.split(',').length);
  return `${shown === '' ? cut(all[0] ?? NONE, columns - countOf(count).length) : shown}${countOf(count)}`;
}

function countOf(more: number): string {
  return more === 0 ? '' : ` +${more}`;
}

export const COLUMNS: readonly Column[] = [
  { key: 'name', title: 'APP', align: 'left', text: ({ app }, columns) => cut(word(app.name), columns), least: 14, dispensable: 0, compare: alphabetically(({ app }) => app.name) },
  { key: 'domains', title: 'DOMAINS', align: 'left', text: domains, least: 16, dispensable: 0, compare: null },
  {
    key: 'state', title: 'STATE', align: 'left', text: ({ app }) => app.state, least: null, dispensable: 0,
    compare: (a, b) => ATTENTION.indexOf(a.app.state) - ATTENTION.indexOf(b.app.state), colour: ({ app }) => stateColour(app.state),
  },
  { key: 'since', title: 'SINCE', align: 'right', text: ({ app, at }) => optional(app.since, (since) => age(at - since)), least: null, dispensable: 0, compare: most(({ app }) => app.since) },
  { key: 'generation', title: 'GENERATION', align: 'left', text: ({ app }) => word(app.generation ?? NONE), least: null, dispensable: 5, compare: null },
  { key: 'host', title: 'HOST', align: 'left', text: ({ host }, columns) => cut(word(host), columns), least: 8, dispensable: 0, compare: alphabetically(({ host }) => host) },
  { key: 'requests', title: 'REQ/S', align: 'right', text: ({ app }) => rate(app.requestsPerS), least: null, dispensable: 0, compare: most(({ app }) => app.requestsPerS) },
  { key: 'in-flight', title: 'FLIGHT', align: 'right', text: ({ app }) => String(app.inFlight), least: null, dispensable: 2, compare: most(({ app }) => app.inFlight) },
  { key: 'starts', title: 'COLD', align: 'right', text: ({ app }) => String(app.starts.done + app.starts.failed), least: null, dispensable: 3, compare: most(({ app }) => app.starts.done + app.starts.failed) },
  { key: 'p50', title: 'P50', align: 'right', text: ({ app }) => optional(app.starts.p50Ms, duration), least: null, dispensable: 4, compare: most(({ app }) => app.starts.p50Ms) },
  { key: 'p95', title: 'P95', align: 'right', text: ({ app }) => optional(app.starts.p95Ms, duration), least: null, dispensable: 1, compare: most(({ app }) => app.starts.p95Ms) },
  { key: 'memory', title: 'MEMORY', align: 'right', text: ({ app }) => optional(app.memoryBytes, bytes), least: null, dispensable: 0, compare: most(({ app }) => app.memoryBytes) },
];
