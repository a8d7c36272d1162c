/** What fc-admin of a host says. */
import assert from 'node:assert/strict';
import type { AppState, HostStatus, InFlight } from '../../src/admin/state.ts';
import type { TestHost } from './host.ts';

/** An answer over its Unix socket, as anybody on the host gets it. */
export async function adminAnswer(host: TestHost, path: string): Promise<{ readonly status: number; readonly body: string }> {
  const text = await host.ok(`setpriv --reuid nobody --clear-groups curl -s --globoff -w '\\n%{http_code}' --unix-socket /run/fc-admin/admin.sock 'http://admin${path}'`);
  const at = text.lastIndexOf('\n');
  return { status: Number(text.slice(at + 1)), body: text.slice(0, at) };
}

async function told(host: TestHost, path: string): Promise<unknown> {
  const { status, body } = await adminAnswer(host, path);
  assert.equal(status, 200, body);
  return JSON.parse(body);
}

export async function hostStatusOf(host: TestHost, query = ''): Promise<HostStatus> {
  return await told(host, `/state.json${query}`) as HostStatus;
}

export async function inFlightOf(host: TestHost, app: string): Promise<InFlight> {
  return await told(host, `/inflight.json?app=${app}`) as InFlight;
}

export async function appStateOf(host: TestHost, app: string): Promise<AppState> {
  const [state] = (await hostStatusOf(host, `?app=${app}`)).apps;
  assert.equal(state?.name, app);
  return state;
}

/** Waits until fc-admin says so of an app. */
export async function untilApp(host: TestHost, app: string, what: string, is: (state: AppState) => string | boolean): Promise<AppState> {
  let state: AppState | null = null;
  await host.until(async () => {
    state = await appStateOf(host, app);
    const verdict = is(state);
    return verdict === true || (verdict === false ? JSON.stringify(state) : verdict);
  }, { timeoutMs: 20_000, what: `${app}: ${what}` });
  return state ?? await appStateOf(host, app);
}
