/**
 * One run of a container, measured. Times are microseconds of CLOCK_MONOTONIC, systemd's own: setting the host's clock
 * changes no bill. A run is awake from when its unit is active until it is inactive, org.freedesktop.systemd1(5).
 */

/** What a run, or all runs of an app, used. */
export interface Usage {
  readonly awakeUs: number;
  /** Bytes times seconds, over the time awake. */
  readonly byteSeconds: number;
  /** All of the run's, its start and its stop too. */
  readonly cpuUs: number;
}

export const NOTHING: Usage = { awakeUs: 0, byteSeconds: 0, cpuUs: 0 };

export interface Sample {
  readonly at: number;
  readonly bytes: number;
}

export interface Run {
  readonly instance: string;
  /** Which boot of the host its times are of. */
  readonly boot: string;
  /** When the unit left the state inactive (InactiveExitTimestampMonotonic): no other run of the instance in this boot has the same. */
  readonly began: number;
  /** When it became active; null: it has not. */
  readonly since: number | null;
  /** Until when it is known to have run, and is counted. */
  readonly until: number;
  /** Of the time until `sample`. */
  readonly byteSeconds: number;
  readonly sample: Sample | null;
  readonly cpuUs: number;
}

export function begin(instance: string, boot: string, began: number, since: number | null, now: number): Run {
  return { instance, boot, began, since, until: Math.max(now, since ?? began), byteSeconds: 0, sample: null, cpuUs: 0 };
}

/** Two runs are the same one when this is. */
export function runKey({ boot, instance, began }: Pick<Run, 'boot' | 'instance' | 'began'>): string {
  return `${boot} ${instance} ${began}`;
}

/** The run with another look at its memory: between two looks it counts as a line from one to the other. */
export function withSample(run: Run, at: number, bytes: number): Run {
  const { since, sample } = run;
  if (since === null || at < since || (sample !== null && at <= sample.at)) return run;
  const from = sample ?? { at: since, bytes };
  return { ...run, byteSeconds: run.byteSeconds + area(from, { at, bytes }), sample: { at, bytes }, until: Math.max(run.until, at) };
}

/** CPU time never shrinks, whatever a file of the kernel says when its unit has just ended. */
export function withCpu(run: Run, cpuUs: number): Run {
  return cpuUs > run.cpuUs ? { ...run, cpuUs } : run;
}

export function alive(run: Run, at: number): Run {
  return at > run.until ? { ...run, until: at } : run;
}

/**
 * What it has used so far. Its memory since the last look is not in it yet, as what was counted once is never taken
 * back.
 */
export function usageSoFar({ since, until, byteSeconds, cpuUs }: Run): Usage {
  return { awakeUs: since === null ? 0 : until - since, byteSeconds, cpuUs };
}

/**
 * What it used in all, which is no less than what it had so far.
 * @param end when it ended
 * @param usual bytes that the app used when last looked at, for a run that nobody looked at
 */
export function usageAt(run: Run, end: number, usual: number): Usage {
  const { since, sample } = run;
  if (since === null) return { ...NOTHING, cpuUs: run.cpuUs };
  const until = Math.max(end, since, run.until);
  const last = sample ?? { at: since, bytes: usual };
  return { awakeUs: until - since, byteSeconds: run.byteSeconds + area(last, { at: Math.max(until, last.at), bytes: last.bytes }), cpuUs: run.cpuUs };
}

export function sum(one: Usage, other: Usage): Usage {
  return { awakeUs: one.awakeUs + other.awakeUs, byteSeconds: one.byteSeconds + other.byteSeconds, cpuUs: one.cpuUs + other.cpuUs };
}

/** How much more `whole` is than `part`, in each; what is less counts as nothing. */
export function beyond(whole: Usage, part: Usage): Usage {
  return {
    awakeUs: Math.max(0, whole.awakeUs - part.awakeUs),
    byteSeconds: Math.max(0, whole.byteSeconds - part.byteSeconds),
    cpuUs: Math.max(0, whole.cpuUs - part.cpuUs),
  };
}

function area(from: Sample, to: Sample): number {
  return ((from.bytes + to.bytes) / 2) * ((to.at - from.at) / 1e6);
}
