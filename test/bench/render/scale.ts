/** From values to places on an axis. */

export interface Scale {
  /** Where a value lies, 0 at the axis's begin and 1 at its end. */
  place(value: number): number;
  /** Round values to mark, ascending, within the axis. */
  readonly ticks: readonly number[];
}

/** From 0 to a round number that is not below `max`. */
export function linearScale(max: number, wanted = 5): Scale {
  const step = niceStep((max > 0 ? max : 1) / wanted);
  const end = Math.ceil((max > 0 ? max : 1) / step - 1e-9) * step;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => Number((index * step).toPrecision(12)));
  return { place: (value) => value / end, ticks };
}

/** From the power of ten that is not above `min` to the one that is not below `max`. @throws RangeError unless both are above 0 */
export function logScale(min: number, max: number): Scale {
  if (!(min > 0 && max > 0)) throw new RangeError(`no logarithm of ${Math.min(min, max)}`);
  const first = Math.floor(Math.log10(min) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(max) - 1e-9));
  return {
    place: (value) => (Math.log10(value) - first) / (last - first),
    ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
  };
}

/** 1, 2 or 5 times a power of ten, the smallest that is not below. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const times = [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10;
  return times * power;
}
