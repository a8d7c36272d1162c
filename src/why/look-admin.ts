/** Asks fc-admin about an app. What it answers is printed and nothing else: of what makes no sense, nothing is taken. */
import { AdminError, askAdmin } from '../admin/client.ts';
import { type AppState, type HostStatus, type InFlight, STATE_FORMAT } from '../admin/state.ts';
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
    app === null ? { value: { count: 0, requests: [] } } : seen(async () => asInFlight(await askAdmin(`/inflight.json?app=${encodeURIComponent(app)}`))),
  ]);
  return { status, state: 'value' in status ? status.value.apps.find(({ name }) => name === app) ?? null : null, inFlight };
}

/** Of all apps; for one who may not read the snapshot. @throws AdminError */
export async function allStates(): Promise<HostStatus> {
  return asStatus(await askAdmin('/state.json'));
}

async function statusOf(app: string | null): Promise<HostStatus> {
  // No app: the events are asked for.
  const none = '/state.json?limit=0';
  if (app === null) return asStatus(await askAdmin(none));
  try {
    return asStatus(await askAdmin(`/state.json?app=${encodeURIComponent(app)}`));
  } catch (error) {
    if (!(error instanceof AdminError && error.message.startsWith('fc-admin answers 404'))) throw error;
    return asStatus(await askAdmin(none));
  }
}

async function seen<T>(look: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await look() };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws AdminError when it is of another version, or no status at all */
function asStatus(value: unknown): HostStatus {
  if (!isOurs(value) || !isList(value['apps']) || !isList(value['events']) || !isObject(value['proxy'])) throw notUnderstood();
  return value as unknown as HostStatus;
}

function asInFlight(value: unknown): InFlight {
  if (!isOurs(value) || typeof value['count'] !== 'number' || !isList(value['requests']) || !value['requests'].every(({ request }) => isObject(request))) throw notUnderstood();
  return value as unknown as InFlight;
}

function isOurs(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && value['format'] === STATE_FORMAT;
}

function notUnderstood(): AdminError {
  return new AdminError('what fc-admin says is not understood: is it of another version? systemctl restart fc-admin');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) && value.every(isObject);
}
