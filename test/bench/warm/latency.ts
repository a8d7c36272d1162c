/** Latencies under a steady load: steady.ts on the host. */
import { fileURLToPath } from 'node:url';
import { quantile } from '../statistics.ts';
import type { TestHost } from '../../support/host.ts';

const STEADY = fileURLToPath(new URL('steady.ts', import.meta.url));

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** Requests to an address at `rate` a second, from the CPU `cpu`. Milliseconds. */
export async function latency(host: TestHost, where: string, cpu: string, rate: number, seconds: number): Promise<Latency> {
  const [address = '', port = ''] = where.split(':');
  const output = await host.ok(`taskset -c ${cpu} ${process.execPath} --import ${import.meta.resolve('tsx')} ${STEADY} ${address} ${port} warm.test ${rate} ${seconds}`, { timeoutMs: 60_000 });
  const times = JSON.parse(output) as number[];
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}
