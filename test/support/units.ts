/** What the units of an app are called and in which state they are, and a look from inside its container. */
import type { Response, TestHost } from './host.ts';

/** Instance name of the generation that serves `app`, `my_shop-1a2b3c4d`. */
export async function instanceOf(host: TestHost, app: string): Promise<string> {
  const link = (await host.ok(`readlink /run/fastcontainer/${app}.sock`)).trim();
  return `${app.replaceAll('-', '_')}${link.slice(app.length, -'.sock'.length)}`;
}

export async function containerOf(host: TestHost, app: string): Promise<string> {
  return `fc-ctr-${await instanceOf(host, app)}.service`;
}

/** The unit of the app's network namespace, as its container's unit names it. */
export async function netUnitOf(host: TestHost, app: string): Promise<string> {
  const required = await host.ok(`systemctl show -P Requires ${await containerOf(host, app)}`);
  const unit = /fc-net-[0-9a-f]{2}@\S+/.exec(required)?.[0];
  if (unit === undefined) throw new Error(`${app} requires ${required.trim()}, and no network namespace`);
  return unit;
}

/** The first of the host's user ids that are the app's. */
export async function uidBase(host: TestHost, app: string): Promise<number> {
  const [row] = await host.sql(`SELECT uid_base FROM apps WHERE name = '${app}'`);
  return Number(row?.[0]);
}

/** Waits until the app's container has stopped. */
export async function asleep(host: TestHost, app: string, timeoutMs = 15_000): Promise<void> {
  const unit = await containerOf(host, app);
  await host.until(async () => {
    const state = await host.state(unit);
    return state === 'inactive' || `it is ${state}`;
  }, { timeoutMs, what: `${unit} sleeps` });
}

export function jsonOf({ status, body }: Response): unknown {
  if (status !== 200) throw new Error(`answered ${status}: ${body}`);
  return JSON.parse(body);
}

/** Under what the journal knows a problem; null: the answer names nothing. */
export function referenceOf({ headers, body }: Response): string | null {
  const json = String(headers['content-type']) === 'application/problem+json';
  return (json ? /"instance":"urn:uuid:([0-9a-f-]{36})"/ : /Reference: <code>([0-9a-f-]{36})<\/code>/).exec(body)?.[1] ?? null;
}

/** The reason that fc-proxy keeps from a client, and tells the journal of a host under the answer's reference. */
export async function reasonOf(host: TestHost, response: Response): Promise<string> {
  const reference = referenceOf(response);
  if (reference === null) throw new Error(`an answer without a reference: ${response.status} ${response.body}`);
  let line = '';
  await host.until(async () => {
    line = (await host.sh(`journalctl --no-pager -o cat -u 'fc-proxy*' --grep ${reference}`)).stdout.trim();
    return line !== '' || 'not yet';
  }, { timeoutMs: 5_000, what: `the journal knows ${reference}` });
  const why = / why="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  if (why === undefined) throw new Error(`the journal says: ${line}`);
  return why.replace(/\\(.)/g, '$1');
}

const PROBE = `
const AsyncFunction = (async () => {}).constructor;
const server = require('http').createServer((request, response) => {
  let code = '';
  request.on('data', (chunk) => { code += chunk; });
  request.on('end', async () => {
    const answer = await AsyncFunction('require', code)(require).then(
      (value) => ({ value }), (error) => ({ error: error.code ?? String(error) }));
    response.end(JSON.stringify(answer));
  });
}).listen(8080);
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeAllConnections(); });
`;

/** An app that runs what it is sent, see `probe`. */
export const PROBE_COMMAND: readonly string[] = ['/usr/bin/node', '-e', PROBE];

/** Runs the body of an async function inside the app. @returns its value, or `{ error: code }` */
export async function probe(host: TestHost, app: string, code: string): Promise<unknown> {
  const answer = jsonOf(await host.request(`${app}.test`, '/', { method: 'POST', body: code }));
  if (typeof answer !== 'object' || answer === null) throw new Error(`${app} is no probe`);
  return 'value' in answer ? answer.value : answer;
}
