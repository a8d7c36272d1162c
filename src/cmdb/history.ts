/**
 * Whether a database is older than what a host has applied. Pure.
 *
 * A commit adds entries to the change log and takes none away, but those of
 * long ago. So a database has everything that was applied exactly if it has
 * every entry that was there then. The highest id alone does not say so: ids
 * are given when a row is written and appear when its transaction commits, and
 * the nodes of a cluster take turns in giving them, so that one may have 58 and
 * still lack 57.
 */
import { createHash } from 'node:crypto';

/** Entries that are remembered, the newest: far more than are under way at any time. */
export const REMEMBERED = 1_000;
/** An entry takes the one that is this much older with it (schema/002-changes.sql). */
const LOG_LENGTH = 100_800n;

/** An entry of the change log. */
export interface Mark {
  readonly id: bigint;
  /** Tells it from another one with this id, in a database that went on differently from the same backup. */
  readonly stamp: string;
}

/** What a database has, as of one moment. */
export interface History {
  /** history.origin; '' when it has none. */
  readonly origin: string;
  /** The newest entries, at most REMEMBERED, ascending. */
  readonly newest: readonly Mark[];
  /** All entries between the lowest and the highest that the standing remembers. */
  readonly known: readonly Mark[];
}

/** Ids from `first` to `last`, both included. */
export interface IdRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Where a host stands: the newest entries of the database whose rows it applied last. */
export interface Standing {
  readonly origin: string;
  /** Ascending, without overlaps; together at most REMEMBERED ids. */
  readonly changes: readonly IdRange[];
  /** Of exactly these entries and their stamps. */
  readonly digest: string;
}

export type Verdict =
  | { readonly kind: 'follows' }
  /** It lacks the change `lacks`; its last one is `last` (0: none). */
  | { readonly kind: 'behind'; readonly lacks: bigint; readonly last: bigint }
  /** It has the ids, but other changes: it was put back from a backup and went on from there. */
  | { readonly kind: 'forked'; readonly change: bigint }
  /** Another database altogether, or one whose operator has said that it begins anew. */
  | { readonly kind: 'other' };

/** Where a host stands that applies the rows which were read together with `history`. */
export function standingOf({ origin, newest }: History): Standing {
  const changes: IdRange[] = [];
  for (const { id } of newest) {
    const before = changes.at(-1);
    if (before !== undefined && before.last + 1n === id) changes[changes.length - 1] = { ...before, last: id };
    else changes.push({ first: id, last: id });
  }
  return { origin, changes, digest: digestOf(newest) };
}

/** The lowest and the highest id of a standing; null when it remembers none. */
export function spanOf({ changes }: Standing): IdRange | null {
  const [lowest, highest] = [changes[0], changes.at(-1)];
  return lowest === undefined || highest === undefined ? null : { first: lowest.first, last: highest.last };
}

/** Whether the rows that were read together with `history` are at least as new as what was applied. */
export function judge(standing: Standing, { origin, newest, known }: History): Verdict {
  if (origin !== standing.origin) return { kind: 'other' };
  const last = newest.at(-1)?.id ?? 0n;
  const there = new Map(known.map((mark) => [mark.id, mark]));
  const ids = standing.changes.flatMap(idsOf);
  const missing = ids.filter((id) => !there.has(id));
  const lacks = missing.findLast((id) => id + LOG_LENGTH > last);
  if (lacks !== undefined) return { kind: 'behind', lacks, last };
  // The log is bounded: the others are gone because it went on so far since.
  if (missing.length > 0 || digestOf(ids.flatMap((id) => there.get(id) ?? [])) === standing.digest) return { kind: 'follows' };
  return { kind: 'forked', change: ids.at(-1) ?? 0n };
}

function idsOf({ first, last }: IdRange): bigint[] {
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));
}

function digestOf(marks: readonly Mark[]): string {
  return createHash('sha256').update(marks.map(({ id, stamp }) => `${id} ${stamp}\n`).join('')).digest('hex');
}
