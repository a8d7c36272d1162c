/** CPU time that units spend while a command runs. */
import type { TestHost } from '../../support/host.ts';

const TICKS_A_SECOND = 100; // getconf CLK_TCK, on every Linux

/** `cpuSeconds`: user and kernel, of all processes in the units, at least one tick. */
export async function cpuOf(host: TestHost, units: readonly string[], command: string): Promise<{ readonly output: string; readonly cpuSeconds: number }> {
  const output = await host.ok(`
    ticks() {
      for unit in ${units.join(' ')}; do
        group=$(systemctl show -P ControlGroup $unit)
        [[ -z $group ]] || sed 's/^/\\/proc\\//; s/$/\\/stat/' /sys/fs/cgroup$group/cgroup.procs
      done | xargs -r cat | sed 's/.*) //' | awk '{ sum += $12 + $13 } END { print sum + 0 }'
    }
    before=$(ticks)
    ${command}
    echo "ticks $(( $(ticks) - before ))"
  `, { timeoutMs: 300_000 });
  const ticks = Number(/^ticks ([0-9]+)$/m.exec(output)?.[1]);
  if (!Number.isFinite(ticks)) throw new Error(`no CPU time of ${units.join(', ')}`);
  return { output, cpuSeconds: Math.max(1, ticks) / TICKS_A_SECOND };
}

/** Has everything in a unit run on one CPU. */
export async function pin(host: TestHost, unit: string, cpu: string): Promise<void> {
  await host.ok(`for pid in $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup ${unit})/cgroup.procs); do taskset -a -c -p ${cpu} $pid >/dev/null; done`);
}
