/** How many in the last ten seconds. Pure: told the time, ms on any clock. */

const SECONDS = 10;

export class Recent {
  /** One for each second, by its number modulo their count; one more than is added up, as the present one has only begun. */
  readonly #counts = new Float64Array(SECONDS + 1);
  #second = 0;

  add(count: number, now: number): void {
    this.#advance(now);
    const at = this.#second % this.#counts.length;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  /** A second, over the last ten that are whole. */
  perSecond(now: number): number {
    this.#advance(now);
    const present = this.#counts[this.#second % this.#counts.length] ?? 0;
    return (this.#counts.reduce((sum, count) => sum + count, 0) - present) / SECONDS;
  }

  #advance(now: number): void {
    const second = Math.floor(now / 1000);
    if (second - this.#second > SECONDS) this.#counts.fill(0);
    else for (let at = this.#second + 1; at <= second; at++) this.#counts[at % this.#counts.length] = 0;
    // A clock that was set back begins anew.
    if (second < this.#second) this.#counts.fill(0);
    this.#second = second;
  }
}
