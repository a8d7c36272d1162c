/**
 * A pure function of a text that remembers what it gave. fc-sync meets the same tens of thousands of names in every
 * look at its host, and to match each with a pattern takes longer than to read them.
 */

/** So that names that are gone do not stay for ever. */
const MOST = 200_000;

export function remembered<T>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    // What it gave may be undefined: then it is asked again.
    if (before !== undefined) return before;
    const value = work(text);
    if (known.size >= MOST) known.clear();
    known.set(text, value);
    return value;
  };
}
