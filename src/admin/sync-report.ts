/**
 * Reads report.json, what fc-sync says of its last pass. It tells, and nothing hangs on it: what of it cannot be read is
 * left out, and the rest is taken.
 */
import { readFile } from 'node:fs/promises';
import type { SyncState } from './state.ts';

type Rejection = SyncState['rejections'][number];
type Failure = SyncState['failed'][number];
type HandOver = SyncState['handingOver'][number];

/** @returns null when there is none, or none that may be read, or it is something else */
export async function readSyncReport(path: string): Promise<SyncState | null> {
  try {
    return parseSyncReport(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}

/** @returns null when the text is no report at all */
export function parseSyncReport(text: string): SyncState | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const triedAt = numberOf(value, 'triedAt');
  if (triedAt === null) return null;
  const handOvers = field(value, 'handOvers');
  return {
    syncedAt: numberOf(value, 'syncedAt'),
    triedAt,
    error: textOf(value, 'error'),
    revision: textOf(value, 'revision'),
    rejections: listOf(value, 'rejections', asRejection),
    failed: listOf(value, 'failed', asFailure),
    handingOver: listOf(value, 'handingOver', asHandOver),
    handOvers: { done: numberOf(handOvers, 'done') ?? 0, failed: numberOf(handOvers, 'failed') ?? 0 },
    deepAsleep: listOf(value, 'deepAsleep', (item) => (typeof item === 'string' ? item : null)),
  };
}

function asRejection(value: unknown): Rejection | null {
  const texts = textsOf(value, ['table', 'key', 'column', 'why']);
  return texts === null ? null : { ...texts, app: textOf(value, 'app') };
}

function asFailure(value: unknown): Failure | null {
  return textsOf(value, ['subject', 'what', 'why']);
}

function asHandOver(value: unknown): HandOver | null {
  return textsOf(value, ['app', 'to']);
}

/** The fields of these names; null: one of them is no text. */
function textsOf<Name extends string>(value: unknown, names: readonly Name[]): Readonly<Record<Name, string>> | null {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const text = textOf(value, name);
    if (text === null) return null;
    texts[name] = text;
  }
  return texts as Record<Name, string>;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown, name: string): string | null {
  const found = field(value, name);
  return typeof found === 'string' ? found : null;
}

function numberOf(value: unknown, name: string): number | null {
  const found = field(value, name);
  return typeof found === 'number' && Number.isFinite(found) ? found : null;
}

function listOf<T>(value: unknown, name: string, parse: (item: unknown) => T | null): readonly T[] {
  const found = field(value, name);
  return Array.isArray(found) ? found.map(parse).filter((item) => item !== null) : [];
}
