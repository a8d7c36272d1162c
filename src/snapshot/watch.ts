/**
 * Follows the snapshot file. It is replaced, not written to, so the directory
 * is what must be watched (inotify(7)); a slow second look makes up for a
 * directory that is not there yet, or that was itself replaced.
 */
import { watch, type FSWatcher } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Logger } from '../log.ts';
import type { Snapshot } from './format.ts';
import { SnapshotReader } from './text.ts';

const SECOND_LOOK_MS = 5000;

/** Which file a path named, for telling whether it names another one now. */
interface Identity {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly size: bigint;
}

export class SnapshotFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #news: (snapshot: Snapshot) => void;
  readonly #reader = new SnapshotReader();
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;
  #last: Identity | null = null;
  /** What was logged last, so that an unchanged trouble is told once. */
  #trouble = '';
  #reading: Promise<void> | null = null;
  #again = false;

  /** @param news gets every valid snapshot, the first one included */
  constructor(path: string, log: Logger, news: (snapshot: Snapshot) => void) {
    this.#path = path;
    this.#log = log;
    this.#news = news;
  }

  /** Reads the file, and follows it from now on. */
  async start(): Promise<void> {
    this.#watch();
    this.#timer = setInterval(() => {
      if (this.#watcher === null) this.#watch();
      void this.reload();
    }, SECOND_LOOK_MS).unref();
    await this.reload();
  }

  /** Reads the file unless it is the one read last. Never rejects: what was read before stays valid. */
  reload(): Promise<void> {
    if (this.#reading !== null) {
      // The reading under way may have opened the file before it was replaced.
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#readAll().finally(() => { this.#reading = null; });
    return this.#reading;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#read();
        this.#trouble = '';
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== this.#trouble) {
          if (this.#last === null && isMissing(error)) this.#log.info('no snapshot yet: waiting for fc-sync', { file: this.#path });
          else this.#log.error('cannot take over the snapshot; the last good one stays', { error: message });
        }
        this.#trouble = message;
      }
    } while (this.#again);
  }

  async #read(): Promise<void> {
    const file = await open(this.#path, 'r');
    try {
      const { ino, mtimeNs, size } = await file.stat({ bigint: true });
      const last = this.#last;
      if (last !== null && last.ino === ino && last.mtimeNs === mtimeNs && last.size === size) return;
      // Remembered before it is known to be good: one that is not would be told of every few seconds.
      this.#last = { ino, mtimeNs, size };
      this.#news(await this.#reader.read(await file.readFile('utf8')));
    } finally {
      await file.close();
    }
  }

  #watch(): void {
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(this.#path)) void this.reload();
      });
      watcher.on('error', () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = null;
      });
      this.#watcher = watcher;
    } catch {
      // Not there yet, or out of inotify watches: the second look finds the file.
      this.#watcher = null;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
