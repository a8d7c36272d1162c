/** The snapshot's file, as fc-sync has it: read only when another run has written it, written only when it says something else. */
import { readFile, stat } from 'node:fs/promises';
import { ifThere, writeFileAtomic } from '../files.ts';
import { sameItems } from '../model/same.ts';
import type { Snapshot } from './format.ts';
import { SnapshotReader, snapshotText } from './text.ts';

/** What the file says, and which file that is. */
interface Known {
  readonly file: string;
  readonly writtenMs: number;
  readonly snapshot: Snapshot;
}

export class PublishedSnapshot {
  readonly #path: string;
  readonly #gid: number;
  #known: Known | null = null;

  /** @param gid group that may read it */
  constructor(path: string, gid: number) {
    this.#path = path;
    this.#gid = gid;
  }

  /** When the file was written that read() or write() saw last, ms since the epoch; 0: there was none that could be read. */
  get writtenMs(): number {
    return this.#known?.writtenMs ?? 0;
  }

  /** The same object as before, where nobody has written it since. @returns null when there is none @throws SnapshotError, or the file system's error */
  async read(): Promise<Snapshot | null> {
    const seen = await this.#look();
    if (seen !== null && seen.file === this.#known?.file) return this.#known.snapshot;
    this.#known = null;
    const text = await ifThere(readFile(this.#path, 'utf8'));
    if (text === null || seen === null) return null;
    // A reader keeps the text that it has read.
    const snapshot = await new SnapshotReader().read(text);
    this.#known = { ...seen, snapshot };
    return snapshot;
  }

  /** In one step, and only when it says something else than what read() gave. */
  async write(snapshot: Snapshot): Promise<void> {
    if (this.#known !== null && saysTheSame(snapshot, this.#known.snapshot)) return;
    await writeFileAtomic(this.#path, snapshotText(snapshot), { mode: 0o640, owner: { uid: process.getuid?.() ?? 0, gid: this.#gid } });
    const seen = await this.#look();
    this.#known = seen === null ? null : { ...seen, snapshot };
  }

  async #look(): Promise<Omit<Known, 'snapshot'> | null> {
    const found = await ifThere(stat(this.#path, { bigint: true }));
    return found === null ? null : { file: [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' '), writtenMs: Number(found.mtimeNs / 1_000_000n) };
  }
}

/** Apps that say the same are the same objects: buildSnapshot() has seen to it. */
function saysTheSame(one: Snapshot, other: Snapshot): boolean {
  const head = ({ format, host, revision, hosts }: Snapshot): string => JSON.stringify({ format, host, revision, hosts });
  return head(one) === head(other) && sameItems(one.apps, other.apps);
}
