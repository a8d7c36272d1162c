/** Names that somebody may have meant. Pure. */

/** Edit distance by insertions, deletions, exchanges and swaps of neighbours (optimal string alignment), or `most` + 1 when it is more. */
export function distance(one: string, other: string, most: number): number {
  if (Math.abs(one.length - other.length) > most) return most + 1;
  let [twoBefore, before]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= one.length; row++) {
    const now = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      let least = Math.min((before[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (before[column - 1] ?? 0) + (same ? 0 : 1));
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) least = Math.min(least, (twoBefore[column - 2] ?? 0) + 1);
      now.push(least);
    }
    // No later row has less than the least of this one.
    if (Math.min(...now) > most) return most + 1;
    [twoBefore, before] = [before, now];
  }
  return before[other.length] ?? 0;
}

const SHOWN = 4;

/** The nearest few, none of them further off than a third of the name; then those that it is a part of. */
export function nearest(name: string, names: Iterable<string>): readonly string[] {
  const most = Math.max(1, Math.min(3, Math.floor(name.length / 3)));
  const found: { readonly name: string; readonly far: number }[] = [];
  for (const candidate of names) {
    const far = distance(name, candidate, most);
    if (far <= most) found.push({ name: candidate, far });
    else if (isPart(name, candidate)) found.push({ name: candidate, far: most + 1 });
  }
  return found.sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1)).slice(0, SHOWN).map((one) => one.name);
}

/** `www.shop.example` and `shop.example`, `shop` and `shop-eu`. */
function isPart(name: string, candidate: string): boolean {
  const [short, long] = name.length < candidate.length ? [name, candidate] : [candidate, name];
  return short.length >= 3 && (long.endsWith(`.${short}`) || long.startsWith(`${short}.`) || long.startsWith(`${short}-`));
}
