/** When the next pass has something to do. Pure. */
import { type Plan, type Step, type Waiting } from '../systemd/plan.ts';

/** Without any news: lifetimes that end, failed sockets, ports that another program had, generations whose pause is over. */
const IDLE_LOOK_MS = 10_000;

const WAIT_MS: Readonly<Record<Waiting, number>> = {
  settling: 1_050, // SETTLE_MS, and a little
  closing: 0,
  starting: 1_000,
  idling: 2_000,
  ended: IDLE_LOOK_MS,
};

/** While many apps fall into deep sleep: whatever else is to be done on the host has its turn in between. */
const BETWEEN_BATCHES_MS = 500;

/** Steps after which something is left to do as soon as they have settled. */
const LEAVES_SOMETHING: Readonly<Record<Step['kind'], boolean>> = {
  create: false, unchanged: false, switch: true, handOver: false, replace: true, revert: true, failed: false, fetching: false, busy: false, held: false, remove: true,
};

/** Milliseconds until the next pass. (The end of a hand-over, or of fetching an image, calls for one by itself.) */
export function dueInMs(plan: Plan): number {
  return Math.min(
    IDLE_LOOK_MS,
    plan.sleep.sink.length > 0 ? BETWEEN_BATCHES_MS : IDLE_LOOK_MS,
    plan.sleep.nextInMs ?? IDLE_LOOK_MS,
    ...plan.retire.map(({ waitingFor }) => (waitingFor === null ? IDLE_LOOK_MS : WAIT_MS[waitingFor])),
    ...plan.ports.close.map(({ stop }) => (stop ? IDLE_LOOK_MS : WAIT_MS.idling)),
    ...plan.steps.map(({ kind }) => (LEAVES_SOMETHING[kind] ? WAIT_MS.settling : IDLE_LOOK_MS)),
  );
}

/** Whether that is when there is a look at everything anyway. */
export function isIdle(dueMs: number): boolean {
  return dueMs >= IDLE_LOOK_MS;
}

/**
 * Milliseconds until a run that ends by itself can finish what this pass began; null when nothing is left but to
 * wait for apps to fall asleep, which is for a later run.
 */
export function finishInMs(plan: Plan): number | null {
  const waits = [
    ...plan.retire.flatMap(({ waitingFor }) => (waitingFor === 'settling' || waitingFor === 'closing' ? [WAIT_MS[waitingFor]] : [])),
    ...plan.steps.flatMap(({ kind }) => (LEAVES_SOMETHING[kind] ? [WAIT_MS.settling] : kind === 'handOver' || kind === 'busy' ? [0] : [])),
  ];
  return waits.length === 0 ? null : Math.max(...waits);
}
