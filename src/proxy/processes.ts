/** How many processes of fc-proxy share its ports, and what one of them may do of what the host may. Pure. */

/** More than this no machine needs by itself. */
const MOST_AUTO = 8;
/** What a process takes is about a sixth of it: the apps are to have the memory. */
const MEMORY_EACH = 512 * 2 ** 20;

/** @param memory of the machine, in bytes */
export function processCount(setting: number | 'auto', cpus: number, memory: number): number {
  return setting === 'auto' ? Math.max(1, Math.min(MOST_AUTO, cpus, Math.floor(memory / MEMORY_EACH))) : setting;
}

/** A process's part of a bound that holds for the host. */
export function share(bound: number, processes: number): number {
  return Math.max(1, Math.floor(bound / processes));
}
