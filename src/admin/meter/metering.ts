/**
 * Runs the meter: looks at what runs, reads the records of what ended, keeps both on disk. What it tells is what is
 * kept, so that no crash and no power cut takes back what somebody has read.
 */
import { copyFile, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { containerUnit } from '../../model/names.ts';
import { ifThere, writeFileAtomic } from '../../files.ts';
import type { Logger } from '../../log.ts';
import type { Use } from '../cgroup.ts';
import { EMPTY, Meter, type MeterState, type UnitTimes } from './meter.ts';
import { type Positions, readRecords } from './records.ts';
import { type Kept, keptText, parseKept } from './text.ts';

export interface MeteringOptions {
  /** Where it is kept. */
  readonly file: string;
  /** fc-clean's records. */
  readonly records: string;
  /** Of the host, without dashes. */
  readonly boot: string;
  readonly log: Logger;
  /** The cgroup of a unit that runs. @throws when systemd cannot be asked */
  readonly cgroupOf: (unit: string) => Promise<string>;
  readonly useOf: (cgroup: string) => Use | null;
  /** Apps on this host; null: not known now. */
  readonly apps: () => ReadonlySet<string> | null;
  /** Microseconds of CLOCK_MONOTONIC, and ms since the epoch. */
  readonly now: () => number;
  readonly wall: () => number;
}

/** How often memory is looked at; in its first seconds an app grows, and is looked at whenever its age has doubled. */
const LOOK_US = 10e6;
const FIRST_LOOK_US = 0.5e6;
const TICK_MS = 500;
/** Lost at most when the power goes. */
const KEEP_MS = 10_000;
/** Looks before other work has its turn. */
const LOOKS_AT_ONCE = 50;

export class Metering {
  readonly #options: MeteringOptions;
  #meter: Meter;
  #kept: MeterState = EMPTY;
  #read: Positions = new Map();
  /** Instance → cgroup of its run; null: systemd is being asked. */
  readonly #cgroups = new Map<string, { readonly began: number; cgroup: string | null }>();
  /** Whether each end is heard of: else nobody can say until when a run has lasted. */
  #hears = false;
  #timer: NodeJS.Timeout | null = null;
  #work: Promise<void> | null = null;
  /** What the file holds, and when it was last made sure of. */
  #text = '';
  #keptAt = -Infinity;
  #said = '';

  constructor(options: MeteringOptions) {
    this.#options = options;
    this.#meter = new Meter(options.boot);
  }

  /** Takes up what was kept, and what has ended since. @throws when the file is there and cannot be read */
  async start(): Promise<void> {
    const { file, boot, log } = this.#options;
    const text = await ifThere(readFile(file, 'utf8'));
    if (text !== null) {
      try {
        const { meter, read } = parseKept(text);
        this.#meter = new Meter(boot, meter);
        this.#kept = meter;
        this.#read = read;
      } catch (error) {
        await copyFile(file, `${file}.damaged`);
        log.error('what apps have used cannot be read and is counted anew', { file, kept: `${file}.damaged`, error: error instanceof Error ? error : String(error) });
      }
    }
    await this.#readRecords();
    this.#meter.settle(this.#options.wall());
    this.#timer = setInterval(() => { this.#again(); }, TICK_MS).unref();
  }

  /** systemd says so of a unit. */
  told(times: UnitTimes): void {
    const { now, wall } = this.#options;
    this.#meter.observe(times, now(), wall());
    // What it holds as it begins, and as it is told to stop.
    this.#look(times.instance);
  }

  /** All that runs, and from now on each change is told; null: that is over, systemd cannot be heard. */
  heard(units: readonly UnitTimes[] | null): void {
    this.#hears = units !== null;
    if (units !== null) this.#meter.observeAll(units, this.#options.now(), this.#options.wall());
  }

  /** What apps have used, as it is kept. */
  get kept(): MeterState {
    return this.#kept;
  }

  /** What a container had in memory when it was last looked at; null: not known, or it does not run. */
  memoryOf(instance: string): number | null {
    return this.#meter.run(instance)?.sample?.bytes ?? null;
  }

  /** Keeps what there is, and counts no more. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#work;
    await this.#keep();
  }

  /** One after the other. */
  #again(): void {
    this.#work ??= this.#tick().catch((error: unknown) => { this.#complain(error); }).finally(() => { this.#work = null; });
  }

  async #tick(): Promise<void> {
    const { now } = this.#options;
    let looks = 0;
    for (const run of this.#meter.open) {
      const { since, sample } = run;
      if (since === null) continue;
      const at = sample?.at ?? since;
      if (now() - at < Math.min(LOOK_US, Math.max(FIRST_LOOK_US, at - since))) continue;
      this.#look(run.instance);
      if (++looks % LOOKS_AT_ONCE === 0) await new Promise((resolve) => { setImmediate(resolve); });
    }
    if (performance.now() - this.#keptAt >= KEEP_MS) await this.#keep();
  }

  #look(instance: string): void {
    const { useOf, now, wall } = this.#options;
    const run = this.#meter.run(instance);
    if (run === null) {
      this.#cgroups.delete(instance);
      return;
    }
    const known = this.#cgroups.get(instance);
    if (known?.began !== run.began) {
      this.#ask(instance, run.began);
      return;
    }
    if (known.cgroup === null) return;
    const use = useOf(known.cgroup);
    if (use !== null) this.#meter.sampled(instance, now(), use.bytes, use.cpuUs, wall());
  }

  #ask(instance: string, began: number): void {
    const entry: { readonly began: number; cgroup: string | null } = { began, cgroup: null };
    this.#cgroups.set(instance, entry);
    const forget = (): void => {
      if (this.#cgroups.get(instance) === entry) this.#cgroups.delete(instance);
    };
    this.#options.cgroupOf(containerUnit(instance)).then((cgroup) => {
      if (cgroup === '') return forget();
      entry.cgroup = cgroup;
      if (this.#cgroups.get(instance) === entry) this.#look(instance);
    }, forget);
  }

  async #readRecords(): Promise<void> {
    const { records: folder, log, wall } = this.#options;
    for (;;) {
      const { records, positions, bad } = await readRecords(folder, this.#read);
      for (const record of records) this.#meter.recorded(record, wall());
      if (bad > 0) log.warn('lines that are no records of runs', { folder, lines: bad });
      const before = this.#read;
      this.#read = positions;
      if ([...positions].every(([name, at]) => before.get(name) === at)) return;
    }
  }

  /** Counts what has ended, and writes if anything is new. */
  async #keep(): Promise<void> {
    const { file, apps, now, wall } = this.#options;
    this.#keptAt = performance.now();
    await this.#readRecords();
    if (this.#hears) this.#meter.tick(now());
    const here = apps();
    if (here !== null) this.#meter.forget(here, wall());
    const kept: Kept = { meter: this.#meter.state(), read: this.#read };
    const text = keptText(kept);
    if (text !== this.#text) {
      await writeFileAtomic(file, text, { mode: 0o600 });
      await syncFolder(dirname(file));
      this.#text = text;
    }
    this.#kept = kept.meter;
    this.#said = '';
  }

  /** Says once what is wrong. */
  #complain(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text !== this.#said) this.#options.log.error('what apps use cannot be kept', { error: text });
    this.#said = text;
  }
}

/** A renamed file has its name for good only then, rename(2), fsync(2). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
