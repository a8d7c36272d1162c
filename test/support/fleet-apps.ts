/** Apps of a fleet as its clients and its hosts see them: who serves, who is awake, what is left. */
import { request as httpRequest } from 'node:http';
import type { TestHost } from './host.ts';
import type { Entrance } from './streams.ts';

/** Where clients of a front find an app. */
export function entrance(front: TestHost, app: string): Entrance {
  return { address: front.address, domain: `${app}.test` };
}

/** Waits until an app answers the clients of a front. */
export async function answers(front: TestHost, app: string): Promise<void> {
  await front.until(async () => {
    const { status, body } = await front.request(`${app}.test`, '/');
    return status === 200 || `${status} ${body}`;
  }, { timeoutMs: 20_000, what: `${app} answers` });
}

/** Statements for the CMDB. @returns when they were committed, ms since the epoch, as the database saw it */
export async function commit(cmdb: TestHost, statements: string): Promise<number> {
  const [last] = (await cmdb.sql(`${statements};\nSELECT UNIX_TIMESTAMP(SYSDATE(3)) * 1000`)).slice(-1);
  return Number(last?.[0]);
}

/** Whether an app is awake on a host. */
export async function runsOn(host: TestHost, app: string): Promise<boolean> {
  return (await host.ok(`systemctl list-units --no-legend --plain --state=active 'fc-ctr-${unitName(app)}-*' | cat`)).trim() !== '';
}

/** Waits until an app has fallen asleep on a host, and, unless its files may `stay`, until nothing of it is left there. */
export async function leaves(host: TestHost, app: string, timeoutMs: number, stay = false): Promise<void> {
  await host.until(async () => {
    if (await runsOn(host, app)) return `${app} is awake`;
    const files = (await host.ok(`cd /etc/systemd/system && ls -1 | grep -E '^fc-(app|ctr)-${unitName(app)}-' || true`)).trim();
    return stay || files === '' || `there are ${files.replaceAll('\n', ', ')}`;
  }, { timeoutMs, what: `${app} leaves ${host.row}` });
}

function unitName(app: string): string {
  return app.replaceAll('-', '_');
}

/** What the test app says of itself at /pid. */
export interface Run {
  /** Tells one run of the app from the next, and so, while it lasts, one host from another. */
  readonly run: string;
  /** That it has served so far, this one included. */
  readonly requests: number;
}

/** The run of an app that answers a client of a front. */
export function runThrough(front: TestHost, app: string): Promise<Run> {
  return runAt({ host: front.address, port: 80 }, { host: `${app}.test` });
}

/** The run of an app on a host, asked of the host itself, as another fc-proxy of the fleet would. Wakes it. */
export async function runOn(host: TestHost, app: string): Promise<Run> {
  return await runAt({ host: host.address, port: 8079 }, { host: `${app}.test`, 'x-fastcontainer-app': app, 'x-fastcontainer-token': await tokenOf(host) });
}

const tokens = new WeakMap<TestHost, string>();

/** What a host shows to the others of its fleet. */
export async function tokenOf(host: TestHost): Promise<string> {
  let token = tokens.get(host);
  if (token === undefined) tokens.set(host, token = (await host.ok("grep -m1 -v '^#' /etc/fastcontainer/fleet-tokens")).trim());
  return token;
}

function runAt(where: { readonly host: string; readonly port: number }, headers: Readonly<Record<string, string>>): Promise<Run> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...where, path: '/pid', agent: false, headers, signal: AbortSignal.timeout(30_000) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
      response.on('error', reject);
      response.on('end', () => {
        const answer: unknown = response.statusCode === 200 ? JSON.parse(text) : null;
        if (typeof answer === 'object' && answer !== null && 'run' in answer && typeof answer.run === 'string' && 'requests' in answer && typeof answer.requests === 'number') {
          resolve({ run: answer.run, requests: answer.requests });
        } else {
          reject(new Error(`${response.statusCode} ${text}`));
        }
      });
    });
    request.on('error', reject);
    request.end();
  });
}
