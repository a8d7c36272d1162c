/** What was counted of requests as it is on the disk: what Prometheus has read is never taken back. */
import type { Ledger } from '../ledger.ts';
import type { Counts } from '../../report/counts.ts';

export interface CountsAtOnce {
  readonly apps: ReadonlyMap<string, Counts>;
  readonly passed: Counts;
  readonly unrouted: Counts;
}

export class KeptCounts {
  readonly #ledger: Ledger;
  #writing: CountsAtOnce;
  #kept: CountsAtOnce;

  /** @param ledger as it was read from the disk */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#kept = this.#writing = copyOf(ledger);
  }

  /** What there is now is being written. */
  writing(): void {
    this.#writing = copyOf(this.#ledger);
  }

  /** What was being written is on the disk. */
  written(): void {
    this.#kept = this.#writing;
  }

  get kept(): CountsAtOnce {
    return this.#kept;
  }
}

function copyOf({ apps, passed, unrouted }: Ledger): CountsAtOnce {
  return { apps: new Map([...apps].map(([app, { counts }]) => [app, counts.slice()])), passed: passed.counts.slice(), unrouted: unrouted.counts.slice() };
}
