/** Bursts: many apps that sleep are asked for at once. */
import { InHost } from '../agent/in-host.ts';
import type { Answer } from '../agent/visit.ts';
import { TINY, importTiny } from '../apps.ts';
import { OURS, PEER, report, totalOf, type Burst, type Bursts } from '../burst/report.ts';
import { addApps, putToSleep, type OurApp } from '../cold/ours.ts';
import type { BenchContext } from '../context.ts';
import { interleaved } from '../interleave.ts';
import { podmanCreate, podmanRemove, podmanStop } from '../peers/podman.ts';
import type { Measured } from '../result.ts';

const FIRST_PORT = 18100;
const CONFIG = '/etc/fastcontainer/fastcontainer.ini';

export async function run(context: BenchContext): Promise<Measured> {
  const { host, size, log } = context;
  const count = size(40, 3);
  const crowd = size(200, 6);
  const room = size(100, 3);
  await importTiny(host);
  log(`makes ${crowd} apps, and ${count} containers`);
  const apps = await addApps(host, Object.fromEntries(numbers(crowd).map((n) => [`burst-${n}`, { app: TINY }])));
  const inHost = new InHost(host);
  try {
    const bursts = await sideBySide(context, inHost, apps.slice(0, count));
    log(`${crowd} at once`);
    const many = await crowdOf(context, inHost, apps);
    log(`${crowd} at once, of which ${room} may wait`);
    await host.ok(`cp -p ${CONFIG} ${CONFIG}.bench && printf '\\n[proxy]\\nmax_waiting = ${room}\\n' >>${CONFIG} && systemctl restart fc-proxy`);
    const sent = await crowdOf(context, inHost, apps);
    await host.ok(`mv ${CONFIG}.bench ${CONFIG} && systemctl restart fc-proxy`);
    return report({ count, crowd, room }, bursts, many, sent);
  } finally {
    await inHost.close();
  }
}

async function sideBySide({ host, size, log }: BenchContext, inHost: InHost, apps: readonly OurApp[]): Promise<Bursts> {
  const names = apps.map(({ name }) => `bench-${name}`);
  for (const [index, name] of names.entries()) await podmanCreate(host, TINY, name, FIRST_PORT + index);
  const command = `seq 0 ${apps.length - 1} | xargs -P4 -I{} sh -c 'podman start bench-burst-{} >/dev/null && echo {}'`;
  const rounds = size(8, 1);
  const bursts: Bursts = await interleaved<typeof OURS | typeof PEER, Burst>(rounds, {
    [OURS]: async () => {
      const answers = await crowdOf({ host }, inHost, apps);
      const failed = answers.flat().filter(({ status }) => status !== 200);
      if (failed.length > 0) throw new Error(`${failed.length} of ${apps.length} were not answered with 200: ${JSON.stringify(failed[0])}`);
      return answers.map((all) => totalOf(all));
    },
    [PEER]: async () => {
      const burst = await inHost.call('startMany', { command: ['sh', '-c', command], visits: names.map((_, index) => ({ port: FIRST_PORT + index })) });
      await podmanStop(host, ...names);
      return burst;
    },
  }, { warmUps: size(1, 0), budget: { ms: 90_000, least: 3 }, onRound: (round) => { log(`${apps.length} at once, round ${round + 1} of ${rounds}`); } });
  await podmanRemove(host, ...names);
  return bursts;
}

/** One visit of each, all at once; afterwards they sleep again. @returns what each was told, and told when it came again */
async function crowdOf({ host }: Pick<BenchContext, 'host'>, inHost: InHost, apps: readonly OurApp[]): Promise<Answer[][]> {
  const answers = await inHost.call('crowd', apps.map(({ name }) => ({ port: 80, domain: `${name}.test` })));
  // A few at a time: each end is a podman of its own.
  for (let first = 0; first < apps.length; first += 20) await putToSleep(host, ...apps.slice(first, first + 20));
  return answers;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
