/** Large bodies, one at a time, from the app and to it. */
import type { TestHost } from '../../support/host.ts';
import { cpuOf } from './cpu.ts';

export interface Transfer {
  readonly mibPerSecond: number;
  /** CPU time of everything between client and app, for a GiB. */
  readonly cpuMsPerGib: number;
}

export type Direction = 'down' | 'up';

/** A body of `bytes`, by curl on the CPU `cpu`. Up: to the app whose domain is warm-sink.test. */
export async function transfer(host: TestHost, direction: Direction, port: number, units: readonly string[], cpu: string, bytes: number): Promise<Transfer> {
  const what = direction === 'down'
    ? `--header 'Host: warm.test' http://127.0.0.1:${port}/big`
    // Expect: would make those that answer it, and those that do not, wait differently.
    : `--header 'Host: warm-sink.test' --header 'Expect:' --upload-file /srv/fastcontainer/warm-app/www/big http://127.0.0.1:${port}/`;
  const { output, cpuSeconds } = await cpuOf(host, units, `taskset -c ${cpu} curl --silent --show-error --fail --output /dev/null --write-out 'moved %{size_${direction === 'down' ? 'download' : 'upload'}} in %{time_total}\\n' ${what}`);
  const [, moved = '', seconds = ''] = /moved ([0-9]+) in ([0-9.]+)/.exec(output) ?? [];
  if (Number(moved) !== bytes) throw new Error(`${moved} bytes of ${bytes} went ${direction} by port ${port}:\n${output}`);
  return { mibPerSecond: bytes / 2 ** 20 / Number(seconds), cpuMsPerGib: cpuSeconds * 1000 * 2 ** 30 / bytes };
}
