/** Lines over an axis that is a quantity: a rate, a number of apps. */
import type { Axis, Lines } from '../result.ts';
import { format } from './number.ts';
import { linearScale, logScale, type Scale } from './scale.ts';
import { WIDTH, classOf, element, sheet, text, widthOf, type Entry } from './svg.ts';

const HEIGHT = 300;
const RIGHT = 40;
/** More points than these are a line without marks. */
const MOST_MARKS = 40;

export function drawLines({ title, x, y, series }: Lines): string {
  const points = series.flatMap((one) => one.points);
  const across = scaleFor(x, points.map(([value]) => value));
  const up = scaleFor(y, points.map(([, value]) => value));
  const left = 30 + Math.max(...up.ticks.map((tick) => widthOf(format(tick), 12)));
  const legend: Entry[] = series.map(({ name }, index) => ({
    name,
    sign: (at, middle) => element('path', { class: classOf('line', index), d: `M${at} ${middle}h16` }) + marker(index, at + 8, middle),
  }));
  return sheet(title, legend, (top) => {
    const first = top + 28;
    const last = first + HEIGHT;
    const toX = (value: number): number => left + across.place(value) * (WIDTH - RIGHT - left);
    const toY = (value: number): number => last - up.place(value) * HEIGHT;
    const content = [
      text(left, top + 10, nameOf(y), { class: 'soft' }),
      ...up.ticks.flatMap((tick) => [
        element('line', { class: 'grid', x1: left, x2: WIDTH - RIGHT, y1: toY(tick), y2: toY(tick) }),
        text(left - 8, toY(tick) + 4, format(tick), { class: 'soft', 'text-anchor': 'end' }),
      ]),
      ...across.ticks.flatMap((tick) => [
        element('line', { class: 'grid', x1: toX(tick), x2: toX(tick), y1: last, y2: last + 5 }),
        text(toX(tick), last + 20, format(tick), { class: 'soft', 'text-anchor': 'middle' }),
      ]),
      text((left + WIDTH - RIGHT) / 2, last + 42, nameOf(x), { class: 'soft', 'text-anchor': 'middle' }),
      ...series.flatMap(({ points: own }, index) => {
        const at = own.map(([h, v]): [number, number] => [toX(h), toY(v)]);
        return [
          element('path', { class: classOf('line', index), d: at.map(([h, v], n) => `${n === 0 ? 'M' : 'L'}${h.toFixed(1)} ${v.toFixed(1)}`).join('') }),
          ...(at.length > MOST_MARKS ? [] : at.map(([h, v]) => marker(index, h, v))),
        ];
      }),
    ];
    return { content: content.join('\n'), bottom: last + 46 };
  });
}

/** A shape of its own for each series: colour alone does not tell them apart for all. */
function marker(index: number, x: number, y: number): string {
  const shapes = [
    () => element('circle', { class: classOf('fill', index), cx: x, cy: y, r: 4 }),
    () => element('rect', { class: classOf('fill', index), x: x - 3.8, y: y - 3.8, width: 7.6, height: 7.6 }),
    () => element('path', { class: classOf('fill', index), d: `M${x.toFixed(1)} ${(y - 5).toFixed(1)}l5 9h-10z` }),
    () => element('path', { class: classOf('fill', index), d: `M${x.toFixed(1)} ${(y - 5).toFixed(1)}l5 5l-5 5l-5 -5z` }),
  ];
  return shapes[index % shapes.length]?.() ?? '';
}

function scaleFor({ log }: Axis, values: readonly number[]): Scale {
  return log === true ? logScale(Math.min(...values), Math.max(...values)) : linearScale(Math.max(...values));
}

function nameOf({ label, unit }: Axis): string {
  return unit === '' ? label : `${label} (${unit})`;
}
