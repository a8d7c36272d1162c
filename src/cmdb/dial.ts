/**
 * Opens addresses in order, the next one as soon as one has failed or has had its head start, so that one that says
 * nothing holds up no pass (RFC 8305 does so for the addresses of a host). Nothing about them needs to be remembered.
 */

/** What came of one address: its connection, or why there is none. */
export type Dialed<C> = { readonly index: number } & ({ readonly connection: C } | { readonly error: unknown });

/**
 * Yields what came of each address, as it comes. Who takes a connection closes it; those still on their way when
 * the caller has had enough are closed by `close`.
 */
export async function* dial<C>(opens: readonly (() => Promise<C>)[], close: (connection: C) => void, headStartMs: number): AsyncGenerator<Dialed<C>, void, void> {
  const running = new Map<number, Promise<Dialed<C>>>();
  let next = 0;
  try {
    while (next < opens.length || running.size > 0) {
      const open = opens[next];
      if (open !== undefined) {
        running.set(next, attempt(next, open));
        next += 1;
      }
      const came = await firstOf(running, next < opens.length ? headStartMs : null);
      if (came === null) continue;
      running.delete(came.index);
      yield came;
    }
  } finally {
    for (const late of running.values()) void late.then((came) => { if ('connection' in came) close(came.connection); });
  }
}

/** Never rejects. */
async function attempt<C>(index: number, open: () => Promise<C>): Promise<Dialed<C>> {
  try {
    return { index, connection: await open() };
  } catch (error) {
    return { index, error };
  }
}

/** The first that comes; null when none has within `ms`. */
async function firstOf<C>(running: ReadonlyMap<number, Promise<Dialed<C>>>, ms: number | null): Promise<Dialed<C> | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => { if (ms !== null) timer = setTimeout(() => { resolve(null); }, ms); });
  try {
    return await Promise.race([...running.values(), late]);
  } finally {
    clearTimeout(timer);
  }
}
