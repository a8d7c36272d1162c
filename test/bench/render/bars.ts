/** Horizontal bars: their names are words, which read best in a line. */
import type { Bars, Stacked } from '../result.ts';
import { format, withUnit } from './number.ts';
import { linearScale, type Scale } from './scale.ts';
import { WIDTH, classOf, element, sheet, square, text, widthOf, type Entry } from './svg.ts';

const LEFT = 20;
const RIGHT = 24;
const BAR = 18;
/** Between bars of one group, and between groups. */
const GAP = 4;
const SPACE = 16;

export function drawBars({ title, unit, groups, series, whisker }: Bars): string {
  const legend: Entry[] = series.length > 1 ? series.map(({ name }, index) => ({ name, sign: square(index) })) : [];
  if (whisker !== undefined) legend.push({ name: whisker, sign: (x, y) => drawWhisker(x, x + 14, y) });
  const ends = series.flatMap(({ values, whiskers = [] }) => [...values, ...whiskers]);
  const axis = axisFor(groups, Math.max(...ends), unit);
  return sheet(title, legend, (top) => {
    const rows: string[] = [];
    let y = top + SPACE / 2;
    groups.forEach((group, at) => {
      const height = series.length * (BAR + GAP) - GAP;
      rows.push(text(axis.left - 10, y + height / 2 + 4.5, group, { 'text-anchor': 'end' }));
      series.forEach(({ values, whiskers }, index) => {
        const value = values[at] ?? 0;
        const end = axis.x(value);
        rows.push(element('rect', { class: classOf('fill', index), x: axis.left, y, width: Math.max(1, end - axis.left), height: BAR, rx: 2 }));
        const far = whiskers?.[at];
        if (far !== undefined) rows.push(drawWhisker(end, axis.x(far), y + BAR / 2));
        rows.push(text(Math.max(end, far === undefined ? 0 : axis.x(far)) + 6, y + BAR / 2 + 4.5, withUnit(value, unit)));
        y += BAR + GAP;
      });
      y += SPACE - GAP;
    });
    return { content: [...axis.grid(top, y), ...rows].join('\n'), bottom: y + 24 };
  });
}

export function drawStacked({ title, unit, bars, pieces }: Stacked): string {
  const totals = bars.map((_, at) => pieces.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const axis = axisFor(bars, Math.max(...totals), unit);
  const height = BAR + 10;
  return sheet(title, pieces.map(({ name }, index) => ({ name, sign: square(index) })), (top) => {
    const rows: string[] = [];
    let y = top + SPACE / 2;
    bars.forEach((bar, at) => {
      rows.push(text(axis.left - 10, y + height / 2 + 4.5, bar, { 'text-anchor': 'end' }));
      let sum = 0;
      pieces.forEach(({ values }, index) => {
        const value = values[at] ?? 0;
        const from = axis.x(sum);
        const to = axis.x(sum += value);
        // A line of the sheet's own colour between neighbours.
        rows.push(element('rect', { class: classOf('fill', index), x: from, y, width: Math.max(0, to - from - 1), height }));
        if (to - from > widthOf(format(value)) + 6) rows.push(text((from + to) / 2, y + height / 2 + 4.5, format(value), { 'text-anchor': 'middle', style: 'fill: #ffffff; stroke: #00000080; stroke-width: 2.5px; paint-order: stroke' }));
      });
      rows.push(text(axis.x(sum) + 6, y + height / 2 + 4.5, withUnit(sum, unit)));
      y += height + SPACE;
    });
    return { content: [...axis.grid(top, y), ...rows].join('\n'), bottom: y + 24 };
  });
}

/** Room for the names on the left, and on the right for what is written at the longest bar's end. */
function axisFor(names: readonly string[], max: number, unit: string): { left: number; x: (value: number) => number; grid: (top: number, bottom: number) => string[] } {
  const left = LEFT + 10 + Math.max(...names.map((name) => widthOf(name)));
  const scale: Scale = linearScale(max);
  const width = WIDTH - RIGHT - widthOf(withUnit(max, unit)) - left;
  const x = (value: number): number => left + scale.place(value) * width;
  const grid = (top: number, bottom: number): string[] => scale.ticks.flatMap((tick) => [
    element('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: top, y2: bottom }),
    text(x(tick), bottom + 18, tick === 0 ? '0' : withUnit(tick, unit), { class: 'soft', 'text-anchor': 'middle' }),
  ]);
  return { left, x, grid };
}

function drawWhisker(from: number, to: number, y: number): string {
  return element('path', { class: 'whisker', d: `M${from.toFixed(1)} ${y.toFixed(1)}H${to.toFixed(1)}m0 -5v10` });
}
