/**
 * Runs the meter: looks at what runs, reads the records of what has ended, keeps both on disk. `kept` is what is on the
 * disk, so that no crash and no loss of power takes back what somebody has read.
 */
import { containerUnit, parseInstance } from '../../model/names.ts';
import type { Logger } from '../../log.ts';
import type { WatchedUnit } from '../../systemd/unit-watch.ts';
import type { Use } from '../cgroup.ts';
import { Keeper } from '../keeper.ts';
import type { Metered } from '../meter.ts';
import { EMPTY, Meter, type MeterState, type UnitTimes } from './meter.ts';
import { type Positions, readRecords } from './records.ts';
import { keptText, parseKept } from './text.ts';

export interface MeteringOptions {
  /** Where it is kept. */
  readonly file: string;
  /** fc-clean's records. */
  readonly records: string;
  /** Of the host, as in records. */
  readonly boot: string;
  readonly log: Logger;
  /** The cgroup of a unit that runs; empty: it has none. @throws when systemd cannot be asked */
  readonly cgroupOf: (unit: string) => Promise<string>;
  readonly useOf: (cgroup: string) => Use | null;
  /** Apps on this host. */
  readonly apps: { has(app: string): boolean };
}

/** How often memory is looked at; in its first seconds an app grows, and is looked at whenever its age has doubled. */
const LOOK_US = 10e6;
const FIRST_LOOK_US = 0.5e6;
const TICK_MS = 500;
/** How often records are looked for. */
const RECORDS_MS = 5000;
/** Looks before other work has its turn. */
const LOOKS_AT_ONCE = 50;

export class Metering {
  readonly #options: MeteringOptions;
  readonly #keeper: Keeper;
  #meter: Meter;
  #kept: MeterState = EMPTY;
  #read: Positions = new Map();
  /** Instance → cgroup of its run; null: systemd is being asked. */
  readonly #cgroups = new Map<string, { readonly began: number; cgroup: string | null }>();
  /** Whether each end is heard of: else nobody can say until when a run has lasted. */
  #hears = false;
  #timer: NodeJS.Timeout | null = null;
  #work: Promise<void> | null = null;
  #readAt = 0;
  #said = '';

  constructor(options: MeteringOptions) {
    const { file, log, boot } = options;
    this.#options = options;
    this.#meter = new Meter(boot);
    let written = EMPTY;
    this.#keeper = new Keeper({
      path: file, log,
      text: () => {
        if (this.#hears) this.#meter.tick(nowUs());
        written = this.#meter.state();
        return keptText({ meter: written, read: this.#read });
      },
      kept: () => { this.#kept = written; },
    });
  }

  /** Takes up what was kept, and what has ended since. */
  async start(): Promise<void> {
    await this.#keeper.load((text) => {
      const { meter, read } = parseKept(text);
      this.#meter = new Meter(this.#options.boot, meter);
      this.#kept = meter;
      this.#read = read;
    });
    await this.#readRecords();
    this.#meter.settle(Date.now());
    this.#timer = setInterval(() => {
      this.#work ??= this.#tick().catch((error: unknown) => { this.#complain(error); }).finally(() => { this.#work = null; });
    }, TICK_MS).unref();
  }

  /** systemd says so of a container. */
  told(unit: WatchedUnit): void {
    const times = timesOf(unit);
    if (times === null) return;
    this.#meter.observe(times, nowUs(), Date.now());
    this.#keeper.changed();
    // What it holds as it begins, and as it is told to stop.
    this.#look(times.instance);
  }

  /** All that runs, and from now on each change is told; null: that is over. */
  heard(units: readonly WatchedUnit[] | null): void {
    this.#hears = units !== null;
    if (units === null) return;
    this.#meter.observeAll(units.flatMap((unit) => timesOf(unit) ?? []), nowUs(), Date.now());
    this.#keeper.changed();
  }

  /** What apps have used, as it is on the disk. */
  get kept(): MeterState {
    return this.#kept;
  }

  /** Of an app, now. */
  of(app: string): Metered {
    const { awakeUs, byteSeconds, cpuUs } = this.#meter.usage(app);
    return { memoryBytes: this.#memoryOf(app), awakeSeconds: awakeUs / 1e6, memoryByteSeconds: byteSeconds, cpuSeconds: cpuUs / 1e6 };
  }

  /** Bytes of each app that runs. */
  memory(): ReadonlyMap<string, number> {
    const apps = new Set(this.#meter.open.flatMap(({ instance }) => parseInstance(instance)?.app ?? []));
    return new Map([...apps].flatMap((app) => {
      const bytes = this.#memoryOf(app);
      return bytes === null ? [] : [[app, bytes] as const];
    }));
  }

  knows(app: string): boolean {
    return this.#meter.knows(app);
  }

  /** Keeps what there is, and counts no more. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#work;
    try {
      await this.#readRecords();
    } catch (error) {
      this.#complain(error);
    }
    this.#keeper.changed();
    await this.#keeper.flush();
  }

  #memoryOf(app: string): number | null {
    const samples = this.#meter.runsOf(app).flatMap(({ sample }) => sample ?? []);
    return samples.length === 0 ? null : samples.reduce((bytes, sample) => bytes + sample.bytes, 0);
  }

  async #tick(): Promise<void> {
    let looks = 0;
    for (const { instance, since, sample } of this.#meter.open) {
      if (since === null) continue;
      const at = sample?.at ?? since;
      if (nowUs() - at < Math.min(LOOK_US, Math.max(FIRST_LOOK_US, at - since))) continue;
      this.#look(instance);
      if (++looks % LOOKS_AT_ONCE === 0) await new Promise((resolve) => { setImmediate(resolve); });
    }
    if (performance.now() - this.#readAt < RECORDS_MS) return;
    this.#readAt = performance.now();
    await this.#readRecords();
    this.#meter.forget(this.#options.apps, Date.now());
  }

  #look(instance: string): void {
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
    const use = known.cgroup === null ? null : this.#options.useOf(known.cgroup);
    if (use === null) return;
    this.#meter.sampled(instance, nowUs(), use.bytes, use.cpuUs, Date.now());
    this.#keeper.changed();
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

  /** Counts what has ended unseen. */
  async #readRecords(): Promise<void> {
    const { records: folder, log } = this.#options;
    for (;;) {
      const { records, positions, bad } = await readRecords(folder, this.#read);
      for (const record of records) this.#meter.recorded(record, Date.now());
      if (bad > 0) log.warn('lines that are no records of runs', { folder, lines: bad });
      const before = this.#read;
      this.#read = positions;
      if ([...positions].every(([name, at]) => before.get(name) === at)) return;
      this.#keeper.changed();
    }
  }

  /** Says once what is wrong. */
  #complain(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text !== this.#said) this.#options.log.error('records of runs cannot be read', { error: text });
    this.#said = text;
  }
}

/** Microseconds of CLOCK_MONOTONIC. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function timesOf({ unit, activeState, startedUs, activeUs, endedUs }: WatchedUnit): UnitTimes | null {
  const instance = /^fc-ctr-(.+)\.service$/.exec(unit)?.[1] ?? '';
  if (parseInstance(instance) === null) return null;
  return { instance, runs: activeState !== 'inactive' && activeState !== 'failed', began: startedUs, since: activeUs, ended: endedUs };
}
