/**
 * systemd's manager over D-Bus, org.freedesktop.systemd1(5). The connection is made when first needed and
 * again after it was lost; nothing here asks systemd anything unasked.
 */
import dbus, { type Message as BusMessage } from 'dbus-next';
import { BusConnection } from './connection.ts';
import { type JobResult, type JobVerb, type Manager, type ServiceEvidence, type Step, SystemdError, type UnitState } from './manager.ts';

const MANAGER = { path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.systemd1.Manager' } as const;
const UNIT_INTERFACE = 'org.freedesktop.systemd1.Unit';
const MOUNT_INTERFACE = 'org.freedesktop.systemd1.Mount';
const SERVICE_INTERFACE = 'org.freedesktop.systemd1.Service';
const PROPERTIES_INTERFACE = 'org.freedesktop.DBus.Properties';
const METHODS: Readonly<Record<JobVerb, string>> = { start: 'StartUnit', stop: 'StopUnit', restart: 'RestartUnit' };

/** How long a question that starts no job may take. PID 1 answers in about a millisecond, unless someone reloads a dense host. */
const QUERY_TIMEOUT_MS = 30_000;

/** States in which a unit does its work or is about to. */
const ALIVE: ReadonlySet<string> = new Set(['active', 'activating', 'reloading', 'refreshing']);

/** Every state but inactive: of an app that sleeps, systemd knows several units which are that. */
const NOTEWORTHY = ['active', 'reloading', 'refreshing', 'failed', 'activating', 'deactivating', 'maintenance'] as const;

/** The object path of a unit: bytes other than letters and digits become `_xx`, sd_bus_path_encode(3). */
export function unitPath(unit: string): string {
  const escaped = Array.from(Buffer.from(unit, 'utf8'), (byte, index) => {
    const char = String.fromCharCode(byte);
    return /[a-zA-Z]/.test(char) || (index > 0 && /[0-9]/.test(char)) ? char : `_${byte.toString(16).padStart(2, '0')}`;
  }).join('');
  return `/org/freedesktop/systemd1/unit/${escaped}`;
}

/** The work of one connection: its jobs and watches end with it. */
class Session {
  readonly connection: BusConnection;
  /** Who waits for which job. Several may: systemd merges a request into an equal job that is queued already. */
  readonly #jobs = new Map<string, Set<(result: JobResult) => void>>();
  /** Results that came while a StartUnit reply was still on its way: systemd may tell of the end first. */
  readonly #early = new Map<string, JobResult>();
  #calling = 0;
  readonly #watches = new Map<string, Set<() => void>>();
  readonly #followers: Followers;

  constructor(connection: BusConnection, followers: Followers) {
    this.connection = connection;
    this.#followers = followers;
    connection.onSignal((message) => this.#signal(message));
    connection.onLost(() => {
      for (const path of [...this.#watches.keys()]) this.#ended(path);
    });
  }

  static async open(timeoutMs: number, followers: Followers): Promise<Session> {
    const session = new Session(await BusConnection.open(timeoutMs), followers);
    const { connection } = session;
    const match = async (rule: string): Promise<void> => {
      await connection.call({
        destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus',
        member: 'AddMatch', signature: 's', body: [rule],
      }, timeoutMs);
    };
    try {
      await match(`type='signal',sender='org.freedesktop.systemd1',interface='${MANAGER.interface}',member='JobRemoved'`);
      // One rule for all units: a rule each would meet the bus's limit (512 a connection) on a dense host.
      await match(`type='signal',sender='org.freedesktop.systemd1',interface='${PROPERTIES_INTERFACE}',member='PropertiesChanged',`
        + `path_namespace='/org/freedesktop/systemd1/unit',arg0='${UNIT_INTERFACE}'`);
      await connection.call({ ...MANAGER, member: 'Subscribe' }, timeoutMs);
    } catch (error) {
      connection.close();
      throw error;
    }
    return session;
  }

  async run(verb: JobVerb, unit: string, timeoutMs: number): Promise<JobResult> {
    const deadline = performance.now() + timeoutMs;
    this.#calling++;
    let job: string;
    let ended: Promise<JobResult>;
    let forget = (): void => undefined;
    try {
      const [path] = await this.connection.call({ ...MANAGER, member: METHODS[verb], signature: 'ss', body: [unit, 'replace'] }, timeoutMs);
      if (typeof path !== 'string') throw new SystemdError('Failed', `${METHODS[verb]}(${unit}) answered no job`);
      job = path;
      const early = this.#early.get(job);
      if (early !== undefined) return early;
      const waiters = this.#jobs.get(job) ?? new Set();
      this.#jobs.set(job, waiters);
      ended = new Promise((resolve) => {
        waiters.add(resolve);
        forget = () => {
          waiters.delete(resolve);
          if (waiters.size === 0 && this.#jobs.get(job) === waiters) this.#jobs.delete(job);
        };
      });
    } finally {
      this.#calling--;
      if (this.#calling === 0) this.#early.clear();
    }
    try {
      return await this.connection.within(ended, Math.max(1, deadline - performance.now()), `job ${verb} of ${unit}`);
    } finally {
      forget();
    }
  }

  watch(unit: string, ended: () => void): () => void {
    const path = unitPath(unit);
    const watchers = this.#watches.get(path) ?? new Set();
    this.#watches.set(path, watchers.add(ended));
    // It may have ended before we listened.
    this.connection.call({ path, interface: PROPERTIES_INTERFACE, member: 'Get', signature: 'ss', body: [UNIT_INTERFACE, 'ActiveState'] }, QUERY_TIMEOUT_MS)
      .then(([state]) => {
        if (!ALIVE.has(String(unwrap(state)))) this.#ended(path);
      }, () => this.#ended(path));
    return () => {
      watchers.delete(ended);
      if (watchers.size === 0 && this.#watches.get(path) === watchers) this.#watches.delete(path);
    };
  }

  #signal(message: BusMessage): void {
    const body = asList(message.body);
    if (message.member === 'JobRemoved') {
      const [, path, , result] = body;
      if (typeof path !== 'string' || typeof result !== 'string') return;
      const waiters = this.#jobs.get(path);
      if (waiters !== undefined) for (const waiter of waiters) waiter(asJobResult(result));
      else if (this.#calling > 0) this.#early.set(path, asJobResult(result));
    } else if (message.member === 'PropertiesChanged' && message.path !== undefined) {
      const followers = this.#followers.get(message.path);
      if (followers === undefined && !this.#watches.has(message.path)) return;
      const changed = body[1];
      if (typeof changed !== 'object' || changed === null || !('ActiveState' in changed)) return;
      if (followers !== undefined) tellStep(followers, changed);
      if (!ALIVE.has(String(unwrap(changed.ActiveState)))) this.#ended(message.path);
    }
  }

  #ended(path: string): void {
    const watchers = this.#watches.get(path);
    if (watchers === undefined) return;
    this.#watches.delete(path);
    for (const watcher of watchers) watcher();
  }
}

/** Who follows a unit, by its object path. */
type Followers = ReadonlyMap<string, ReadonlySet<(step: Step) => void>>;

function tellStep(followers: ReadonlySet<(step: Step) => void>, changed: object): void {
  const value = (name: string): unknown => unwrap(Reflect.get(changed, name));
  // Microseconds of CLOCK_MONOTONIC, which performance.now() counts from another beginning.
  const at = Number(value('StateChangeTimestampMonotonic')) / 1000 - (Number(process.hrtime.bigint()) / 1e6 - performance.now());
  if (Number.isFinite(at)) for (const told of followers) told({ subState: String(value('SubState')), at });
}

export class SystemdBus implements Manager {
  readonly #followers = new Map<string, Set<(step: Step) => void>>();
  #session: Promise<Session> | null = null;
  #closed = false;

  async run(verb: JobVerb, unit: string, timeoutMs: number): Promise<JobResult> {
    const before = performance.now();
    const session = await this.#open(timeoutMs);
    return await session.run(verb, unit, Math.max(1, timeoutMs - (performance.now() - before)));
  }

  async list(patterns: readonly string[]): Promise<UnitState[]> {
    const [units] = await this.#query({ ...MANAGER, member: 'ListUnitsByPatterns', signature: 'asas', body: [[...NOTEWORTHY], [...patterns]] });
    return asUnitStates(units);
  }

  /** States of these units, which systemd loads if need be. It takes no look at the others, as `list` makes it do. */
  async statesOf(units: readonly string[]): Promise<UnitState[]> {
    const [states] = await this.#query({ ...MANAGER, member: 'ListUnitsByNames', signature: 'as', body: [[...units]] });
    return asUnitStates(states);
  }

  async evidence(service: string): Promise<ServiceEvidence | null> {
    if (!(await this.#isLoaded(service))) return null;
    const get = async (name: string): Promise<unknown> => await this.#property(service, SERVICE_INTERFACE, name);
    const [result, code, status, statusText, unmounted] = await Promise.all([
      get('Result'), get('ExecMainCode'), get('ExecMainStatus'), get('StatusText'), this.#unmounted(service),
    ]);
    // waitid(2): CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3; 0 while the main process runs or never did.
    const kind = code === 1 ? 'exited' : code === 2 ? 'killed' : code === 3 ? 'dumped' : null;
    return {
      result: String(result),
      exit: kind === null || typeof status !== 'number' ? null : { kind, status },
      statusText: typeof statusText === 'string' ? statusText : '',
      unmounted,
    };
  }

  async #unmounted(service: string): Promise<readonly string[]> {
    const required = asList(await this.#property(service, UNIT_INTERFACE, 'Requires')).map(String);
    const places = await Promise.all(required.filter((unit) => unit.endsWith('.mount')).map(async (unit) => {
      const [state, where] = await Promise.all([this.#property(unit, UNIT_INTERFACE, 'ActiveState'), this.#property(unit, MOUNT_INTERFACE, 'Where')]);
      return state === 'active' ? null : String(where);
    }));
    return places.filter((place) => place !== null);
  }

  watchEnd(unit: string, ended: () => void): () => void {
    let stop: (() => void) | null = null;
    let over = false;
    this.#open(QUERY_TIMEOUT_MS).then(
      (session) => {
        if (!over) stop = session.watch(unit, ended);
      },
      () => {
        if (!over) ended();
      },
    );
    return () => {
      over = true;
      stop?.();
    };
  }

  follow(unit: string, told: (step: Step) => void): () => void {
    const path = unitPath(unit);
    const followers = this.#followers.get(path) ?? new Set();
    this.#followers.set(path, followers.add(told));
    return () => {
      followers.delete(told);
      if (followers.size === 0 && this.#followers.get(path) === followers) this.#followers.delete(path);
    };
  }

  /** How long a unit has been active, in milliseconds; null when it is not. */
  async activeForMs(unit: string): Promise<number | null> {
    if (!(await this.#isLoaded(unit))) return null;
    const [state, since] = await Promise.all([
      this.#property(unit, UNIT_INTERFACE, 'ActiveState'),
      this.#property(unit, UNIT_INTERFACE, 'ActiveEnterTimestampMonotonic'),
    ]);
    if (state !== 'active') return null;
    // Both clocks are CLOCK_MONOTONIC; systemd counts microseconds.
    return Number((process.hrtime.bigint() / 1000n - BigInt(String(since))) / 1000n);
  }

  /** What systemd says of a unit, as org.freedesktop.systemd1(5) names it; null: it has not loaded it, or has forgotten it. */
  async properties(unit: string): Promise<ReadonlyMap<string, unknown> | null> {
    if (!(await this.#isLoaded(unit))) return null;
    // No interface: those of all that the unit has.
    const [all] = await this.#query({ path: unitPath(unit), interface: PROPERTIES_INTERFACE, member: 'GetAll', signature: 's', body: [''] });
    return new Map(Object.entries(typeof all === 'object' && all !== null ? all : {}).map(([name, value]) => [name, unwrap(value)]));
  }

  /** How often systemd has started a service again by itself (Restart=) since somebody asked for it. */
  async restarts(service: string): Promise<number> {
    return Number(await this.#property(service, SERVICE_INTERFACE, 'NRestarts'));
  }

  /** Where a service's processes are, below the root of the cgroups, cgroups(7); empty: it does not run. */
  async cgroup(service: string): Promise<string> {
    return String(await this.#property(service, SERVICE_INTERFACE, 'ControlGroup'));
  }

  /** Forgets that a unit has failed, so that systemd can forget the unit. Silent when it has not. */
  async resetFailed(unit: string): Promise<void> {
    try {
      await this.#query({ ...MANAGER, member: 'ResetFailedUnit', signature: 's', body: [unit] });
    } catch (error) {
      if (!(error instanceof SystemdError && error.code === 'org.freedesktop.systemd1.NoSuchUnit')) throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#session?.then((session) => session.connection.close(), () => undefined);
  }

  async #isLoaded(unit: string): Promise<boolean> {
    try {
      await this.#query({ ...MANAGER, member: 'GetUnit', signature: 's', body: [unit] });
      return true;
    } catch (error) {
      if (error instanceof SystemdError && error.code === 'org.freedesktop.systemd1.NoSuchUnit') return false;
      throw error;
    }
  }

  async #property(unit: string, iface: string, name: string): Promise<unknown> {
    const [value] = await this.#query({ path: unitPath(unit), interface: PROPERTIES_INTERFACE, member: 'Get', signature: 'ss', body: [iface, name] });
    return unwrap(value);
  }

  async #query(call: Parameters<BusConnection['call']>[0]): Promise<readonly unknown[]> {
    const session = await this.#open(QUERY_TIMEOUT_MS);
    return await session.connection.call(call, QUERY_TIMEOUT_MS);
  }

  /** The session, made if there is none; single-flight. */
  #open(timeoutMs: number): Promise<Session> {
    if (this.#closed) return Promise.reject(new SystemdError('Disconnected', 'the connection to systemd was closed'));
    if (this.#session !== null) return this.#session;
    const opening = Session.open(timeoutMs, this.#followers);
    this.#session = opening;
    const forget = (): void => {
      if (this.#session === opening) this.#session = null;
    };
    opening.then((session) => session.connection.onLost(forget), forget);
    return opening;
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** What ListUnitsByPatterns and ListUnitsByNames answer. */
function asUnitStates(units: unknown): UnitState[] {
  if (!Array.isArray(units)) throw new SystemdError('Failed', 'systemd answered no list of units');
  return units.map((struct: unknown) => {
    const [unit, , load, active, sub] = asList(struct);
    return { unit: String(unit), loaded: load === 'loaded', activeState: asActiveState(active), subState: String(sub) };
  });
}

/** The value inside a D-Bus variant. */
function unwrap(value: unknown): unknown {
  return value instanceof dbus.Variant ? (value.value as unknown) : value;
}

const JOB_RESULTS: ReadonlySet<string> = new Set<JobResult>([
  'done', 'canceled', 'timeout', 'failed', 'dependency', 'skipped', 'invalid', 'assert', 'unsupported', 'collected', 'once',
]);

function isJobResult(text: string): text is JobResult {
  return JOB_RESULTS.has(text);
}

/** A result that a newer systemd may have is no success. */
function asJobResult(text: string): JobResult {
  return isJobResult(text) ? text : 'failed';
}

function asActiveState(value: unknown): UnitState['activeState'] {
  switch (value) {
    case 'active': case 'reloading': case 'inactive': case 'failed': case 'activating': case 'deactivating': case 'maintenance':
      return value;
    default:
      return value === 'refreshing' ? 'reloading' : 'inactive';
  }
}
