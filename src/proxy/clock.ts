/** Time, as the parts that must be tested without waiting see it. */

export interface Alarm {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that only runs forward. */
  now(): number;
  /** Calls back once after `ms`. Does not keep the process alive. */
  after(ms: number, ring: () => void): Alarm;
}

/** setTimeout(3) fires at once for anything longer. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, ring) {
    const timer = setTimeout(ring, Math.min(ms, LONGEST_MS));
    timer.unref();
    return { cancel: () => { clearTimeout(timer); } };
  },
};

/** A pause of `ms`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => { clock.after(ms, resolve); });
}
