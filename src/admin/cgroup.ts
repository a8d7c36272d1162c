/**
 * What a unit's cgroup uses now. Read by hundreds a second on a dense host, so at once: the kernel makes each of these
 * files as it is read, in microseconds, and no disk is asked.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Use {
  /** Null: not known. */
  readonly bytes: number | null;
  readonly cpuUs: number | null;
}

/** cgroup_namespaces(7): where this machine's tree is seen. */
const ROOT = '/sys/fs/cgroup';

/** @param cgroup as systemd names it, `/fc.slice/…`; null: it has ended */
export function useOf(cgroup: string, root = ROOT, proc = '/proc'): Use | null {
  const folder = join(root, cgroup);
  const stat = textOf(join(folder, 'cpu.stat'));
  if (stat === null) return null;
  const cpu = /^usage_usec ([0-9]+)$/m.exec(stat)?.[1];
  const memory = textOf(join(folder, 'memory.current'));
  return { bytes: memory === null ? residentBytes(folder, proc) : Number(memory), cpuUs: cpu === undefined ? null : Number(cpu) };
}

/** Where the kernel does not count memory by cgroup (cgroup_disable=memory): what its processes have in memory, what they share once for each. */
function residentBytes(folder: string, proc: string): number | null {
  const pids = processes(folder);
  if (pids === null) return null;
  const sizes = pids.flatMap((pid) => /^VmRSS:\s*([0-9]+) kB$/m.exec(textOf(join(proc, pid, 'status')) ?? '')?.[1] ?? []);
  return sizes.length === 0 ? null : sizes.reduce((bytes, kilobytes) => bytes + 1024 * Number(kilobytes), 0);
}

/** Of the cgroup and all below it; null: it has ended. */
function processes(folder: string): readonly string[] | null {
  const own = textOf(join(folder, 'cgroup.procs'));
  if (own === null) return null;
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own.split('\n').filter((pid) => pid !== ''), ...below.flatMap(({ name }) => processes(join(folder, name)) ?? [])];
}

/** Null: it is not there, or not any more (ENODEV: the cgroup went while it was read). */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
