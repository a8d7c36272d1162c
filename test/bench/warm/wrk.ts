/** Throughput of small requests on kept connections, and what of the CPU it costs. */
import type { TestHost } from '../../support/host.ts';
import { cpuOf } from './cpu.ts';

export interface Load {
  /** Answers a second, by the clock. */
  readonly perSecond: number;
  /** Answers for a second of CPU time, of user and kernel, of everything in the units. */
  readonly perCpuSecond: number;
}

/** Of the comparison with others. */
export const CONNECTIONS = 32;

/** As many as keep two processes busy: each has its share only, and with few there is less to write together. */
export const MANY_CONNECTIONS = 128;

/** Requests for a while, from the CPU `cpu`. @throws when an answer is not 200 */
export async function load(host: TestHost, port: number, units: readonly string[], cpu: string, seconds: number, connections = CONNECTIONS): Promise<Load> {
  const { output, cpuSeconds } = await cpuOf(host, units, `taskset -c ${cpu} wrk --threads 1 --connections ${connections} --duration ${seconds}s --header 'Host: warm.test' http://127.0.0.1:${port}/`);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`requests to port ${port} failed:\n${output}`);
  const requests = Number(/([0-9]+) requests in/.exec(output)?.[1]);
  const perSecond = Number(/Requests\/sec: *([0-9.]+)/.exec(output)?.[1]);
  if (!(requests > 0) || !(perSecond > 0)) throw new Error(`this is no report of wrk's:\n${output}`);
  return { perSecond, perCpuSecond: requests / cpuSeconds };
}
