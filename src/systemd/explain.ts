/** Why an app did not start, as a sentence for the person who asked for it. Pure. */
import { constants } from 'node:os';
import type { JobResult, ServiceEvidence } from './manager.ts';

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found === undefined ? `signal ${number}` : found[0];
}

function exitReason(exit: NonNullable<ServiceEvidence['exit']>): string {
  if (exit.kind !== 'exited') return `it was killed by ${signalName(exit.status)}${exit.kind === 'dumped' ? ' and dumped core' : ''}`;
  switch (exit.status) {
    // podman-run(1), "Exit Status".
    case 125: return 'podman could not run its container (exit status 125)';
    case 126: return 'its command cannot be executed (exit status 126)';
    case 127: return 'its command was not found (exit status 127)';
    case 0: return 'it ended by itself, with exit status 0';
    default: return `it exited with status ${exit.status}`;
  }
}

/** The text a unit said of itself, as a part of a sentence: printable and short, for it goes to a client. */
export function printable(statusText: string): string {
  const text = statusText.replace(/[^\x20-\x7e]+/g, ' ').trim().replace(/[.\s]+$/, '');
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/**
 * @param result how the start job ended
 * @param service what systemd knows of the container's unit, `network` of its namespace's; null: nothing
 */
export function explainStart(result: JobResult, service: ServiceEvidence | null, network: ServiceEvidence | null, startTimeoutS: number): string {
  const begin = 'The app did not start';
  const [place] = service?.unmounted ?? [];
  if (place !== undefined) return `${begin}: its storage at ${printable(place)} is not mounted.`;
  const verdict = service === null ? '' : printable(service.statusText);
  if (service !== null && (verdict !== '' || service.result !== 'success')) {
    const reasons: string[] = [];
    if (verdict !== '') reasons.push(verdict);
    if (service.result === 'oom-kill') reasons.push('it ran out of memory');
    else if (service.result === 'timeout') reasons.push(`it was not ready within ${startTimeoutS} s`);
    else if (service.exit !== null && service.result !== 'success') reasons.push(exitReason(service.exit));
    else if (verdict === '') reasons.push(`systemd says: ${service.result}`);
    return `${begin}: ${reasons.join('; ')}.`;
  }
  if (network !== null && network.result !== 'success') return `${begin}: its network could not be set up.`;
  switch (result) {
    case 'timeout': return `${begin}: it was not ready within ${startTimeoutS} s.`;
    case 'dependency': return `${begin}: something that it needs did not start.`;
    default: return `${begin}: the start ended as "${result}".`;
  }
}
