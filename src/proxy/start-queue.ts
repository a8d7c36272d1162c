/**
 * How many containers may be starting at once: many starts at a time are
 * slower than a few (podman and PID 1 serialise). First come, first served;
 * each entry is one app, however many requests wait for it.
 */
export class StartQueue {
  readonly #limit: number;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts waiting for a place. */
  get length(): number {
    return this.#queue.length;
  }

  /** Calls `begin` once there is a place, at once if there is one. Who was begun must call `done` once. */
  enter(begin: () => void): void {
    if (this.#running < this.#limit) {
      this.#running++;
      begin();
    } else {
      this.#queue.push(begin);
    }
  }

  done(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
