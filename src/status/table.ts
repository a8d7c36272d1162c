/** Rows and columns → lines that fit a width. Pure. */
import type { Paint } from '../cli/paint.ts';
import { cut, filler, widthOf } from '../cli/width.ts';
import type { Column, Row } from './columns.ts';

interface Fitted {
  readonly column: Column;
  readonly width: number;
}

/**
 * The title and a line for each row.
 * @param width of the terminal; Infinity: nothing is cut, nothing left out, and there are no spaces within a cell
 */
export function tableLines(columns: readonly Column[], rows: readonly Row[], width: number, paint: Paint): readonly string[] {
  const { fitted, gap } = fit(columns, rows, width);
  const line = (cell: (column: Column, width: number) => readonly [string, string]): string => {
    let text = '';
    for (const [at, { column, width: room }] of fitted.entries()) {
      const [plainText, painted] = cell(column, room);
      const space = filler(plainText, room);
      const last = at === fitted.length - 1;
      text += `${at === 0 ? '' : ' '.repeat(gap)}${column.align === 'right' ? space : ''}${painted}${column.align === 'left' && !last ? space : ''}`;
    }
    return text;
  };
  return [
    line(({ title }, room) => [cut(title, room), paint('bold', cut(title, room))]),
    ...rows.map((row) => line((column, room) => {
      const text = column.text(row, width === Infinity ? Infinity : room);
      return [text, paint(column.colour?.(row) ?? null, text)];
    })),
  ];
}

/** Columns go until the rest fits, the most dispensable first; what is still too wide is cut where it can be. */
function fit(columns: readonly Column[], rows: readonly Row[], width: number): { readonly fitted: readonly Fitted[]; readonly gap: number } {
  const wanted = columns.map((column) => ({ column, width: Math.max(column.title.length, ...widths(column, rows)) }));
  const order = columns.map(({ dispensable }) => dispensable).filter((rank) => rank > 0).sort((a, b) => b - a);
  for (const most of [Infinity, ...order.map((rank) => rank - 1)]) {
    const kept = wanted.filter(({ column }) => column.dispensable <= most);
    for (const gap of [2, 1]) {
      const least = sum(kept.map(leastOf)) + gap * (kept.length - 1);
      if (least <= width) return { fitted: share(kept, width - gap * (kept.length - 1)), gap };
    }
  }
  return { fitted: narrowed(wanted.filter(({ column }) => column.dispensable === 0), width), gap: 1 };
}

function leastOf({ column, width }: Fitted): number {
  return column.least === null ? width : Math.min(width, column.least);
}

/** What is left over goes to those that had to do with less, to whoever is content with the least first. */
function share(kept: readonly Fitted[], room: number): readonly Fitted[] {
  let left = room - sum(kept.map(leastOf));
  const shares = new Map<Fitted, number>();
  for (const fitted of [...kept].sort((a, b) => leastOf(a) - leastOf(b))) {
    const more = Math.min(left, fitted.width - leastOf(fitted));
    left -= more;
    shares.set(fitted, leastOf(fitted) + more);
  }
  return kept.map((fitted) => ({ ...fitted, width: shares.get(fitted) ?? 0 }));
}

/** For a window that has no room even for these: as many as there is room for. */
function narrowed(kept: readonly Fitted[], width: number): readonly Fitted[] {
  const fitted: Fitted[] = [];
  let left = width;
  for (const one of kept) {
    const least = Math.min(leastOf(one), left);
    if (least < leastOf(one) && one.column.least === null) break;
    fitted.push({ ...one, width: least });
    left -= least + 1;
    if (left <= 0) break;
  }
  return fitted;
}

/** In turn, without one array of all: there may be more rows than a function takes arguments. */
function widths(column: Column, rows: readonly Row[]): readonly [number] {
  let most = 0;
  for (const row of rows) most = Math.max(most, widthOf(column.text(row, Infinity)));
  return [most];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
