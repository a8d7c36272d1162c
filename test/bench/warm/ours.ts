/** fc-proxy on the host, with as many processes as are wanted, each on a CPU. */
import type { TestHost } from '../../support/host.ts';
import { pin } from './cpu.ts';

export const INI = '/etc/fastcontainer/fastcontainer.ini';

/** Has fc-proxy run as many processes as there are CPUs given, the first on the first. @returns their units */
export async function ourProcesses(host: TestHost, cpus: readonly string[]): Promise<string[]> {
  const units = cpus.map((_, index) => (index === 0 ? 'fc-proxy.service' : `fc-proxy@${index + 1}.service`));
  await host.ok(`
    sed -i '/^processes *=/d; s/^\\[proxy\\]$/&\\nprocesses = ${cpus.length}/' ${INI}
    grep -q '^processes' ${INI} || printf '[proxy]\\nprocesses = ${cpus.length}\\n' >>${INI}
    systemctl restart fc-proxy.service
  `);
  await host.until(async () => {
    const running = (await host.ok("systemctl list-units --plain --no-legend --state=active 'fc-proxy*.service' | cut -d' ' -f1")).trim().split('\n').sort();
    // One that drains is in the unit as well, and what it has used would be missing when it has ended.
    const processes = Number(await host.ok("pgrep --count --full 'dist/bin/fc-proxy.js' || true"));
    return (running.join() === [...units].sort().join() && processes === units.length) || `there are ${running.join()}, ${processes} processes`;
  }, { timeoutMs: 30_000, what: `fc-proxy runs in ${units.join(', ')}` });
  await host.until(async () => {
    const { status } = await host.request('warm.test', '/');
    return status === 200 || `the answer is ${status}`;
  }, { timeoutMs: 30_000, what: 'fc-proxy serves' });
  for (const [index, unit] of units.entries()) await pin(host, unit, cpus[index] ?? '0');
  return units;
}
