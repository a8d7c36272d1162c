/** Writes the snapshot for fc-proxy: in one step, and only when it says something else. */
import { readFile } from 'node:fs/promises';
import { ifThere, writeFileAtomic } from '../files.ts';
import type { Snapshot } from './format.ts';
import { snapshotText } from './text.ts';

/**
 * @param gid group that may read it
 * @returns whether it was written
 */
export async function writeSnapshot(path: string, snapshot: Snapshot, gid: number): Promise<boolean> {
  const text = snapshotText(snapshot);
  if (await ifThere(readFile(path, 'utf8')) === text) return false;
  await writeFileAtomic(path, text, { mode: 0o640, owner: { uid: process.getuid?.() ?? 0, gid } });
  return true;
}
