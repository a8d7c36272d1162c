/** What is said of a list of measurements. */

export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** @throws RangeError when there are none */
export function summarize(values: readonly number[]): Summary {
  return { count: values.length, min: quantile(values, 0), median: median(values), p99: quantile(values, 0.99), max: quantile(values, 1) };
}

/** The middle one, or halfway between the two in the middle. @throws RangeError when there are none */
export function median(values: readonly number[]): number {
  return (quantile(values, 0.5) + at(sorted(values), Math.floor(values.length / 2))) / 2;
}

/**
 * The smallest value that `share` (0 to 1) of them do not exceed ("nearest rank"): one that was measured, nothing between
 * two. Of fewer than a hundred, p99 is the largest.
 * @throws RangeError when there are none
 */
export function quantile(values: readonly number[], share: number): number {
  return at(sorted(values), Math.max(0, Math.ceil(values.length * share) - 1));
}

/** How many times `of` a list is, by their medians. Below 1 it is the smaller. */
export function ratio(of: readonly number[], to: readonly number[]): number {
  return median(of) / median(to);
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError('nothing was measured');
  return value;
}
