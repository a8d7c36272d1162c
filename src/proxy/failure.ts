/** An app that did not start. */
import { explainStart } from '../systemd/explain.ts';
import type { JobResult, ServiceEvidence } from '../systemd/manager.ts';
import { Problem } from './problem.ts';

const KINDS = ['start-failed', 'start-timeout'] as const;
export type StartFailureKind = (typeof KINDS)[number];

export function isStartFailureKind(value: unknown): value is StartFailureKind {
  return KINDS.some((kind) => kind === value);
}

/** A start that failed through the app, as its quarantine counts it. */
export class StartFailure extends Problem {
  declare readonly kind: StartFailureKind;
  /** For the journal: the job's end and what systemd said of the service. */
  readonly evidence: string;

  constructor(kind: StartFailureKind, message: string, evidence: string) {
    super(kind, message);
    this.name = 'StartFailure';
    this.evidence = evidence;
  }

  /** As the end of the job and what systemd knows tell it. */
  static of(result: JobResult, service: ServiceEvidence | null, network: ServiceEvidence | null, startTimeoutS: number): StartFailure {
    const late = result === 'timeout' || service?.result === 'timeout';
    return new StartFailure(late ? 'start-timeout' : 'start-failed', explainStart(result, service, network, startTimeoutS),
      `job ${result}${service === null ? '' : `, service ${service.result}`}`);
  }
}
