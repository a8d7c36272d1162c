/** Whether the rows of an address are taken, and what an operator is told when they are not. */
import { CmdbError } from './error.ts';
import { type History, judge, type Standing, type Verdict } from './history.ts';

/** The database can be read, but what it has is not what comes after what was applied. */
export class HistoryError extends CmdbError {
  readonly verdict: Exclude<Verdict['kind'], 'follows'>;

  constructor(message: string, verdict: HistoryError['verdict']) {
    super(message);
    this.verdict = verdict;
  }
}

/** @throws HistoryError unless the rows that were read with `history` are at least as new as what was applied */
export function requireNewer(standing: Standing | null, history: History, address: string): void {
  const verdict: Verdict = standing === null ? { kind: 'follows' } : judge(standing, history);
  switch (verdict.kind) {
    case 'follows':
      return;
    case 'behind':
      throw new HistoryError(`${address}: is behind: it has ${verdict.last === 0n ? 'no change' : `change ${verdict.last}`} and lacks change ${verdict.lacks}, which this host has applied`, 'behind');
    case 'forked':
      throw new HistoryError(`${address}: its change ${verdict.change} is not the one that this host has applied: it was put back from a backup and has gone on from there`, 'forked');
    case 'other':
      throw new HistoryError(`${address}: is another database than the one whose changes this host has applied`, 'other');
  }
}

/** What to do when no address will do and the errors are these; '' when they say so themselves. */
export function historyRemedy(errors: readonly CmdbError[]): string {
  const verdicts = new Set(errors.map((error) => (error instanceof HistoryError ? error.verdict : null)));
  const anyway = 'if it is what is to hold from now on: fc-sync --accept-older on this host';
  if (verdicts.has('behind') || verdicts.has('forked')) {
    return ` (a replica catches up by itself; one that was put back from a backup does not: ${anyway}, or for all hosts at once, in that database: UPDATE history SET origin = UUID())`;
  }
  return verdicts.has('other') ? ` (another database is taken once each address of [cmdb] url answers with it: take away those that are gone; ${anyway})` : '';
}
