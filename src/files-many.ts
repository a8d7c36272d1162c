/**
 * Thousands of small files and links. Node's promises cost each call a trip through a queue of four threads, several
 * times what the call itself takes; so these ask the kernel directly, some at a time, and let others have a turn in between.
 */
import { spawn } from 'node:child_process';
import {
  closeSync, fchmodSync, fsyncSync, openSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { temporaryOf } from './files.ts';

export interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** About 5 ms of work. */
const AT_ONCE = 100;

/** Up to this many files are flushed one by one; more, with their whole file system, which is one wait for all of them. */
const FLUSHED_ALONE = 16;

/**
 * Writes files as `writeFileAtomic` does: each is there whole or not at all, also after a crash, because all are on the
 * disk under temporary names before the first gets its own; and in the order given, so that what comes later may rely on
 * what came before.
 */
export async function writeFilesAtomic(files: readonly NewFile[]): Promise<void> {
  const flushedAlone = files.length <= FLUSHED_ALONE;
  try {
    await inTurns(files, (file) => { writeTemporary(file, flushedAlone); });
    if (!flushedAlone) await flushFileSystems([...new Set(files.map(({ path }) => dirname(path)))]);
    await inTurns(files, ({ path }) => { renameSync(temporaryOf(path), path); });
  } catch (error) {
    for (const { path } of files) rmSync(temporaryOf(path), { force: true });
    throw error;
  }
}

function writeTemporary({ path, text, mode }: NewFile, flush: boolean): void {
  const file = openSync(temporaryOf(path), 'w', mode);
  try {
    // open(2) takes the umask off the mode, and keeps the mode of a file that is there.
    fchmodSync(file, mode);
    writeFileSync(file, text);
    if (flush) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** syncfs(2), which Node does not have, by way of sync(1). */
async function flushFileSystems(folders: readonly string[]): Promise<void> {
  const child = spawn('sync', ['--file-system', '--', ...folders], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`sync --file-system ${folders.join(' ')} ended with ${code}: what was written may not be on the disk`);
}

export interface NewLink {
  readonly target: string;
  readonly path: string;
}

/** Makes each `path` a symbolic link to its `target`, replacing what was there in one step. */
export async function linksAtomic(links: readonly NewLink[]): Promise<void> {
  await inTurns(links, ({ target, path }) => {
    const temporary = temporaryOf(path);
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, path);
  });
}

/** Removes files and links; one that is not there is as good as removed. */
export async function removeFiles(paths: readonly string[]): Promise<void> {
  await inTurns(paths, (path) => { rmSync(path, { force: true }); });
}

/** File name → text of every one of `names` that is there. */
export async function readFiles(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  await inTurns(names, (name) => {
    const text = ifThere(() => readFileSync(join(folder, name), 'utf8'));
    if (text !== null) texts.set(name, text);
  });
  return texts;
}

/** Name → target of every symbolic link in a folder whose name will do. A folder that is not there has none. */
export async function readLinks(folder: string, wanted: (name: string) => boolean): Promise<ReadonlyMap<string, string>> {
  const links = new Map<string, string>();
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  await inTurns(entries, (entry) => {
    if (!entry.isSymbolicLink() || !wanted(entry.name)) return;
    const target = ifThere(() => readlinkSync(join(folder, entry.name)));
    if (target !== null) links.set(entry.name, target);
  });
  return links;
}

/** What `work` gives, or null when the file it is about does not exist. */
function ifThere<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  let left = AT_ONCE;
  for (const item of items) {
    work(item);
    if (--left > 0) continue;
    left = AT_ONCE;
    await othersTurn();
  }
}
