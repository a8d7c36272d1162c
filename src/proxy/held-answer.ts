/**
 * The beginning of an answer, held back for a moment. As long as nothing of it has left, a request whose app dies
 * within its answer can be made again, and its client sees nothing of that. Only short answers are held, and of
 * those, which say their length, nearly all are complete at once: whoever streams says no length.
 */
import type { Alarm, Clock } from './clock.ts';

/** Answers up to this size are held, … */
const HELD_BYTES = 262_144;

/** … and none for longer: an app that sends a short answer slowly may have a reason. */
const HELD_MS = 200;

/** Whether an answer with these fields (names and values in turn) is short enough to be held. */
export function isShort(fields: readonly string[]): boolean {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === 'content-length') return Number(fields[i + 1]) <= HELD_BYTES;
  }
  return false;
}

export class HeldAnswer {
  readonly chunks: Buffer[] = [];
  readonly #alarm: Alarm;

  /** `late` is called if it has been held for as long as it may be. */
  constructor(clock: Clock, late: () => void) {
    this.#alarm = clock.after(HELD_MS, late);
  }

  /** It is held no longer, whatever becomes of it. */
  end(): void {
    this.#alarm.cancel();
  }
}
