/** Conditional requests: RFC 9110 13.1.2. Pure. */

/**
 * Whether a client holds this already, by weak comparison.
 * @param etag in its quotes; undefined: what has none is held by nobody
 * @param field If-None-Match as it was sent
 */
export function isHeld(etag: string | undefined, field: string | undefined): boolean {
  return etag !== undefined && (field ?? '').split(',').map((tag) => tag.trim()).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}
