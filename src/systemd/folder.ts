/** What is in a folder, read again only when something has come or gone there. */
import { stat } from 'node:fs/promises';
import { ifThere } from '../files.ts';

/** Kernels tell times by ticks of up to 10 ms: a change in the tick of the one before leaves the folder's time as it is. */
const TICKS_MS = 100;

export class Folder<T> {
  readonly #path: string;
  readonly #read: (before: T | null) => Promise<T>;
  #before: { readonly value: T; /** Of the folder; null: it was too young to tell. */ readonly changed: bigint | null } | null = null;

  /** @param read reads it, with what it gave before if that is known */
  constructor(path: string, read: (before: T | null) => Promise<T>) {
    this.#path = path;
    this.#read = read;
  }

  forget(): void {
    this.#before = null;
  }

  /** The same value as before where nothing has changed. @throws what reading throws */
  async look(): Promise<T> {
    // Before it is read, so that what changes meanwhile is seen the next time.
    const changed = (await ifThere(stat(this.#path, { bigint: true })))?.mtimeNs ?? 0n;
    if (this.#before?.changed === changed) return this.#before.value;
    const settled = Date.now() - Number(changed / 1_000_000n) > TICKS_MS;
    const value = await this.#read(this.#before?.value ?? null);
    this.#before = { value, changed: settled ? changed : null };
    return value;
  }
}
