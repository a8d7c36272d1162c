/** What was measured of warm requests → tables, targets and plots. Pure. */
import type { Measured, Target } from '../result.ts';
import { median, ratio } from '../statistics.ts';
import type { Direction, Transfer } from './bodies.ts';
import type { Latency } from './latency.ts';
import { CONNECTIONS, MANY_CONNECTIONS, type Load } from './wrk.ts';

export const OURS = 'fc-proxy';
const APP = 'the app itself';

/** By subject, a value for each round. */
type Rounds<T> = Readonly<Record<string, readonly T[]>>;

export interface Warm {
  readonly loads: Rounds<Load>;
  /** `one` process of fc-proxy and `two`, with many connections. */
  readonly crowds: Rounds<Load>;
  /** By requests a second. */
  readonly latencies: Readonly<Record<string, Rounds<Latency>>>;
  /** The rate of the targets. */
  readonly steady: number;
  readonly bodies: Readonly<Record<Direction, Rounds<Transfer>>>;
  /** Size of a large body. */
  readonly mib: number;
}

const of = <T>(rounds: Rounds<T>, name: string, value: (one: T) => number): number[] => (rounds[name] ?? []).map(value);
const perSecond = ({ perSecond: value }: Load): number => value;
const perCpuSecond = ({ perCpuSecond: value }: Load): number => value;
const speed = ({ mibPerSecond }: Transfer): number => mibPerSecond;
const p50 = (one: Latency): number => one.p50;
const p99 = (one: Latency): number => one.p99;

