/**
 * What systemd says of all units whose names begin alike: as they are, and from then on each change. It asks for all of
 * them when it begins, when it has lost the bus, and now and then, as a signal may be lost; else systemd is asked nothing.
 */
import dbus, { type Message as BusMessage } from 'dbus-next';
import type { Logger } from '../log.ts';
import { BusConnection } from './connection.ts';
import type { UnitState } from './manager.ts';

const MANAGER = { path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.systemd1.Manager' } as const;
const UNIT_INTERFACE = 'org.freedesktop.systemd1.Unit';
const PROPERTIES_INTERFACE = 'org.freedesktop.DBus.Properties';
const UNIT_PATH = '/org/freedesktop/systemd1/unit/';

/** PID 1 answers in about a millisecond, unless someone reloads a dense host. */
const CALL_MS = 30_000;
const RETRY_MS = 1000;
/** systemd walks all its units to answer. */
const LOOK_AGAIN_MS = 60_000;
/** Units that are asked about at once. */
const AT_ONCE = 16;

/** Times are ms since the epoch; 0: never, or not known. */
export interface WatchedUnit {
  readonly unit: string;
  readonly activeState: UnitState['activeState'];
  /** When it was last started, when it was up, and when it came into the state that it has. */
  readonly startedAt: number;
  readonly activeAt: number;
  readonly changedAt: number;
  /** The same of a unit's run, in microseconds of CLOCK_MONOTONIC, which nobody sets; `endedUs`: when it was last inactive. */
  readonly startedUs: number;
  readonly activeUs: number;
  readonly endedUs: number;
}

export interface UnitWatchOptions {
  /** `fc-ctr-`: of letters, digits and dashes. */
  readonly prefix: string;
  readonly log: Logger;
  /** A unit is as this says. One that is inactive, or gone, is told once, unless nothing was told of it before. */
  readonly told: (unit: WatchedUnit) => void;
  /** All that are not inactive, after a look at all of them: from then on each change is told. Null: that is over. */
  readonly heard?: (units: readonly WatchedUnit[] | null) => void;
}

export class UnitWatch {
  readonly #options: UnitWatchOptions;
  readonly #path: string;
  /** Told to be something else than inactive. */
  readonly #known = new Map<string, WatchedUnit>();
  #connection: BusConnection | null = null;
  /** Changes may have gone untold since the last look. */
  #missed = true;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #trouble = false;

  constructor(options: UnitWatchOptions) {
    this.#options = options;
    this.#path = `${UNIT_PATH}${options.prefix.replaceAll('-', '_2d')}`;
  }

  /** Begins. @returns once all that is active has been told, or cannot be asked for: then it is tried again, for ever */
  async start(): Promise<void> {
    await this.#run();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#connection?.close();
  }

  async #run(): Promise<void> {
    try {
      this.#connection ??= await this.#connect();
      await this.#look(this.#connection);
      this.#trouble = false;
      this.#options.heard?.([...this.#known.values()]);
    } catch (error) {
      if (!this.#trouble && !this.#closed) this.#options.log.warn('cannot ask systemd for its units', { error: error instanceof Error ? error : String(error) });
      this.#trouble = true;
      this.#connection?.close();
      this.#lost();
    }
    this.#again(this.#connection === null ? RETRY_MS : LOOK_AGAIN_MS);
  }

  #lost(): void {
    this.#connection = null;
    this.#missed = true;
    this.#options.heard?.(null);
  }

  #again(ms: number): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { void this.#run(); }, ms).unref();
  }

  async #connect(): Promise<BusConnection> {
    const connection = await BusConnection.open(CALL_MS);
    connection.onLost(() => {
      if (this.#connection !== connection) return;
      this.#lost();
      this.#again(RETRY_MS);
    });
    connection.onSignal((message) => { this.#signal(message); });
    await connection.call({
      destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus', member: 'AddMatch', signature: 's',
      body: [`type='signal',sender='org.freedesktop.systemd1',interface='${PROPERTIES_INTERFACE}',member='PropertiesChanged',path_namespace='${UNIT_PATH.slice(0, -1)}',arg0='${UNIT_INTERFACE}'`],
    }, CALL_MS);
    await connection.call({ ...MANAGER, member: 'Subscribe' }, CALL_MS);
    return connection;
  }

  /** Tells of all units, and of those that have gone. */
  async #look(connection: BusConnection): Promise<void> {
    const before = [...this.#known.keys()];
    const [answer] = await connection.call({
      ...MANAGER, member: 'ListUnitsByPatterns', signature: 'asas',
      body: [['active', 'reloading', 'failed', 'activating', 'deactivating'], [`${this.#options.prefix}*`]],
    }, CALL_MS);
    const units = Array.isArray(answer) ? answer.map((struct: unknown) => (Array.isArray(struct) ? String((struct as unknown[])[0]) : '')) : [];
    const there = new Set(units);
    for (const unit of before) if (!there.has(unit)) await this.#ask(connection, unit);
    // What is known is told by signals as it changes.
    const news = this.#missed ? units : units.filter((unit) => !this.#known.has(unit));
    for (let at = 0; at < news.length; at += AT_ONCE) await Promise.all(news.slice(at, at + AT_ONCE).map((unit) => this.#ask(connection, unit)));
    this.#missed = false;
  }

  async #ask(connection: BusConnection, unit: string): Promise<void> {
    const [all] = await connection.call({ path: UNIT_PATH + encode(unit), interface: PROPERTIES_INTERFACE, member: 'GetAll', signature: 's', body: [UNIT_INTERFACE] }, CALL_MS);
    this.#tell(unit, all);
  }

  #signal(message: BusMessage): void {
    if (message.path?.startsWith(this.#path) !== true || message.member !== 'PropertiesChanged') return;
    const body: unknown = message.body;
    const changed: unknown = Array.isArray(body) ? (body as unknown[])[1] : null;
    if (typeof changed === 'object' && changed !== null && 'ActiveState' in changed) this.#tell(decode(message.path.slice(UNIT_PATH.length)), changed);
  }

  /** @param properties of the interface Unit, by name; all of them or those that a change of state brings */
  #tell(unit: string, properties: unknown): void {
    const value = (name: string): unknown => {
      const found: unknown = typeof properties === 'object' && properties !== null ? Reflect.get(properties, name) : undefined;
      return found instanceof dbus.Variant ? (found.value as unknown) : found;
    };
    const number = (name: string): number => Number(value(name) ?? 0);
    // Microseconds of CLOCK_REALTIME.
    const time = (name: string): number => number(name) / 1000;
    const state = value('ActiveState');
    const activeState = STATES.find((known) => known === state) ?? (state === 'refreshing' ? 'reloading' : 'inactive');
    if (activeState === 'inactive' && !this.#known.has(unit)) return;
    const now: WatchedUnit = {
      unit, activeState,
      startedAt: time('InactiveExitTimestamp'), activeAt: time('ActiveEnterTimestamp'), changedAt: time('StateChangeTimestamp'),
      startedUs: number('InactiveExitTimestampMonotonic'), activeUs: number('ActiveEnterTimestampMonotonic'), endedUs: number('InactiveEnterTimestampMonotonic'),
    };
    const before = this.#known.get(unit);
    if (before?.activeState === now.activeState && before.changedAt === now.changedAt) return;
    if (activeState === 'inactive') this.#known.delete(unit);
    else this.#known.set(unit, now);
    this.#options.told(now);
  }
}

const STATES = ['active', 'reloading', 'inactive', 'failed', 'activating', 'deactivating', 'maintenance'] as const;

/** A unit's name as an element of an object path, and back: bytes other than letters and digits are `_xx`, sd_bus_path_encode(3). */
function encode(unit: string): string {
  return unit.replace(/[^a-zA-Z0-9]|^[0-9]/g, (char) => `_${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function decode(element: string): string {
  return element.replace(/_([0-9a-f]{2})/g, (_all, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
}
