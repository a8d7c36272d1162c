/**
 * The file that says where this host stands in the CMDB's history, so that it never goes back. Written before what
 * it tells of is applied. Without it, as on a host that was wiped, the first database that answers is taken.
 */
import { readFile } from 'node:fs/promises';
import type { IdRange, Standing } from '../cmdb/history.ts';
import { REMEMBERED } from '../cmdb/history.ts';
import { ifThere, writeFileAtomic } from '../files.ts';
import { jsonOrNull } from './json-or-null.ts';

/** @throws Error when the file is there and cannot be read; one that holds something else counts as none */
export async function readStanding(path: string): Promise<Standing | null> {
  return parseStanding(await ifThere(readFile(path, 'utf8')));
}

/** Does nothing when the file says so already. */
export async function writeStanding(path: string, standing: Standing): Promise<void> {
  if (!sameStanding(await readStanding(path), standing)) await writeFileAtomic(path, standingText(standing), { mode: 0o600 });
}

/** `{"origin": …, "changes": "1-57,59", "digest": …}`, the same text for the same standing. */
export function standingText({ origin, changes, digest }: Standing): string {
  const ids = changes.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
  return `${JSON.stringify({ origin, changes: ids, digest })}\n`;
}

export function sameStanding(one: Standing | null, other: Standing | null): boolean {
  return (one === null ? null : standingText(one)) === (other === null ? null : standingText(other));
}

export function parseStanding(text: string | null): Standing | null {
  const value = jsonOrNull(text);
  if (typeof value !== 'object' || value === null) return null;
  const { origin, changes: ids, digest }: Partial<Record<keyof Standing, unknown>> = value;
  if (typeof origin !== 'string' || typeof ids !== 'string' || typeof digest !== 'string') return null;
  const changes = parseRanges(ids);
  return changes === null ? null : { origin, changes, digest };
}

function parseRanges(text: string): readonly IdRange[] | null {
  const parts = text === '' ? [] : text.split(',').map((part) => /^([0-9]{1,19})(?:-([0-9]{1,19}))?$/.exec(part));
  const changes: IdRange[] = [];
  let count = 0n;
  for (const part of parts) {
    if (part?.[1] === undefined) return null;
    const range = { first: BigInt(part[1]), last: BigInt(part[2] ?? part[1]) };
    if (range.first > range.last || range.first <= (changes.at(-1)?.last ?? -1n)) return null;
    count += range.last - range.first + 1n;
    if (count > REMEMBERED) return null;
    changes.push(range);
  }
  return changes;
}
