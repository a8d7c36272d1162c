/** Requests of which only the status of the answer matters. */
import type { Pool } from './pool.ts';
import type { Request } from './request.ts';

/** The status, once all of the answer has come. @throws whatever went wrong on the way */
export function statusOf(pool: Pool, request: Request): Promise<number> {
  return new Promise((resolve, reject) => {
    let found = 0;
    pool.dispatch(request, {
      sending: () => undefined,
      head: (status) => { found = status; },
      data: () => undefined,
      complete: () => { resolve(found); },
      failed: reject,
    });
  });
}
