/** Follows report.json, which fc-sync replaces after each pass. */
import { readFile, stat } from 'node:fs/promises';
import { ifThere } from '../files.ts';
import type { Logger } from '../log.ts';
import type { SyncState } from './state.ts';
import { parseSyncReport } from './sync-report.ts';

/** Its folder has changes enough of other files to make watching no cheaper. */
const LOOK_EVERY_MS = 1000;

export class SyncReportFile {
  readonly #path: string;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #seen = '';
  #trouble = '';
  /** The same object as long as the file is the same. Null: it is not there, or makes no sense. */
  state: SyncState | null = null;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => { void this.#look(); }, LOOK_EVERY_MS).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    let trouble = '';
    try {
      const found = await ifThere(stat(this.#path, { bigint: true }));
      const seen = found === null ? '' : `${found.ino} ${found.mtimeNs} ${found.size}`;
      if (seen === this.#seen) return;
      const text = found === null ? null : await ifThere(readFile(this.#path, 'utf8'));
      this.#seen = seen;
      this.state = text === null ? null : parseSyncReport(text);
      if (text !== null && this.state === null) trouble = 'it is no report';
    } catch (error) {
      this.state = null;
      trouble = error instanceof Error ? error.message : String(error);
    }
    // Told once, not every second.
    if (trouble !== '' && trouble !== this.#trouble) this.#log.warn('cannot read what fc-sync says of itself', { file: this.#path, error: trouble });
    this.#trouble = trouble;
  }
}
