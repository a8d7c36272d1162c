/** Errors of undici that another attempt would meet again. */
import { Problem } from './problem.ts';
import { codeOf } from './visit.ts';

/** What to tell of such an error; null: another attempt may do better. */
export function hopeless(error: Error): Problem | null {
  switch (codeOf(error)) {
    case 'UND_ERR_HEADERS_TIMEOUT': case 'UND_ERR_BODY_TIMEOUT':
      return new Problem('app-silent', 'The app did not answer.', { cause: error });
    case 'UND_ERR_INVALID_ARG': case 'UND_ERR_NOT_SUPPORTED': case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return new Problem('bad-request', 'The request cannot be passed on.', { cause: error });
    case 'UND_ERR_HEADERS_OVERFLOW': case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return new Problem('app-broke', 'The app answered with what is not HTTP.', { cause: error });
    default:
      // llhttp's own codes, and node's when a head does not pass its checks.
      return /^(HPE_|ERR_HTTP_|ERR_INVALID_)/.test(codeOf(error))
        ? new Problem('app-broke', 'The app answered with what is not HTTP.', { cause: error })
        : null;
  }
}
