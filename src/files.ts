/** Files that are there whole or not at all. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface FileMode {
  readonly mode: number;
  /** Owner and group; null: the writer's. */
  readonly owner?: { readonly uid: number; readonly gid: number } | null;
}

/** Where `path` is made before it gets its name. It begins with a dot, so systemd never takes a half-written file for a unit. */
export function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}`);
}

/** Replaces `path` by a file with `text`: written under a temporary name, flushed, renamed (rename(2) is atomic). */
export async function writeFileAtomic(path: string, text: string, { mode, owner = null }: FileMode): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const file = await open(temporary, 'w', mode);
    try {
      // open(2) takes the umask off the mode, and keeps the mode of a file that is there.
      await file.chmod(mode);
      if (owner !== null) await file.chown(owner.uid, owner.gid);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Names in a folder; a folder that is not there has none. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return (await ifThere(readdir(folder))) ?? [];
}

/** What `work` gives, or null when the file it is about does not exist. */
export async function ifThere<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Makes names in a folder last, as after writeFileAtomic(): rename(2) is atomic, but a loss of power may bring the former file back, fsync(2). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
