/**
 * What each app has used: awake, memory, CPU. Counted by run, each exactly once, from two sources: what systemd tells of
 * the units while fc-admin runs, and the records that fc-clean leaves (record.ts). Without I/O; metering.ts feeds it.
 */
import { parseInstance } from '../../model/names.ts';
import type { RunRecord } from './record.ts';
import { alive, begin, beyond, NOTHING, type Run, runKey, sum, type Usage, usageAt, usageSoFar, withCpu, withSample } from './run.ts';

/** Where a container's unit stands, by systemd's own timestamps; 0: never. */
export interface UnitTimes {
  readonly instance: string;
  /** Neither inactive nor failed. */
  readonly runs: boolean;
  /** InactiveExitTimestampMonotonic, ActiveEnterTimestampMonotonic, InactiveEnterTimestampMonotonic. */
  readonly began: number;
  readonly since: number;
  readonly ended: number;
}

/** What is remembered of an app. */
export interface Account {
  /** Of runs that have ended. */
  readonly usage: Usage;
  readonly runs: number;
  /** Bytes when last looked at. */
  readonly usual: number;
  /** When it was last used, or known to be on this host, ms since the epoch. */
  readonly at: number;
}

/** A run that has ended and was counted; its record is still to come, or has come just now. */
export interface Ended {
  readonly counted: Usage;
  /** Its end was heard of systemd, and is no guess. */
  readonly exact: boolean;
  readonly recorded: boolean;
  /** When it was counted, ms since the epoch. */
  readonly at: number;
}

/** All that must outlive fc-admin. */
export interface MeterState {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly open: readonly Run[];
  /** By runKey(). */
  readonly ended: ReadonlyMap<string, Ended>;
}

export const EMPTY: MeterState = { accounts: new Map(), open: [], ended: new Map() };

/** How long the record of a run that has ended may take to come, and one that has come is known by. */
const RECORD_MS = 3_600_000;
const RECORDED_MS = 120_000;

/** How long an app that is not on this host any more is remembered, and to what precision. */
export const REMEMBERED_MS = 30 * 86_400_000;
const HERE_MS = 3_600_000;

export class Meter {
  readonly #boot: string;
  readonly #accounts: Map<string, Account>;
  /** Instance → its run; and by app. */
  readonly #open = new Map<string, Run>();
  readonly #instances = new Map<string, Set<string>>();
  readonly #ended: Map<string, Ended>;

  /**
   * Goes on where `state` ends. Runs of another boot wait for their records: read them, then settle().
   * @param boot of the host, as in records
   */
  constructor(boot: string, state: MeterState = EMPTY) {
    this.#boot = boot;
    this.#accounts = new Map(state.accounts);
    this.#ended = new Map(state.ended);
    for (const run of state.open) this.#put(run);
  }

