/** Sees to it that what was counted is in its file: some seconds after it has changed, and at once when somebody waits for it. */
import { readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifThere, syncFolder, writeFileAtomic } from '../files.ts';
import type { Logger } from '../log.ts';

/** A file that is written all the time wears its disk out: no more than this on average. */
const BYTES_PER_S = 50_000;
const SOONEST_MS = 5000;
const LATEST_MS = 60_000;

export interface KeeperOptions {
  readonly path: string;
  readonly log: Logger;
  readonly text: () => string;
  /** What text() gave last is on the disk, and no loss of power takes it back. */
  readonly kept?: () => void;
}

export class Keeper {
  readonly #options: KeeperOptions;
  #changed = false;
  #timer: NodeJS.Timeout | null = null;
  #waitMs = SOONEST_MS;
  #trouble = '';
  /** The write under way, and the one after it. */
  #writing: Promise<void> | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /**
   * Reads the file. One that cannot be made sense of is set aside, for who wants to look into it.
   * @param read gets its text; throws when it is of no use
   */
  async load(read: (text: string) => void): Promise<void> {
    const { path, log } = this.#options;
    const text = await ifThere(readFile(path, 'utf8'));
    if (text === null) return;
    try {
      read(text);
    } catch (error) {
      const aside = `${path}.unreadable`;
      await rename(path, aside);
      log.error('what was counted before cannot be read, and is set aside', { file: aside, error: error instanceof Error ? error : String(error) });
    }
  }

  /** There is something new to keep. */
  changed(): void {
    this.#changed = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, this.#waitMs).unref();
  }

  /** All that was new until now is in the file when the promise is kept. Never rejects: then the journal says why. */
  async flush(): Promise<void> {
    // What is being written may have been made before the news.
    while (this.#writing !== null) await this.#writing;
    if (!this.#changed) return;
    this.#writing = this.#write().finally(() => { this.#writing = null; });
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { path, log, text, kept } = this.#options;
    this.#changed = false;
    try {
      const now = text();
      await writeFileAtomic(path, now, { mode: 0o640 });
      await syncFolder(dirname(path));
      kept?.();
      this.#waitMs = Math.min(LATEST_MS, Math.max(SOONEST_MS, now.length * 1000 / BYTES_PER_S));
      this.#trouble = '';
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#trouble) log.error('cannot store what was counted', { file: path, error: message });
      this.#trouble = message;
      this.changed();
    }
  }
}
