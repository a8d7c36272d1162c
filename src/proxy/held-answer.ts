/**
 * The beginning of an answer, held back for a moment. As long as nothing of it has left, a request whose app dies
 * within its answer can be made again, and its client sees nothing of that. Only short answers are held, and of
 * those, which say their length, nearly all are complete at once: whoever streams says no length.
 */
import type { Alarm, Clock } from './clock.ts';
import { field } from './fields.ts';

/** Answers up to this size are held, … */
const HELD_BYTES = 262_144;

/** … and none for longer: an app that sends a short answer slowly may have a reason. */
const HELD_MS = 200;

/** Whether an answer with these fields (names and values in turn) is short enough to be held. */
export function isShort(fields: readonly string[]): boolean {
  const length = field(fields, 'content-length');
  return length !== undefined && Number(length) <= HELD_BYTES;
}

export class HeldAnswer {
  readonly chunks: Buffer[] = [];
  readonly #clock: Clock;
  readonly #late: () => void;
  #alarm: Alarm | null = null;
  #over = false;

  /** `late` is called if it has been held for as long as it may be. */
  constructor(clock: Clock, late: () => void) {
    this.#clock = clock;
    this.#late = late;
    // Most are complete before this turn of the event loop is over, and need no timer.
    process.nextTick(watch, this);
  }

  /** Sets the time for it, unless it is over already. */
  watch(): void {
    if (!this.#over) this.#alarm = this.#clock.after(HELD_MS, this.#late);
  }

  /** It is held no longer, whatever becomes of it. */
  end(): void {
    this.#over = true;
    this.#alarm?.cancel();
  }
}

function watch(held: HeldAnswer): void {
  held.watch();
}
