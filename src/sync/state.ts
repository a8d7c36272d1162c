/**
 * What fc-sync remembers from run to run. Nothing that a host could not lose: without it, a recycled app is handed
 * over once more and a generation that failed is tried once more.
 */
import { readFile } from 'node:fs/promises';
import { ifThere, writeFileAtomic } from '../files.ts';
import type { Failure } from '../systemd/plan.ts';
import { jsonOrNull } from './json-or-null.ts';

export interface SyncState {
  /** How often each app was recycled. */
  readonly incarnations: Map<string, number>;
  /** By app: its generation that did not start. */
  readonly failures: Map<string, Failure>;
}

/** @throws Error when the file is there and cannot be read; one that holds something else counts as empty */
export async function readState(path: string): Promise<SyncState> {
  const content = jsonOrNull(await ifThere(readFile(path, 'utf8')));
  const state: SyncState = { incarnations: new Map(), failures: new Map() };
  for (const [app, value] of entries(content, 'incarnations')) {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) state.incarnations.set(app, value);
  }
  for (const [app, value] of entries(content, 'failures')) {
    const failure = asFailure(value);
    if (failure !== null) state.failures.set(app, failure);
  }
  return state;
}

export async function writeState(path: string, state: SyncState): Promise<void> {
  const text = JSON.stringify({
    incarnations: Object.fromEntries([...state.incarnations].sort()),
    failures: Object.fromEntries([...state.failures].sort()),
  });
  await writeFileAtomic(path, `${text}\n`, { mode: 0o600 });
}

function entries(value: unknown, key: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  const part: unknown = Reflect.get(value, key);
  return typeof part === 'object' && part !== null ? Object.entries(part) : [];
}

function asFailure(value: unknown): Failure | null {
  if (typeof value !== 'object' || value === null) return null;
  const { instance, count, atMs, why }: Partial<Record<keyof Failure, unknown>> = value;
  if (typeof instance !== 'string' || typeof count !== 'number' || typeof atMs !== 'number' || typeof why !== 'string') return null;
  return { instance, count, atMs, why };
}
