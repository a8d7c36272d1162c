/**
 * What fc-clean leaves of each run when its unit has ended: the word for runs that nobody saw, as while fc-admin did
 * not run. A line each:
 *
 *     BOOT INSTANCE InactiveExit ActiveEnter StateChange CPUUsageNSec ELAPSED
 *
 * BOOT: /proc/sys/kernel/random/boot_id without dashes; then systemd's words of the unit at that time (microseconds of
 * CLOCK_MONOTONIC, but the CPU's nanoseconds), and for how many microseconds fc-clean had been at work since.
 */
import { parseInstance } from '../../model/names.ts';

export interface RunRecord {
  readonly boot: string;
  readonly instance: string;
  readonly app: string;
  readonly began: number;
  /** Null: it never became active. */
  readonly since: number | null;
  readonly end: number;
  /** Null: systemd does not count it. */
  readonly cpuUs: number | null;
}

const LINE = /^(?<boot>[0-9a-f]{32}) (?<instance>[a-z0-9_]{1,40}-[0-9a-f]{8}) (?<began>[0-9]{1,16}) (?<since>[0-9]{1,16}) (?<change>[0-9]{1,16}) (?<cpu>[0-9]{1,20}|\[not set\]) (?<elapsed>-?[0-9]{1,16})$/;

/** What CPUUsageNSec is when it is not known. */
const UNKNOWN = 2n ** 64n - 1n;

/** The clock that fc-clean looks at may be set meanwhile; it is given no longer than this. */
const CLEAN_AT_MOST_US = 90e6;

/** Null: it is no record. */
export function parseRecord(line: string): RunRecord | null {
  const groups = LINE.exec(line)?.groups;
  if (groups === undefined) return null;
  const { boot = '', instance = '', cpu = '' } = groups;
  const app = parseInstance(instance)?.app;
  if (app === undefined) return null;
  const [began, since, change, elapsed] = [Number(groups['began']), Number(groups['since']), Number(groups['change']), Number(groups['elapsed'])];
  const nanoseconds = cpu.startsWith('[') ? UNKNOWN : BigInt(cpu);
  return {
    boot, instance, app, began,
    // That of the run before remains until it becomes active again.
    since: since >= began ? since : null,
    end: Math.max(began, since, change) + Math.min(CLEAN_AT_MOST_US, Math.max(0, elapsed)),
    cpuUs: nanoseconds >= UNKNOWN ? null : Number(nanoseconds / 1000n),
  };
}
