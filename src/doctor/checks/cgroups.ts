import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../files.ts';
import { parseUnitName } from '../../model/names.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding, warning } from '../finding.ts';
import { showUnits } from '../units.ts';

/** What the limits of apps need, and the columns that say them. */
export const CONTROLLERS: ReadonlyMap<string, string> = new Map([['memory', 'memory_max'], ['cpu', 'cpu_quota'], ['pids', 'tasks_max']]);

export interface CgroupFacts {
  readonly isUnified: boolean;
  /** That the kernel has for this system. */
  readonly controllers: readonly string[];
  /** Containers that run, and the controllers of their cgroups. */
  readonly containers: readonly { readonly unit: string; readonly controllers: readonly string[] }[];
}

export function judgeCgroups({ isUnified, controllers, containers }: CgroupFacts): readonly Finding[] {
  if (!isUnified) return [error('/sys/fs/cgroup is no cgroup v2 hierarchy', 'no container starts', advice('add systemd.unified_cgroup_hierarchy=1 to the kernel command line (GRUB_CMDLINE_LINUX), and reboot'))];
  return [...CONTROLLERS].flatMap(([controller, column]): Finding[] => {
    if (!controllers.includes(controller)) {
      return [warning(`the cgroup controller ${controller} is not available here`, `apps.${column} has no effect: one app may take what others need`, advice(controller === 'memory' ? 'add cgroup_enable=memory to the kernel command line, and reboot; within a container or a small virtual machine, ask who runs that' : 'see /proc/cgroups and the kernel command line; within a container, ask who runs that'))];
    }
    const without = containers.find((container) => !container.controllers.includes(controller));
    if (without === undefined) return [];
    return [warning(`the cgroup of ${without.unit} lacks the controller ${controller}`, `apps.${column} has no effect on it`, command(`systemctl set-property fc.slice ${ACCOUNTING[controller] ?? ''}=yes`))];
  });
}

const ACCOUNTING: Readonly<Record<string, string>> = { memory: 'MemoryAccounting', cpu: 'CPUAccounting', pids: 'TasksAccounting' };

/** CGROUP2_SUPER_MAGIC, statfs(2). */
const CGROUP2 = 0x63677270;
/** They are all alike. */
const MOST_CONTAINERS = 20;

export default check<CgroupFacts>({
  id: 'cgroups',
  looksAt: 'cgroup v2, and its controllers for the limits of apps: memory, cpu, pids',
  look: async (host) => {
    const running = [...(await host.units()).values()].filter(({ unit, active }) => active === 'active' && parseUnitName(unit)?.kind === 'container').slice(0, MOST_CONTAINERS).map(({ unit }) => unit);
    const shown = running.length === 0 ? new Map<string, ReadonlyMap<string, string>>() : await showUnits(running, ['ControlGroup']);
    const containers = await Promise.all(running.map(async (unit) => ({ unit, controllers: await controllersOf(shown.get(unit)?.get('ControlGroup') ?? '') })));
    return {
      isUnified: (await statfs('/sys/fs/cgroup')).type === CGROUP2,
      controllers: await controllersOf('/') ?? [],
      // One that has ended since has none.
      containers: containers.flatMap(({ unit, controllers }) => (controllers === null ? [] : [{ unit, controllers }])),
    };
  },
  judge: judgeCgroups,
});

async function controllersOf(cgroup: string): Promise<readonly string[] | null> {
  const text = await ifThere(readFile(join('/sys/fs/cgroup', cgroup, 'cgroup.controllers'), 'utf8'));
  return text?.trim().split(' ').filter((name) => name !== '') ?? null;
}
