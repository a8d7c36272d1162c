/**
 * Lease arithmetic. A lease is a timer in systemd that holds the container
 * awake; what is kept here is when it was last started, so that a warm request
 * asks nobody. Pure.
 */

export type Standing =
  /** None held, or run out: systemd may have stopped the app. */
  | 'none'
  /** Less than a quarter gone: forward. */
  | 'fresh'
  /** A quarter gone: forward, and renew meanwhile. */
  | 'due'
  /** Half gone: the renewal might come too late, so it comes first. */
  | 'late';

/**
 * How a lease stands.
 * @param grantedAt when it began, null: none held
 * @param length in ms, Infinity: it never runs out
 */
export function standing(grantedAt: number | null, length: number, now: number): Standing {
  if (grantedAt === null) return 'none';
  if (length === Infinity) return 'fresh';
  const age = now - grantedAt;
  if (age < length / 4) return 'fresh';
  if (age < length / 2) return 'due';
  return age < length ? 'late' : 'none';
}

/** When to look whether the lease is still wanted. */
export function nextLook(grantedAt: number, length: number): number {
  return grantedAt + length / 4;
}

/**
 * Whether use since the grant calls for a renewal although nothing is in
 * flight: else an app would sleep up to a quarter of its idle time too early.
 * The tolerance spares the app with a single short request a second timer.
 */
export function usedSince(grantedAt: number, length: number, lastUse: number): boolean {
  return lastUse - grantedAt > length / 16;
}
