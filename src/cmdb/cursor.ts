/**
 * A reader's place in the change log.
 *
 * An id is given when a row is written and seen when its transaction commits,
 * so ids appear out of order: after 6, 5 may still come. Whatever is left out
 * stays in doubt for a while and is asked for again; most of it was rolled back
 * and never comes.
 */

/** Ids from `first` to `last`, both included, not seen when a higher one was, at `since` (ms). */
export interface Gap {
  readonly first: bigint;
  readonly last: bigint;
  readonly since: number;
}

export interface LogEntry {
  readonly id: bigint;
  readonly tbl: string;
  readonly name: string;
}

/** Longer than any transaction an operator would want; an id in doubt costs next to nothing. */
export const DOUBT_MS = 600_000;
/** Where auto_increment_increment is not 1, every entry leaves a gap: only the youngest are kept. */
export const MAX_GAPS = 200;

export class LogCursor {
  /** The highest id seen; 0: none. */
  #position = 0n;
  #gaps: readonly Gap[] = [];

  get position(): bigint {
    return this.#position;
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /**
   * Begins at the log's end. `ids`: the last ones there, ascending; what is
   * not among them may yet come. `whole`: there are no others, so what is
   * lower than all of them may come too.
   */
  constructor(ids: readonly bigint[], whole: boolean, nowMs: number) {
    this.#position = whole ? 0n : ids[0] ?? 0n;
    this.take(ids.map((id) => ({ id, tbl: '', name: '' })), nowMs);
  }

  /** A condition on `id` for what is to be read next: the last entry seen, all after it, and those in doubt. */
  where(): { readonly sql: string; readonly values: readonly bigint[] } {
    return {
      sql: ['id >= ?', ...this.#gaps.map(() => 'id BETWEEN ? AND ?')].join(' OR '),
      values: [this.#position, ...this.#gaps.flatMap(({ first, last }) => [first, last])],
    };
  }

  /**
   * Takes what where() found, ascending.
   * @returns the entries not seen before; null when the last entry seen is gone, so that this is another
   *   log (emptied, restored) or the reader has fallen behind its end
   */
  take(entries: readonly LogEntry[], nowMs: number): readonly LogEntry[] | null {
    if (this.#position > 0n && !entries.some(({ id }) => id === this.#position)) return null;
    const fresh: LogEntry[] = [];
    let gaps = this.#gaps.filter(({ since }) => nowMs - since < DOUBT_MS);
    for (const entry of entries) {
      const { id } = entry;
      if (id === this.#position) continue;
      if (id > this.#position) {
        if (id > this.#position + 1n) gaps.push({ first: this.#position + 1n, last: id - 1n, since: nowMs });
        this.#position = id;
      } else {
        gaps = gaps.flatMap((gap) => without(gap, id));
      }
      fresh.push(entry);
    }
    this.#gaps = gaps.slice(-MAX_GAPS);
    return fresh;
  }
}

function without(gap: Gap, id: bigint): Gap[] {
  if (id < gap.first || id > gap.last) return [gap];
  return [{ ...gap, last: id - 1n }, { ...gap, first: id + 1n }].filter(({ first, last }) => first <= last);
}
