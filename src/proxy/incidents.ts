/**
 * What answers keep from visitors is told to the journal, under a reference that the answer carries:
 * `journalctl -u 'fc-proxy*' --grep REFERENCE`. Visitors who meet the same problem at about the same time share one, so
 * that a crowd of them does not flood the journal.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '../log.ts';
import type { Clock } from './clock.ts';
import { StartFailure } from './failure.ts';
import { PROBLEMS, Problem } from './problem.ts';

/** How long a problem that says the same is the same one. */
const SAME_MS = 10_000;
/** How many are known at a time. */
const KNOWN = 512;

export class Incidents {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Oldest first. */
  readonly #known = new Map<string, { readonly reference: string; readonly until: number }>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * The reference of what a visitor is not told, a UUID.
   * @param app whose trouble it is, as far as that is known
   * @returns null when all that there is to say is said to the visitor
   */
  referenceOf(problem: Problem, app: string | null): string | null {
    if (!problem.withheld) return null;
    const now = this.#clock.now();
    const key = JSON.stringify([app, problem.reference ?? [problem.kind, essence(problem)]]);
    const before = this.#known.get(key);
    if (before !== undefined && now < before.until) return before.reference;
    const reference = problem.reference ?? randomUUID();
    this.#known.delete(key);
    this.#known.set(key, { reference, until: now + SAME_MS });
    for (const [oldest] of this.#known) {
      if (this.#known.size <= KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#log.info('visitors are told of a problem', {
      ref: reference, app, kind: problem.kind, status: PROBLEMS[problem.kind].status, why: problem,
      evidence: problem instanceof StartFailure ? problem.evidence : undefined,
    });
    return reference;
  }
}

/** What makes two problems one: the start that failed, however long its quarantine still lasts. */
function essence({ message, cause }: Problem): string {
  return cause instanceof Problem ? cause.message : message;
}
