/** What apps cost in memory: kilobytes of PID 1, fc-proxy and the kernel, and of what stands beside an app that is awake. */
import { writeFile } from 'node:fs/promises';
import type { TestHost } from '../../support/host.ts';

export interface Memory {
  readonly pid1: number;
  readonly proxy: number;
  readonly kernel: number;
}

/** Has the machine's kernel give back what it keeps of names and inodes that nobody uses (proc(5), drop_caches): what is left is needed. */
export async function dropCaches(): Promise<void> {
  await writeFile('/proc/sys/vm/drop_caches', '2');
}

/** Shares of pages that are mapped several times are counted in parts (PSS, proc(5)); the kernel's is its slab, of the whole machine. */
export async function memoryOf(host: TestHost): Promise<Memory> {
  const text = await host.ok(`
    awk '/^Pss:/ { print $2 }' /proc/1/smaps_rollup
    for pid in $(pgrep -u fc-proxy); do awk '/^Pss:/ { print $2 }' /proc/$pid/smaps_rollup; done | awk '{ sum += $1 } END { print sum + 0 }'
    awk '/^Slab:/ { print $2 }' /proc/meminfo`);
  const [pid1 = NaN, proxy = NaN, kernel = NaN] = text.trim().split('\n').map(Number);
  return { pid1, proxy, kernel };
}

/** For each of `apps` apps, what there is more than without any. */
export function perApp(memory: Memory, before: Memory, apps: number): Memory {
  return { pid1: (memory.pid1 - before.pid1) / apps, proxy: (memory.proxy - before.proxy) / apps, kernel: (memory.kernel - before.kernel) / apps };
}

export function sumOf({ pid1, proxy, kernel }: Memory): number {
  return pid1 + proxy + kernel;
}

/** What the units of awake apps run besides the app, PSS in kilobytes: its name and, for each app, how much. */
export async function besideApps(host: TestHost, units: readonly string[], app: string): Promise<ReadonlyMap<string, number>> {
  const text = await host.ok(`
    for unit in ${units.join(' ')}; do
      for pid in $(find "/sys/fs/cgroup$(systemctl show --property=ControlGroup --value $unit)" -name cgroup.procs -exec cat {} +); do
        printf '%s ' "$(cat /proc/$pid/comm)"; awk '/^Pss:/ { print $2 }' /proc/$pid/smaps_rollup
      done
    done`);
  const sums = new Map<string, number>();
  for (const [, name = '', kilobytes = ''] of text.matchAll(/^(.+) ([0-9]+)$/gm)) {
    if (name !== app) sums.set(name, (sums.get(name) ?? 0) + Number(kilobytes));
  }
  return new Map([...sums].map(([name, sum]) => [name, sum / units.length]));
}
