/** Asks fc-admin about an app. What it answers is printed and nothing else: of what makes no sense, nothing is taken. */
import { AdminError, askAdmin } from '../admin/client.ts';
import { parseHostStatus, parseInFlight, StateError } from '../admin/parse.ts';
import type { AppState, HostStatus, InFlight } from '../admin/state.ts';
import type { Seen } from './facts.ts';

export interface AdminFacts {
  readonly status: Seen<HostStatus>;
  readonly state: AppState | null;
  readonly inFlight: Seen<Pick<InFlight, 'count' | 'requests'>>;
}

/** @param app null: only what it says of the host */
export async function lookAtAdmin(app: string | null): Promise<AdminFacts> {
  const [status, inFlight] = await Promise.all([
    seen(async () => await statusOf(app)),
    app === null ? { value: { count: 0, requests: [] } } : seen(async () => understood(parseInFlight, await askAdmin(`/inflight.json?app=${encodeURIComponent(app)}`))),
  ]);
  return { status, state: 'value' in status ? status.value.apps.find(({ name }) => name === app) ?? null : null, inFlight };
}

/** Of all apps; for one who may not read the snapshot. @throws AdminError */
export async function allStates(): Promise<HostStatus> {
  return understood(parseHostStatus, await askAdmin('/state.json'));
}

async function statusOf(app: string | null): Promise<HostStatus> {
  // No app: the events are asked for.
  const none = '/state.json?limit=0';
  if (app === null) return understood(parseHostStatus, await askAdmin(none));
  try {
    return understood(parseHostStatus, await askAdmin(`/state.json?app=${encodeURIComponent(app)}`));
  } catch (error) {
    if (!(error instanceof AdminError && error.status === 404)) throw error;
    return understood(parseHostStatus, await askAdmin(none));
  }
}

async function seen<T>(look: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await look() };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws AdminError when it is of another version, or something else altogether */
function understood<T>(parse: (value: unknown) => T, value: unknown): T {
  try {
    return parse(value);
  } catch (cause) {
    if (!(cause instanceof StateError)) throw cause;
    throw new AdminError('what fc-admin says is not understood: is it of another version? systemctl restart fc-admin', { cause });
  }
}
