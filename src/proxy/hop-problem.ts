/**
 * What one fc-proxy tells another in the head of an answer that is its own and no app's, beside the page or JSON for
 * the client. Only the internal listener says it, and to the fleet alone; what apps say under these names is dropped.
 */
import { field } from './fields.ts';
import { HOP } from './headers.ts';
import { isKind, Problem } from './problem.ts';

export interface HopProblem {
  readonly problem: Problem;
  /** Whether the host says that no byte of the request has gone to the app. */
  readonly unsent: boolean;
}

/** The fields that say it. `reference`: under which the journal of this host knows it. */
export function hopFields(problem: Problem, reference: string | null, unsent: boolean): string[] {
  // A field takes ISO 8859-1 at most; a reason may hold what an app has said.
  const fields: string[] = [HOP.problem, problem.kind, HOP.detail, encodeURIComponent(problem.message)];
  if (reference !== null) fields.push(HOP.reference, reference);
  return unsent ? [...fields, HOP.unsent, 'yes'] : fields;
}

/** What an answer's fields say; null: it is the app's, or of a kind that is not known here. */
export function hopProblemOf(fields: readonly string[]): HopProblem | null {
  const kind = field(fields, PROBLEM);
  if (kind === undefined || !isKind(kind)) return null;
  const retryAfterS = Number(field(fields, 'retry-after') ?? NaN);
  const reference = field(fields, REFERENCE);
  const problem = new Problem(kind, decode(field(fields, DETAIL) ?? ''), {
    ...(Number.isFinite(retryAfterS) && { retryAfterS }),
    ...(reference !== undefined && UUID.test(reference) && { reference }),
  });
  return { problem, unsent: kind === 'misdirected' || field(fields, UNSENT) !== undefined };
}

const [PROBLEM, DETAIL, REFERENCE, UNSENT] = [HOP.problem.toLowerCase(), HOP.detail.toLowerCase(), HOP.reference.toLowerCase(), HOP.unsent.toLowerCase()];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function decode(detail: string): string {
  try {
    return decodeURIComponent(detail);
  } catch {
    return detail;
  }
}