  /** Runs under way. */
  get open(): readonly Run[] {
    return [...this.#open.values()];
  }

  run(instance: string): Run | null {
    return this.#open.get(instance) ?? null;
  }

  /** What an app has used, with what runs now. */
  usage(app: string): Usage {
    return this.runsOf(app).map(usageSoFar).reduce(sum, this.#account(app).usage);
  }

  runsOf(app: string): readonly Run[] {
    return [...this.#instances.get(app) ?? []].flatMap((instance) => this.#open.get(instance) ?? []);
  }

  /** Whether anything is known of the app: it runs, or has run and is not forgotten. */
  knows(app: string): boolean {
    return this.#accounts.has(app) || this.#instances.has(app);
  }

  /** A unit's state, as systemd tells it. @param now in its clock, `wall` ms since the epoch */
  observe({ instance, runs, began, since, ended }: UnitTimes, now: number, wall: number): void {
    if (parseInstance(instance) === null || began === 0) return;
    let run = this.#open.get(instance);
    const same = run?.boot === this.#boot && run.began === began;
    if (run !== undefined && !same) {
      // An older word than what is known says nothing new.
      if (run.boot === this.#boot && began < run.began) return;
      this.#lost(run, wall);
      run = undefined;
    }
    if (runs) {
      const active = since >= began ? since : null;
      if (run === undefined && !this.#ended.has(runKey({ boot: this.#boot, instance, began }))) this.#put(begin(instance, this.#boot, began, active, now));
      else if (run !== undefined && run.since === null && active !== null) this.#put({ ...run, since: active, until: Math.max(run.until, active) });
    } else if (run !== undefined) {
      const active = run.since ?? (since >= began ? since : null);
      this.#close({ ...run, since: active }, ended >= began ? ended : now, wall, true);
    }
  }

  /** Of all units that run now, none but these do. */
  observeAll(units: readonly UnitTimes[], now: number, wall: number): void {
    const there = new Set(units.map(({ instance }) => instance));
    for (const run of this.open) if (!there.has(run.instance)) this.#lost(run, wall);
    for (const unit of units) this.observe(unit, now, wall);
  }

  /** A run that has ended, as fc-clean left it. */
  recorded(record: RunRecord, wall: number): void {
    const key = runKey(record);
    const before = this.#ended.get(key);
    if (before?.recorded === true) return;
    const open = this.#open.get(record.instance);
    const same = open !== undefined && runKey(open) === key;
    const usual = this.#accounts.get(record.app)?.usual ?? 0;
    const known = same ? open : begin(record.instance, record.boot, record.began, null, record.began);
    const whole = usageAt(withCpu({ ...known, since: known.since ?? record.since }, record.cpuUs ?? 0), record.end, usual);
    if (same) this.#drop(open);
    this.#add(record.app, before === undefined ? whole : rest(whole, before, usual), before === undefined ? 1 : 0, wall);
    this.#ended.set(key, { counted: whole, exact: true, recorded: true, at: wall });
  }

  /** Once all records of the time before are in: what of other boots is left has none. */
  settle(wall: number): void {
    for (const run of this.open) if (run.boot !== this.#boot) this.#lost(run, wall);
  }

  /** What was seen of a run: bytes of memory and microseconds of CPU time; null: unknown. */
  sampled(instance: string, at: number, bytes: number | null, cpuUs: number | null, wall: number): void {
    const run = this.#open.get(instance);
    if (run === undefined) return;
    const withMemory = bytes === null ? run : withSample(run, at, bytes);
    this.#put(cpuUs === null ? withMemory : withCpu(withMemory, cpuUs));
    const app = appOf(run);
    if (withMemory !== run && bytes !== null) this.#accounts.set(app, { ...this.#account(app), usual: bytes, at: wall });
  }

  /** What runs has run until now: for who hears of each end, and will not have to take it back. */
  tick(now: number): void {
    for (const run of this.#open.values()) if (run.boot === this.#boot) this.#put(alive(run, now));
  }

  /** Forgets apps that are not on this host any more, after their time, and runs that are over for good. @param here names of apps that are */
  forget(here: { has(app: string): boolean }, wall: number): void {
    for (const [app, account] of this.#accounts) {
      if (here.has(app) || this.#instances.has(app)) {
        if (wall - account.at > HERE_MS) this.#accounts.set(app, { ...account, at: wall });
      } else if (wall - account.at > REMEMBERED_MS) {
        this.#accounts.delete(app);
      }
    }
    for (const [key, { recorded, at }] of this.#ended) if (wall - at > (recorded ? RECORDED_MS : RECORD_MS)) this.#ended.delete(key);
  }

  state(): MeterState {
    return { accounts: new Map(this.#accounts), open: this.open, ended: new Map(this.#ended) };
  }

  /** Its end was not seen; until its record comes, it counts until when it was known to run. */
  #lost(run: Run, wall: number): void {
    this.#close(run, run.until, wall, false);
  }

  #close(run: Run, end: number, wall: number, exact: boolean): void {
    const app = appOf(run);
    const counted = usageAt(run, end, this.#account(app).usual);
    this.#drop(run);
    this.#add(app, counted, 1, wall);
    this.#ended.set(runKey(run), { counted, exact, recorded: false, at: wall });
  }

  #put(run: Run): void {
    this.#open.set(run.instance, run);
    const app = appOf(run);
    const instances = this.#instances.get(app);
    if (instances === undefined) this.#instances.set(app, new Set([run.instance]));
    else instances.add(run.instance);
  }

  #drop(run: Run): void {
    this.#open.delete(run.instance);
    const app = appOf(run);
    const instances = this.#instances.get(app);
    instances?.delete(run.instance);
    if (instances?.size === 0) this.#instances.delete(app);
  }

  #add(app: string, usage: Usage, runs: number, wall: number): void {
    const account = this.#account(app);
    this.#accounts.set(app, { ...account, usage: sum(account.usage, usage), runs: account.runs + runs, at: wall });
  }

  #account(app: string): Account {
    return this.#accounts.get(app) ?? { usage: NOTHING, runs: 0, usual: 0, at: 0 };
  }
}

/** What each app has used, with what runs now. */
export function usageOf({ accounts, open }: MeterState): ReadonlyMap<string, Usage> {
  const all = new Map([...accounts].map(([app, { usage }]) => [app, usage]));
  for (const run of open) {
    const app = appOf(run);
    all.set(app, sum(all.get(app) ?? NOTHING, usageSoFar(run)));
  }
  return all;
}

/** What of a run was not counted yet: its last CPU time and, when it had ended unseen, more; nobody looked at its memory then. */
function rest(whole: Usage, { counted, exact }: Ended, usual: number): Usage {
  const more = beyond(whole, counted);
  return exact ? { ...NOTHING, cpuUs: more.cpuUs } : { ...more, byteSeconds: usual * (more.awakeUs / 1e6) };
}

function appOf({ instance }: Pick<Run, 'instance'>): string {
  return parseInstance(instance)?.app ?? instance;
}
