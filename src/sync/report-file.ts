/**
 * report.json, by which others learn what fc-sync last did: fc-admin, fc-why. Written by whoever holds the lock of fc-sync's
 * runs. That it cannot be written is logged and stops nothing: what is told has been done.
 */
import { readSyncReport } from '../admin/sync-report.ts';
import { writeFileAtomic } from '../files.ts';
import type { Logger } from '../log.ts';
import { lock, LockedError } from './lock.ts';
import type { PassReport } from './sync.ts';
import { afterPass, afterRun, afterTry, type Contact, tellsTheSame, type Told } from './told.ts';

export interface ReportFileOptions {
  readonly path: string;
  readonly lockFile: string;
  /** Group that may read it: fc-proxy's. */
  readonly gid: number;
  /** What differs in its times alone is written once in so many ms. */
  readonly everyMs: number;
  readonly log: Logger;
}

const NO_HAND_OVERS: Told['handOvers'] = { done: 0, failed: 0 };

export class ReportFile {
  readonly #options: ReportFileOptions;
  /** What this run told last, and when, on the clock of performance.now(). */
  #told: Told | null = null;
  #toldAt = -Infinity;
  /** Of this run's hand-overs, those that the file counts. */
  #counted = NO_HAND_OVERS;

  constructor(options: ReportFileOptions) {
    this.#options = options;
  }

  /** After a pass, with the lock held. */
  async passed(report: PassReport, revision: string, contact: Contact): Promise<void> {
    const ended = this.#notCounted(report.handOvers);
    if (!this.#isNews((before) => afterPass(before, contact, report, revision, ended))) return;
    const { written } = await this.#tell((before) => afterPass(before, contact, report, revision, ended));
    if (written) this.#counted = report.handOvers;
  }

  /**
   * After a try that came to nothing, or one that found nothing to do; the lock is not held. Another run that is under way
   * tells of itself.
   * @returns false: nothing is there that the try could be added to
   */
  async tried(contact: Contact): Promise<boolean> {
    if (!this.#isNews((before) => afterTry(before, contact))) return true;
    return await this.#locked((before) => afterTry(before, contact));
  }

  /** At the end of a run that began hand-overs; the lock is not held. */
  async ended(handOvers: Told['handOvers']): Promise<void> {
    const ended = this.#notCounted(handOvers);
    if (this.#told !== null && tellsTheSame(this.#told, afterRun(this.#told, ended))) return;
    await this.#locked((before) => afterRun(before, ended));
    this.#counted = handOvers;
  }

  #notCounted({ done, failed }: Told['handOvers']): Told['handOvers'] {
    return { done: done - this.#counted.done, failed: failed - this.#counted.failed };
  }

  #isNews(after: (before: Told) => Told): boolean {
    return this.#told === null || performance.now() - this.#toldAt >= this.#options.everyMs || !tellsTheSame(this.#told, after(this.#told));
  }

  /** @returns false: no report was there */
  async #locked(after: (before: Told | null) => Told): Promise<boolean> {
    let unlock: () => Promise<void>;
    try {
      unlock = await lock(this.#options.lockFile, 0);
    } catch (error) {
      if (!(error instanceof LockedError)) this.#warn(error);
      return true;
    }
    try {
      return (await this.#tell(after)).before !== null;
    } finally {
      await unlock();
    }
  }

  async #tell(after: (before: Told | null) => Told): Promise<{ readonly before: Told | null; readonly written: boolean }> {
    const { path, gid } = this.#options;
    // Another run may have told since.
    const before = await readSyncReport(path);
    const news = after(before);
    try {
      await writeFileAtomic(path, `${JSON.stringify(news)}\n`, { mode: 0o640, owner: { uid: process.getuid?.() ?? 0, gid } });
    } catch (error) {
      this.#warn(error);
      return { before, written: false };
    }
    [this.#told, this.#toldAt] = [news, performance.now()];
    return { before, written: true };
  }

  #warn(error: unknown): void {
    this.#options.log.warn('what was done cannot be told', { file: this.#options.path, error: error instanceof Error ? error : String(error) });
  }
}
