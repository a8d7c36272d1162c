/** Measures side by side: a machine that is slow for a minute is slow for all. */

/**
 * Calls every subject once a round, each round in another order: what one leaves behind (a warm cache, a process that is
 * still ending) does not always meet the same one. A first round is thrown away.
 * @param budget after so many milliseconds no round is begun any more, once there are `least`
 * @returns what each gave, by its name, in the order of the rounds
 */
export async function interleaved<Name extends string, T>(
  rounds: number,
  subjects: Readonly<Record<Name, () => Promise<T>>>,
  { warmUps = 1, budget, onRound }: { readonly warmUps?: number; readonly budget?: { readonly ms: number; readonly least: number }; readonly onRound?: (round: number) => void } = {},
): Promise<Record<Name, T[]>> {
  const names = Object.keys(subjects) as Name[];
  const given = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, T[]>;
  const began = performance.now();
  for (let round = -warmUps; round < rounds; round++) {
    if (budget !== undefined && round >= budget.least && performance.now() - began > budget.ms) break;
    onRound?.(round);
    for (const name of orderOf(names, Math.max(0, round))) {
      const value = await subjects[name]();
      if (round >= 0) given[name].push(value);
    }
  }
  return given;
}

/** Everyone comes first, and last, as often as everyone else, and has now this neighbour before it, now that one. */
export function orderOf<T>(all: readonly T[], round: number): T[] {
  const first = Math.floor(round / 2) % Math.max(1, all.length);
  const order = [...all.slice(first), ...all.slice(0, first)];
  return round % 2 === 0 ? order : order.reverse();
}