export function report({ loads, crowds, latencies, steady, bodies, mib }: Warm): Measured {
  const one = loads[OURS] ?? [];
  const calm = latencies[steady] ?? {};
  const added = (value: (one: Latency) => number, name = OURS): number => median(of(calm, name, value)) - median(of(calm, APP, value));
  const twice = 2 * ratio(of(crowds, 'two', perCpuSecond), of(crowds, 'one', perCpuSecond));
  const target = (what: string, measure: string, measured: number, reach: Target['reach'], stretch: Target['stretch'], unit = ''): Target => ({ what, measure, measured, unit, reach, stretch });
  return {
    title: 'Warm requests',
    about: [
      `An app that is awake: nginx in a container, with a page of 100 bytes. The app and the client (wrk with ${CONNECTIONS} connections that are kept; curl) share one CPU, everything between them has another to itself: one process or thread of each subject, none of which logs. All of them reach the app over the same veth pair. fc-proxy is the one of the host, under a lease, as it is installed. Medians of ${one.length} rounds, all subjects in each, in changing order.`,
      'CPU time is that of all processes of the subject, user and kernel, as /proc/<pid>/stat has it. socket-proxyd copies bytes and knows no HTTP; it is what a door to a sleeping app costs without fc-proxy.',
      `Latencies: requests at a steady rate, whatever becomes of those before, each from when it was due until the last byte of its answer (an open loop: a request that waits because its predecessors are late has waited). "Added" is what is more than with the app asked directly by the same client at the same rate.`,
      `Two processes: the client and the app take much of the two CPUs of a small machine, so that the clock says little there. What is compared is what the processes' own CPU time would give: twice the requests for a second of it, with one on each CPU, to those of one process on one. Both have ${MANY_CONNECTIONS} connections, as many as keep two busy.`,
    ],
    targets: [
      target('warm, throughput', "requests per CPU-second of everything between client and app ÷ Caddy's reverse_proxy", ratio(of(loads, OURS, perCpuSecond), of(loads, 'Caddy', perCpuSecond)), { atLeast: 1.7 }, { atLeast: 2.5 }),
      target('warm, throughput', 'the proxy alone pinned to one core ÷ Caddy', ratio(of(loads, OURS, perSecond), of(loads, 'Caddy', perSecond)), { atLeast: 1.8 }, null),
      target('warm, throughput', 'the proxy alone pinned to one core ÷ nginx', ratio(of(loads, OURS, perSecond), of(loads, 'nginx', perSecond)), null, { atLeast: 0.6 }),
      target('warm, throughput', 'two processes on two cores ÷ one, by their CPU time', twice, { atLeast: 1.8 }, null),
      target('warm, latency', `p50 added over the app itself at a steady ${steady} requests/s`, added(p50), { atMost: 0.4 }, { atMost: 0.2 }, 'ms'),
      target('warm, latency', `p99 added over the app itself at a steady ${steady} requests/s`, added(p99), { atMost: 3 }, { atMost: 1 }, 'ms'),
      ...(['down', 'up'] as const).map((direction) => target(`large bodies, ${direction}`, 'throughput ÷ nginx', ratio(of(bodies[direction], OURS, speed), of(bodies[direction], 'nginx', speed)), { atLeast: 0.7 }, { atLeast: 0.9 })),
    ],
    plots: [
      { kind: 'bars', name: 'throughput', title: 'Small requests on one CPU', unit: 'requests/s', groups: Object.keys(loads), series: [
        { name: 'by the clock', values: Object.keys(loads).map((name) => median(of(loads, name, perSecond))) },
        { name: 'for a CPU-second', values: Object.keys(loads).map((name) => median(of(loads, name, perCpuSecond))) },
      ] },
      ...([['p50', p50], ['p99', p99]] as const).map(([name, value]) => ({
        kind: 'lines' as const, name: `latency-${name}`, title: `Latency under load, ${name}`, x: { label: 'requests a second', unit: '', log: true }, y: { label: name, unit: 'ms', log: true },
        series: Object.keys(calm).map((subject) => ({
          name: subject,
          points: Object.entries(latencies).map(([rate, rounds]): [number, number] => [Number(rate), median(of(rounds, subject, value))]),
        })),
      })),
    ],
    tables: [
      {
        title: `Small requests, ${CONNECTIONS} connections`, columns: ['subject', 'requests/s', '÷ Caddy', '÷ nginx', 'requests per CPU-second', '÷ Caddy', '÷ nginx'],
        rows: Object.keys(loads).map((name) => rowOf(name, of(loads, name, perSecond), of(loads, name, perCpuSecond), loads)),
      },
      {
        title: `fc-proxy with ${MANY_CONNECTIONS} connections`, columns: ['processes', 'requests/s', 'requests per CPU-second'],
        rows: Object.keys(crowds).map((name) => [name, median(of(crowds, name, perSecond)), median(of(crowds, name, perCpuSecond))]),
      },
      {
        title: `Latency at ${steady} requests a second`, columns: ['subject', 'p50, ms', 'p99, ms', 'p50 added, ms', 'p99 added, ms'],
        rows: Object.keys(calm).map((name) => [name, median(of(calm, name, p50)), median(of(calm, name, p99)), added(p50, name), added(p99, name)]),
      },
      ...(['down', 'up'] as const).map((direction) => ({
        title: `Bodies of ${mib} MiB, ${direction}`, columns: ['subject', 'MiB/s', '÷ nginx', 'CPU, ms for a GiB'],
        rows: Object.keys(bodies[direction]).map((name) => [name, median(of(bodies[direction], name, speed)), ratio(of(bodies[direction], name, speed), of(bodies[direction], 'nginx', speed)), median(of(bodies[direction], name, ({ cpuMsPerGib }) => cpuMsPerGib))]),
      })),
    ],
    findings: [
      // By perf, of uploads of 256 MiB through fc-proxy as it is installed, on the machine of the figures above.
      'What stands in the way of uploads is node\'s parser of requests: it copies each part of a body, up to 64 KiB, into memory of its own. Of the time, 70 % is the kernel\'s, a quarter of that faults on pages of such memory, which is given back and taken anew (`exc_page_fault`, `clear_page_erms`, `do_anonymous_page`, `unmap_page_range`); V8\'s marking, which all this memory sets off, is 10 to 15 %. Downloads have neither, as what is read of them is read into the same memory again. Tried, with no gain beyond the noise: larger and smaller young generations, collections of the young generation after every 4 to 32 MiB, malloc\'s thresholds, one arena. Without incremental marking it takes a fifth less CPU time, but each full collection is then one pause, which a proxy should not have.',
    ],
  };
}

function rowOf(name: string, wall: readonly number[], cpu: readonly number[], loads: Rounds<Load>): (string | number)[] {
  const to = (values: readonly number[], peer: string, value: (one: Load) => number): number => ratio(values, of(loads, peer, value));
  return [name, median(wall), to(wall, 'Caddy', perSecond), to(wall, 'nginx', perSecond), median(cpu), to(cpu, 'Caddy', perCpuSecond), to(cpu, 'nginx', perCpuSecond)];
}
