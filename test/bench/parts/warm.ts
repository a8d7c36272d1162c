/** Warm: what every request of an app that is awake pays. */
import type { BenchContext } from '../context.ts';
import { interleaved } from '../interleave.ts';
import { ALL_PEERS, HTTP_PEERS, startPeers, stopPeers, type Proxy } from '../peers/proxies.ts';
import type { Measured } from '../result.ts';
import { startApps } from '../warm/apps.ts';
import { transfer, type Direction, type Transfer } from '../warm/bodies.ts';
import { latency, type Latency } from '../warm/latency.ts';
import { ourProcesses } from '../warm/ours.ts';
import { OURS, report, type Warm } from '../warm/report.ts';
import { load, MANY_CONNECTIONS, type Load } from '../warm/wrk.ts';

/** The app and whoever asks share one, everything between them has the other. */
const [OUTSIDE, BETWEEN] = ['0', '1'];
/** The part's own ports. */
const PORTS = { page: 18100, sink: 18110 } as const;
const STEADY_RATE = 2000;

export async function run(context: BenchContext): Promise<Measured> {
  const { host, log, size } = context;
  const bytes = size(256, 4) * 2 ** 20;
  const apps = await startApps(host, OUTSIDE, bytes);
  try {
    const units = await ourProcesses(host, [BETWEEN]);
    const ours: Proxy = { name: OURS, port: 80, units };
    const before = { cpu: BETWEEN };
    const page = [ours, ...await startPeers(host, ALL_PEERS, { ...before, tag: 'page', app: apps.page, from: PORTS.page })];
    const sink = [ours, ...await startPeers(host, HTTP_PEERS, { ...before, tag: 'sink', app: apps.sink, from: PORTS.sink })];
    const loads = await each(page, (proxy) => load(host, proxy.port, proxy.units, OUTSIDE, size(4, 1)), size(5, 1), size(1, 0), 'small requests', log);
    const rates = size([500, 1000, STEADY_RATE, 4000, 8000], [100, 200]);
    const asked = [{ name: 'the app itself', where: apps.page }, ...page.map(({ name, port }) => ({ name, where: `127.0.0.1:${port}` }))];
    const latencies: Record<string, Record<string, Latency[]>> = {};
    for (const rate of rates) latencies[rate] = await each(asked, ({ where }) => latency(host, where, OUTSIDE, rate, size(3, 0.5)), size(3, 1), 0, `${rate} requests a second`, log);
    const bodies = {} as Record<Direction, Record<string, Transfer[]>>;
    for (const [direction, proxies] of [['down', page.filter(({ name }) => name !== 'socket-proxyd')], ['up', sink]] as const) {
      bodies[direction] = await each(proxies, (proxy) => transfer(host, direction, proxy.port, proxy.units, OUTSIDE, bytes), size(5, 1), size(1, 0), `bodies ${direction}`, log);
    }
    await stopPeers(host);
    // Each in processes that have just begun, and had the same time to warm up.
    const crowd = async ({ cpus }: { readonly cpus: readonly string[] }): Promise<Load> => {
      const running = await ourProcesses(host, cpus);
      await load(host, ours.port, running, OUTSIDE, size(6, 1), MANY_CONNECTIONS);
      return load(host, ours.port, running, OUTSIDE, size(4, 1), MANY_CONNECTIONS);
    };
    const crowds = await each([{ name: 'one', cpus: [BETWEEN] }, { name: 'two', cpus: [OUTSIDE, BETWEEN] }], crowd, size(5, 1), 0, 'one process and two', log);
    const measured: Warm = { loads, crowds, latencies, steady: size(STEADY_RATE, 200), bodies, mib: bytes / 2 ** 20 };
    return report(measured);
  } finally {
    await stopPeers(host);
    await ourProcesses(host, [BETWEEN]);
  }
}

/** Measures all side by side. */
async function each<Subject extends { readonly name: string }, T>(subjects: readonly Subject[], measure: (subject: Subject) => Promise<T>, rounds: number, warmUps: number, what: string, log: (text: string) => void): Promise<Record<string, T[]>> {
  const calls = Object.fromEntries(subjects.map((subject) => [subject.name, () => measure(subject)]));
  return interleaved(rounds, calls, { warmUps, onRound: (round) => { log(`${what}, round ${round + 1} of ${rounds}`); } });
}

