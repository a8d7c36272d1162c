/** An app of ours on the host: awake by a visit, asleep again at once. */
import { containerOf } from '../../support/units.ts';
import type { AppRow, TestHost } from '../../support/host.ts';
import type { BenchApp } from '../apps.ts';
import type { InHost } from '../agent/in-host.ts';
import type { Answer } from '../agent/visit.ts';

export interface OurApp {
  readonly name: string;
  /** Its container's unit. */
  readonly unit: string;
}

/** Makes apps, by name; `row` is added to what an app needs. fc-sync runs once for all. */
export async function addApps(host: TestHost, apps: Readonly<Record<string, { readonly app: BenchApp; readonly row?: AppRow }>>): Promise<OurApp[]> {
  for (const [name, { app, row }] of Object.entries(apps)) await host.addApp(name, { image: app.image, port: app.port, idle_timeout_s: 600, ...row });
  const { code, stdout, stderr } = await host.sync();
  if (code !== 0) throw new Error(`fc-sync ended with ${code}:\n${stdout}${stderr}`);
  return Promise.all(Object.keys(apps).map(async (name) => ({ name, unit: await containerOf(host, name) })));
}

/** A visit through fc-proxy that must succeed. */
export async function wake(inHost: InHost, { name }: OurApp): Promise<Answer> {
  const answer = await inHost.call('visit', { port: 80, domain: `${name}.test` });
  if (answer.status !== 200) throw new Error(`${name} answered ${answer.status} ${JSON.stringify(answer.headers)}`);
  return answer;
}

/** Asleep as after its idle time, and nothing left to be done for it. */
export async function putToSleep(host: TestHost, ...apps: readonly OurApp[]): Promise<void> {
  await host.ok(`systemctl stop ${apps.map(({ unit }) => unit).join(' ')}`);
  await host.until(async () => {
    const jobs = (await host.ok('systemctl list-jobs --no-legend | cat')).trim();
    return jobs === '' || jobs;
  }, { timeoutMs: 30_000, what: 'systemd has no job left' });
}

/** What a cold answer says of its own start: milliseconds by name (Server-Timing). */
export function receiptOf({ headers }: Answer): ReadonlyMap<string, number> {
  const timing = headers['server-timing'];
  if (timing === undefined) throw new Error('the answer has no Server-Timing: its app was not asleep');
  return new Map([...timing.matchAll(/([\w-]+);dur=([\d.]+)/g)].map(([, name = '', ms]) => [name, Number(ms)]));
}
