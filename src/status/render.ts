/** A host's state, or a fleet's, as the lines that fc-status prints. Pure. */
import type { FleetStatus, HostStatus } from '../admin/state.ts';
import type { Paint } from '../cli/paint.ts';
import { cut, wrap } from '../cli/width.ts';
import { printable } from '../model/printable.ts';
import { COLUMNS, type Column } from './columns.ts';
import { hiddenText, sectionLines, sectionsOf } from './notes.ts';
import { isNarrow, rowsOfFleet, rowsOfHost, select, unmatched, type Wish } from './rows.ts';
import { fleetSummary, hostSummary } from './summary.ts';
import { tableLines } from './table.ts';

export type Told = { readonly kind: 'host'; readonly status: HostStatus } | { readonly kind: 'fleet'; readonly fleet: FleetStatus };

export interface Frame {
  /** Columns and lines of the window; Infinity: no end to them. */
  readonly width: number;
  readonly height: number;
  readonly paint: Paint;
  /** False: the table alone, with neither titles nor what stands around it. */
  readonly legend: boolean;
}

/** Of each kind, below the table. */
const MOST_NOTES = 10;

export function statusLines(told: Told, wish: Wish, frame: Frame): readonly string[] {
  const statuses = told.kind === 'host' ? [told.status] : told.fleet.hosts.flatMap(({ status }) => (status === null ? [] : [status]));
  const all = told.kind === 'host' ? rowsOfHost(told.status) : rowsOfFleet(told.fleet);
  const rows = select(all, wish);
  const { width, paint, legend } = frame;
  const [title = '', ...table] = tableLines(columnsOf(told), rows, width, paint);
  if (!legend) return table;
  const names = new Set(rows.map(({ app }) => app.name));
  const concerned = isNarrow(wish) ? statuses.map((status) => about(status, names)) : statuses;
  const summary = told.kind === 'host' ? hostSummary(told.status, width, paint) : fleetSummary(told.fleet, width, paint);
  const hints = [
    ...unmatched(all, wish.words).map((word) => `No app here is called "${printable(word)}", nor has it such a domain.`),
    hiddenText(statuses, rows.length, wish) ?? '',
  ].filter((hint) => hint !== '').flatMap((hint) => wrap(hint, width)).map((line) => paint('dim', line));
  const below = (most: number): readonly string[] => [...(hints.length === 0 ? [] : ['', ...hints]), ...sectionLines(sectionsOf(concerned, told.kind === 'fleet'), most, width, paint)];
  return fitted(summary, rows.length === 0 ? [] : ['', title], table, below, frame);
}

/** One host's name need not stand in each line where there is not much room. */
function columnsOf({ kind }: Told): readonly Column[] {
  return COLUMNS.map((column) => (kind === 'host' && column.key === 'host' ? { ...column, dispensable: 10 } : column));
}

/** What concerns some of a host's apps only. */
function about(status: HostStatus, names: ReadonlySet<string>): HostStatus {
  const { sync } = status;
  return {
    ...status,
    apps: status.apps.filter(({ name }) => names.has(name)),
    sync: sync === null ? null : { ...sync, failed: [], rejections: sync.rejections.filter(({ app }) => app !== null && names.has(app)) },
  };
}

/** In a window of few lines, what is around the table gets less than half of them; it is said how much of the table is not to be seen. */
function fitted(
  summary: readonly string[], title: readonly string[], table: readonly string[], below: (most: number) => readonly string[], { height, width }: Frame,
): readonly string[] {
  const whole = [...summary, ...title, ...table, ...below(MOST_NOTES)];
  if (whole.length <= height) return whole;
  const third = Math.floor(height / 3);
  const notes = [MOST_NOTES, 3, 1].map(below).find(({ length }) => length <= third) ?? [];
  const top = [...summary.slice(0, Math.max(0, third - title.length)), ...title];
  const room = height - top.length - notes.length;
  if (table.length <= room) return [...top, ...table, ...notes].slice(0, height);
  const shown = table.slice(0, Math.max(0, room - 1));
  return [...top, ...shown, cut(`… and ${table.length - shown.length} more: a larger window, or words, show them`, width), ...notes].slice(0, height);
}
