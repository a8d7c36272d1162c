/** Where the time of a cold start went, by what the client, systemd and podman noted down. Microseconds of CLOCK_MONOTONIC. */

export interface Command {
  /** Its program, without folders. */
  readonly name: string;
  readonly startUs: number;
  /** 0 for the one that systemd goes on watching. */
  readonly stopUs: number;
}

export interface Timestamps {
  /** Of the container's unit: its job began to run; it was told who the main process is; it became active. */
  readonly beganUs: number;
  readonly mainUs: number;
  readonly activeUs: number;
  /** ExecStartPre=, ExecStart= and ExecStartPost=, in their order. */
  readonly commands: readonly Command[];
  /** When podman made the container, and when crun had started it. */
  readonly createdUs: number;
  readonly startedUs: number;
}

export interface Piece {
  readonly name: string;
  readonly ms: number;
}

/**
 * The pieces of one cold start, in their order, which add up to `firstMs`.
 * @param sentUs when the client began
 * @param firstMs how long it waited for the first byte
 * @param appMs how much of that fc-proxy waited for the app's answer
 */
export function anatomyOf({ sentUs, firstMs, appMs }: { readonly sentUs: number; readonly firstMs: number; readonly appMs: number }, stamps: Timestamps): Piece[] {
  const pieces: Piece[] = [];
  let last = sentUs;
  const until = (us: number, name: string): void => {
    if (us <= last) return;
    pieces.push({ name, ms: (us - last) / 1000 });
    last = us;
  };
  until(stamps.beganUs, 'fc-proxy asks, systemd begins');
  for (const { name, startUs, stopUs } of stamps.commands) {
    until(startUs, 'systemd, between commands');
    if (stopUs > 0) {
      until(stopUs, name);
      continue;
    }
    // A container that was made ahead was so before all this, and is no step of it.
    until(stamps.createdUs, `${name}: podman, until the container is made`);
    until(stamps.startedUs, `${name}: podman and crun, until the app runs`);
    until(stamps.mainUs, `${name}: until systemd knows`);
  }
  until(stamps.activeUs, 'systemd, between commands');
  const answeredUs = sentUs + firstMs * 1000;
  until(answeredUs - appMs * 1000, 'systemd tells fc-proxy');
  until(answeredUs, "the app's answer");
  return pieces;
}

/**
 * Of several starts, those whose total is in the middle half: means, which, unlike medians, add up to what they are of.
 * A piece that is there several times in a start counts once, at its first place.
 */
export function middleOf(starts: readonly (readonly Piece[])[]): Piece[] {
  const total = (pieces: readonly Piece[]): number => pieces.reduce((sum, { ms }) => sum + ms, 0);
  const sorted = [...starts].sort((a, b) => total(a) - total(b));
  const middle = sorted.slice(Math.floor(sorted.length / 4), Math.ceil(sorted.length * 3 / 4));
  const sums = new Map<string, number>();
  for (const { name, ms } of middle.flat()) sums.set(name, (sums.get(name) ?? 0) + ms);
  return [...sums].map(([name, ms]) => ({ name, ms: ms / middle.length }));
}
