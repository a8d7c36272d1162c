/** Errors that another attempt would meet again. */
import { Problem } from './problem.ts';
import { codeOf } from './visit.ts';

/** What to tell of such an error; null: another attempt may do better. */
export function hopeless(error: Error): Problem | null {
  switch (codeOf(error)) {
    case 'ERR_SILENT':
      return new Problem('app-silent', 'The app did not answer.', { cause: error });
    case 'ERR_UNSENDABLE':
      return new Problem('bad-request', 'The request cannot be passed on.', { cause: error });
    default:
      // llhttp's codes, and node's when a head does not pass its checks.
      return /^(HPE_|ERR_HTTP_|ERR_INVALID_)/.test(codeOf(error))
        ? new Problem('app-broke', 'The app answered with what is not HTTP.', { cause: error })
        : null;
  }
}
