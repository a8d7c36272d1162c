/** What a part of the benchmark is given. */
import type { TestHost } from '../support/host.ts';
import type { Measured } from './result.ts';

export interface BenchContext {
  /** As small as can be: does it work at all? What it then says of speed means nothing. */
  readonly toy: boolean;
  /**
   * A provisioned host with the peers' packages; fc-sync runs when it is called. At full size it is the part's own, at toy
   * size all parts share one, so the names of a part's apps begin with its own. A part that needs more boots them itself.
   */
  readonly host: TestHost;
  /** `full`, or `toy` at toy size. */
  readonly size: <T>(full: T, toy: T) => T;
  /** For the person who waits. */
  readonly log: (text: string) => void;
}

/** What test/bench/parts/<part>.ts exports. */
export interface PartModule {
  readonly run: (context: BenchContext) => Promise<Measured>;
}
