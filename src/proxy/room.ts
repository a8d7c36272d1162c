/**
 * When there is room for one more to wait for a start, so that who is sent away is told a time at which it holds
 * (Retry-After, RFC 9110, section 10.2.3). Each who is sent away is promised the next place that comes free, so that
 * they do not all come again at once. Pure: told of starts as they begin and end.
 */

/** As long as nothing is known. */
const FIRST_START_MS = 1000;
const FIRST_PACE_MS = 250;
/** What the newest start counts for. */
const NEWEST = 1 / 4;
/** Of this many ends the older count less from then on. */
const MEMORY = 64;
/** For starts that take longer than those before. */
const MARGIN = 1.25;

export class Room {
  /** How long a start takes from its turn on, and how long after one the next one ends while several are under way. */
  #startMs = FIRST_START_MS;
  #paceMs = FIRST_PACE_MS;
  /** Starts under way or before their turn; since when there were some all the time, and how many have ended since. */
  #starts = 0;
  #since = 0;
  #ends = 0;
  /** Places that are to come free and were promised. */
  #promised = 0;

  /** A start is wanted. */
  began(now: number): void {
    if (this.#starts++ > 0) return;
    this.#since = now;
    this.#ends = 0;
  }

  /** One has ended, well or not, `tookMs` after its turn began. */
  ended(now: number, tookMs: number): void {
    this.#startMs += (tookMs - this.#startMs) * NEWEST;
    this.#ends++;
    const elapsed = now - this.#since;
    // Starts beside each other end in bunches: only their mean says how long many will take. Of one alone it is known
    // that two beside each other are done in little more time.
    this.#paceMs = this.#ends === 1 && this.#starts === 1 ? tookMs / 2 : elapsed / this.#ends;
    if (this.#ends >= MEMORY) {
      this.#ends /= 2;
      this.#since = now - elapsed / 2;
    }
    if (--this.#starts === 0) this.#promised = 0;
  }

  /** One who waited has a place no more. */
  left(): void {
    if (this.#promised > 0) this.#promised--;
  }

  /** Seconds after which one who finds `waiting` others should come again. */
  retryAfterS(waiting: number): number {
    this.#promised++;
    // All who wait for one start leave with it.
    const eachFrees = Math.max(1, waiting / Math.max(1, this.#starts));
    const needed = Math.min(Math.max(1, this.#starts), Math.ceil(this.#promised / eachFrees));
    return Math.ceil((this.#startMs + (needed - 1) * this.#paceMs) * MARGIN / 1000);
  }
}
