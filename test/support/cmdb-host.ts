/** A host as far as the CMDB goes: what it has applied, once or while it watches, without systemd. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CmdbAddress } from '../../src/config/cmdb-address.ts';
import { createLogger } from '../../src/log.ts';
import type { Rows } from '../../src/model/rows.ts';
import { lock } from '../../src/sync/lock.ts';
import { readOnce, type Taking } from '../../src/sync/newer.ts';
import { writeStanding } from '../../src/sync/standing.ts';
import type { PassReport } from '../../src/sync/sync.ts';
import { watch } from '../../src/sync/watch.ts';
import { until } from './until.ts';

/** A pass after which nothing is left to do. */
export const NOTHING_LEFT: PassReport = {
  plan: {
    steps: [], write: [], startSockets: [], startLeases: [], link: new Map(), unlink: [], retire: [], refused: [],
    images: { write: [], start: [], drop: [], failed: [] }, ports: { lead: [], open: [], close: [] }, sleep: { deep: new Set(), sink: [], nextInMs: null },
  },
  about: null, rejections: [], failed: [], handOvers: { done: 0, failed: 0 }, settled: null,
};

export class CmdbHost {
  /** The apps of each pass, by name; passes that changed nothing count once. */
  readonly applied: string[] = [];
  /** What has been logged, a line each. */
  readonly said: string[] = [];
  /** What each pass of a watch was about: names of apps, or everything. */
  readonly about: string[] = [];
  /** A pass that has begun waits for this. */
  held: Promise<void> = Promise.resolve();
  readonly #folder: string;
  #due: () => void = () => undefined;
  readonly #log = createLogger((line) => { this.said.push(line.trim()); }, false);

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Gone with the test. */
  static async make(t: TestContext): Promise<CmdbHost> {
    const folder = await mkdtemp(join(tmpdir(), 'fc-cmdb-host-'));
    t.after(() => rm(folder, { recursive: true }));
    return new CmdbHost(folder);
  }

  get #files(): { readonly lockFile: string; readonly standingFile: string } {
    return { lockFile: join(this.#folder, 'lock'), standingFile: join(this.#folder, 'standing.json') };
  }

  /** What was applied last: the apps' names. */
  get has(): string {
    return this.applied.at(-1) ?? '';
  }

  /** As fc-sync does. @returns the apps that were applied @throws CmdbError */
  async sync(addresses: readonly CmdbAddress[], taking: Taking = 'newer'): Promise<string> {
    const { lockFile, standingFile } = this.#files;
    const unlock = await lock(lockFile, 10);
    try {
      const { reading, standing } = await readOnce({ addresses, passwordFile: null }, standingFile, taking, this.#log);
      await writeStanding(standingFile, standing);
      return this.#apply(reading);
    } finally {
      await unlock();
    }
  }

  /** The error that sync() must end with; nothing must have been applied. */
  async refusal(addresses: readonly CmdbAddress[]): Promise<string> {
    try {
      return `applied: ${await this.sync(addresses)}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** As fc-sync --watch does, until the test ends. @returns a function that ends it before */
  watch(t: TestContext, addresses: readonly CmdbAddress[]): () => Promise<void> {
    const stop = new AbortController();
    const done = watch({
      cmdb: { addresses, passwordFile: null }, ...this.#files, settled: { note: () => Promise.resolve() }, reportFile: { passed: () => Promise.resolve(), tried: () => Promise.resolve(true) }, allowRemovals: false, log: this.#log, signal: stop.signal,
      makeSync: (due) => {
        this.#due = due;
        return {
          pass: async (rows, _allowRemovals, about = null) => {
            this.about.push(about === null ? 'everything' : [...about].sort().join(' '));
            await this.held;
            this.#apply(rows);
            return { ...NOTHING_LEFT, about };
          },
          restore: () => Promise.resolve([]),
          forget: () => undefined,
        };
      },
    });
    const end = async (): Promise<void> => {
      stop.abort();
      await done;
    };
    t.after(end);
    return end;
  }

  /** A pass is due in what watches, as when a hand-over has ended: without looking at the CMDB. */
  passDue(): void {
    this.#due();
  }

  async untilHas(apps: string, timeoutMs = 10_000): Promise<void> {
    await until(() => this.has === apps || `it has '${this.has}'; ${this.said.join(' | ')}`, { timeoutMs, what: `the host has '${apps}'` });
  }

  async untilSays(what: RegExp, timeoutMs = 10_000): Promise<void> {
    await until(() => this.said.some((line) => what.test(line)) || this.said.join(' | '), { timeoutMs, what: `the host says ${what}` });
  }

  #apply(rows: Rows): string {
    const apps = rows.apps.map((row) => row['name']).join(' ');
    if (apps !== this.has) this.applied.push(apps);
    return apps;
  }
}
