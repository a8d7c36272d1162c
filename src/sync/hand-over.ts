/**
 * Starts a new generation beside the one that serves, and remembers how that went: the next pass changes the
 * route, or leaves it. No pass waits for a start, so one app that starts slowly holds up no other.
 */
import type { Logger } from '../log.ts';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { SyncManager } from '../systemd/apply.ts';
import { explainStart } from '../systemd/explain.ts';
import type { Step } from '../systemd/plan.ts';
import { gateUnit } from '../model/names.ts';

export type HandOver = Extract<Step, { kind: 'handOver' | 'replace' }>;

type OnFailure = (app: string, instance: string, why: string) => Promise<void>;

/** Longer than the app's own limit, which its unit enforces and explains. */
const START_MARGIN_MS = 15_000;

export class HandOvers {
  readonly #manager: SyncManager;
  readonly #log: Logger;
  readonly #running = new Map<string, Promise<void>>();
  /** App → instance that is up and waits for its route. */
  readonly ready = new Map<string, string>();
  /** App → what served before a replacement that did not start. */
  readonly revert = new Map<string, SnapshotGeneration>();
  /** How many have ended, and how. */
  readonly ended = { done: 0, failed: 0 };
  readonly #onFailure: OnFailure;
  readonly #onEnd: () => void;

  /** `onFailure` notes a generation that did not start; `onEnd` is called after each hand-over: a pass is due. */
  constructor(manager: SyncManager, log: Logger, onFailure: OnFailure, onEnd: () => void) {
    this.#manager = manager;
    this.#log = log;
    this.#onFailure = onFailure;
    this.#onEnd = onEnd;
  }

  get busy(): ReadonlySet<string> {
    return new Set(this.#running.keys());
  }

  begin(step: HandOver, spec: SnapshotGeneration): void {
    this.ready.delete(step.app);
    this.revert.delete(step.app);
    this.#running.set(step.app, this.#run(step, spec).finally(() => {
      this.#running.delete(step.app);
      this.#onEnd();
    }));
  }

  /** Resolves when none is running. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Never rejects. */
  async #run(step: HandOver, spec: SnapshotGeneration): Promise<void> {
    const { app, to } = step;
    const why = await this.#start(step, spec).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    this.ended[why === null ? 'done' : 'failed']++;
    if (why === null) {
      if (step.kind === 'handOver') this.ready.set(app, to.instance);
      return;
    }
    if (step.kind === 'replace') this.revert.set(app, step.from);
    const from = step.kind === 'replace' ? step.from.instance : step.from;
    this.#log.error('the new generation did not start, the old one goes on serving', { app, old: from, new: to.instance, why });
    await this.#onFailure(app, to.instance, why).catch((error: unknown) => {
      this.#log.error('cannot note the failure', { app, error: error instanceof Error ? error : String(error) });
    });
  }

  /** @returns why it did not start, null when it did */
  async #start(step: HandOver, spec: SnapshotGeneration): Promise<string | null> {
    const timeoutMs = spec.startTimeoutS * 1000 + START_MARGIN_MS;
    if (step.kind === 'replace') {
      for (const unit of [step.from.lease, gateUnit(step.from.instance)]) await this.#manager.run('stop', unit, timeoutMs);
    }
    const result = await this.#manager.run('start', spec.lease, timeoutMs);
    return result === 'done' ? null : explainStart(result, await this.#manager.evidence(spec.container), null, spec.startTimeoutS);
  }
}
