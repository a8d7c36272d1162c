/** Calls back at the earliest of the times that it is set to. */
export class Timer {
  readonly #due: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Infinity;

  constructor(due: () => void) {
    this.#due = due;
  }

  /** In `ms`, unless it is to be earlier: news that come meanwhile are not put off. */
  set(ms: number): void {
    if (performance.now() + ms >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#at = Infinity;
      this.#due();
    }, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}
