/** Reads the snapshot that was written last. */
import { readFile } from 'node:fs/promises';
import { ifThere } from '../files.ts';
import type { Snapshot } from './format.ts';
import type { SnapshotReader } from './text.ts';

/** @returns null when there is none @throws SnapshotError, or the file system's error */
export async function readSnapshot(path: string, reader: SnapshotReader): Promise<Snapshot | null> {
  const text = await ifThere(readFile(path, 'utf8'));
  return text === null ? null : await reader.read(text);
}
