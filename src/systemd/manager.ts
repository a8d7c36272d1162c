/**
 * What the program asks of systemd, as its consumers see it. `bus.ts` does it
 * over D-Bus; tests bring their own.
 */

/** How a job ended: the `result` of systemd's JobRemoved signal, see org.freedesktop.systemd1(5). */
export type JobResult =
  | 'done' | 'canceled' | 'timeout' | 'failed' | 'dependency' | 'skipped'
  | 'invalid' | 'assert' | 'unsupported' | 'collected' | 'once';

export type JobVerb = 'start' | 'stop' | 'restart';

/** What is known of a unit. */
export interface UnitState {
  readonly unit: string;
  readonly loaded: boolean;
  readonly activeState: 'active' | 'reloading' | 'inactive' | 'failed' | 'activating' | 'deactivating' | 'maintenance';
  readonly subState: string;
}

/** Whether anything of a unit in this state runs, or is about to; undefined: systemd has not loaded it. */
export function isRunning(state: UnitState['activeState'] | undefined): boolean {
  return state !== undefined && state !== 'inactive' && state !== 'failed';
}

/** Evidence about a service that did not start or died, for the person who asks why. */
export interface ServiceEvidence {
  /** systemd's `Result`: 'exit-code', 'signal', 'timeout', 'oom-kill', 'resources', 'success' … */
  readonly result: string;
  /** Exit status or signal number of the main process, and which of the two it is. */
  readonly exit: { readonly kind: 'exited' | 'killed' | 'dumped'; readonly status: number } | null;
  /** The last text the unit said of itself (sd_notify STATUS=): fc-ready's verdict. */
  readonly statusText: string;
  /** Where file systems belong that the service needs (RequiresMountsFor=) and that are not mounted. */
  readonly unmounted: readonly string[];
}

/** A call that systemd or polkit refused, or that had no answer in time. `name` of the D-Bus error kept in `code`. */
export class SystemdError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SystemdError';
    this.code = code;
  }
}

/** A state that a unit entered; `at`: milliseconds on the clock of performance.now(). */
export interface Step {
  readonly subState: string;
  readonly at: number;
}

export interface Manager {
  /**
   * Queues a job (mode `replace`) and waits for its end.
   * @throws SystemdError with code `Timeout` after `timeoutMs`, `Disconnected` when the bus went away,
   *   else the D-Bus error name (`org.freedesktop.systemd1.NoSuchUnit`, `org.freedesktop.DBus.Error.AccessDenied` …).
   */
  run(verb: JobVerb, unit: string, timeoutMs: number): Promise<JobResult>;
  /** States of the units whose names match any of the glob patterns. Those that are inactive do not appear. */
  list(patterns: readonly string[]): Promise<UnitState[]>;
  /** Why a service is where it is; null when systemd does not know the unit. */
  evidence(service: string): Promise<ServiceEvidence | null>;
  /**
   * Calls back at once when `unit` stops being active (or the bus connection is lost, so that it can no
   * longer be known), once. Returns a function that ends the watch.
   */
  watchEnd(unit: string, ended: () => void): () => void;
  /** Tells each state that `unit` enters from now on, until the function that it returns is called. What is lost is not told. */
  follow(unit: string, told: (step: Step) => void): () => void;
  close(): void;
}
