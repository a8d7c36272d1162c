/** Asks systemd to hold a container awake: one restart of its lease, asked for again when a stop crosses it. */
import type { Logger } from '../log.ts';
import { netUnit } from '../model/names.ts';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import { type JobResult, type Manager, type ServiceEvidence, SystemdError } from '../systemd/manager.ts';
import { pause, type Clock } from './clock.ts';
import { StartFailure } from './failure.ts';
import { Problem } from './problem.ts';

export interface LeaseJobOptions {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly log: Logger;
}

/** systemd does not know the generation's units: it has been replaced or removed. Route again. */
export class Gone extends Problem {
  constructor(cause: unknown) {
    super('systemd', 'The app is being changed on this host.', { cause, retryAfterS: 1 });
    this.name = 'Gone';
  }
}

/** A start may have to wait for the stop before it, whose time-out is the app's own. */
const STOP_MARGIN_MS = 60_000;

/** Times that a job may be taken back (`canceled`) before that counts as an answer. */
const MAX_CANCELED = 10;

/** Errors of a request that another one, soon, need not meet: a stop job in the way, the cycle check of systemd#27549. */
const ASK_AGAIN: ReadonlySet<string> = new Set([
  'org.freedesktop.systemd1.TransactionIsDestructive',
  'org.freedesktop.systemd1.TransactionJobsConflicting',
  'org.freedesktop.systemd1.TransactionOrderIsCyclic',
  'System.Error.EDEADLK',
]);

/**
 * Restarts the lease of a generation. `again`: a start that fails may be tried once more.
 * @returns, when systemd holds the container awake and the app listens, the time at which it was asked
 * @throws StartFailure when the app did not start, Gone, or another Problem when systemd would not or could not
 */
export async function restartLease(options: LeaseJobOptions, spec: SnapshotGeneration, again: boolean): Promise<number> {
  const { manager, clock, log } = options;
  const deadline = clock.now() + spec.startTimeoutS * 1000 + STOP_MARGIN_MS;
  let canceled = 0;
  let disconnected = 0;
  let secondTry = false;
  for (;;) {
    const askedAt = clock.now();
    const left = Math.max(1, deadline - askedAt);
    let result: JobResult;
    try {
      result = await manager.run('restart', spec.lease, left);
    } catch (error) {
      const code = error instanceof SystemdError ? error.code : '';
      if (code === 'org.freedesktop.systemd1.NoSuchUnit') throw new Gone(error);
      if (code === 'Timeout') throw new Problem('start-timeout', 'The app did not start: systemd did not finish its start.', { cause: error });
      if (code === 'Disconnected' && left > 1000) {
        // The bus restarts, or PID 1 re-executes itself: both come back, and clients have deadlines of their own.
        await pause(clock, Math.min(1000, 20 * 2 ** disconnected++));
        continue;
      }
      if (!ASK_AGAIN.has(code)) throw new Problem('systemd', 'The host cannot start the app at the moment.', { cause: error, retryAfterS: 5 });
      result = 'canceled';
    }
    if (result === 'done') return askedAt;
    if (result === 'canceled') {
      // A stop crossed the start (the lease ran out, someone stopped the app): the next one finds it stopped.
      if (++canceled > MAX_CANCELED) throw new Problem('systemd', 'The host keeps stopping the app.', { retryAfterS: 5 });
      await pause(clock, Math.min(500, 5 * 2 ** canceled));
      continue;
    }
    if (again && !secondTry) {
      secondTry = true;
      log.warn('a start failed, trying once more', { generation: spec.instance, job: result });
      continue;
    }
    throw await explain(options, spec, result);
  }
}

async function explain(options: LeaseJobOptions, spec: SnapshotGeneration, result: JobResult): Promise<StartFailure> {
  const service = await evidenceOf(options, spec.container);
  const blameless = service === null || (service.result === 'success' && service.statusText === '');
  const network = blameless ? await evidenceOf(options, netUnit(spec.instance)) : null;
  return StartFailure.of(result, service, network, spec.startTimeoutS);
}

/** Evidence, or null when there is none to be had in time: the answer must not wait for its reasons. */
export async function evidenceOf({ manager, clock }: LeaseJobOptions, service: string, withinMs = 1000): Promise<ServiceEvidence | null> {
  try {
    return await Promise.race([manager.evidence(service), pause(clock, withinMs).then(() => null)]);
  } catch {
    return null;
  }
}
