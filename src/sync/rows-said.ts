/** What the rows said of which generations are made, on disk: one small file each, for root's eyes. */
import { join } from 'node:path';
import { namesIn } from '../files.ts';
import { readFiles, writeFilesAtomic } from '../files-many.ts';
import { parseSaid, type Said, saidBy, saidText } from '../model/said.ts';
import type { Generation } from '../units/render.ts';
import type { Decision } from './decide.ts';
import type { SyncState } from './state.ts';

/**
 * Keeps what the rows say of the generations that are made now and, if all apps are looked at, of those that serve and
 * that nobody has noted it of yet: what fc-sync was before it did so.
 */
export async function noteRows({ desired, current }: Decision, made: readonly Generation[], all: boolean, { incarnations }: SyncState, folder: string): Promise<void> {
  const noted = all ? new Set(await namesIn(folder)) : new Set<string>();
  const wanted = new Set([...made.map(({ instance }) => instance), ...(all ? [...current.values()].map(({ instance }) => instance) : [])]);
  await writeFilesAtomic([...desired.values()].flatMap(({ app, generation: { instance } }) =>
    (wanted.has(instance) && !noted.has(instance)
      ? [{ path: join(folder, instance), text: saidText(saidBy(app, incarnations.get(app.name) ?? 0)), mode: 0o600 }] : [])));
}

/** By instance, as far as it was noted. */
export async function readSaid(instances: readonly string[], folder: string): Promise<ReadonlyMap<string, Said>> {
  const said = new Map<string, Said>();
  for (const [instance, text] of await readFiles(folder, instances)) {
    const one = parseSaid(text);
    if (one !== null) said.set(instance, one);
  }
  return said;
}
