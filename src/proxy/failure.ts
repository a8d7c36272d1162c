/** An app that did not start. */
import { explainStart } from '../systemd/explain.ts';
import type { JobResult, ServiceEvidence } from '../systemd/manager.ts';
import { Problem } from './problem.ts';

/** A start that failed through the app, as its quarantine counts it. */
export class StartFailure extends Problem {
  /** For the journal: the job's end and what systemd said of the service. */
  readonly evidence: string;

  constructor(result: JobResult, service: ServiceEvidence | null, network: ServiceEvidence | null, startTimeoutS: number) {
    const late = result === 'timeout' || service?.result === 'timeout';
    super(late ? 'start-timeout' : 'start-failed', explainStart(result, service, network, startTimeoutS));
    this.name = 'StartFailure';
    this.evidence = `job ${result}${service === null ? '' : `, service ${service.result}`}`;
  }
}
