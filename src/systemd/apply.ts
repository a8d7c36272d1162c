/**
 * Carries a plan out: files first, then sockets, so that systemd never meets a unit that refers to one that is
 * not there. Each function can be repeated: a run that was cut off is finished by the next.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Subnet } from '../config/values.ts';
import { containerUnit, gateUnit, leaseUnit, netUnit, parseEnvFileName, socketLink, socketUnit } from '../model/names.ts';
import { hasNetns } from '../model/network.ts';
import type { Generation } from '../units/render.ts';
import type { SystemdBus } from './bus.ts';
import { linkAtomic, namesIn, writeFileAtomic } from '../files.ts';
import { allocate, networkFile, networkPair } from './network.ts';
import type { HostView } from './observe.ts';
import { type Paths, wantsDir } from './paths.ts';
import type { Plan, Retirement } from './plan.ts';

/** What fc-sync asks of systemd. */
export type SyncManager = Pick<SystemdBus, 'run' | 'list' | 'statesOf' | 'evidence' | 'activeForMs' | 'resetFailed'>;

/** Closing or opening a socket takes PID 1 a millisecond; this long only when it is busy with somebody's reload. */
export const UNIT_TIMEOUT_MS = 60_000;

/** How many jobs are asked of systemd at once: it works one by one, more would only wait there. */
const PARALLEL_JOBS = 16;

/** An app's lease template must be there before its first request. */
export interface LeaseFile {
  readonly name: string;
  readonly text: string;
}

/** Something that could not be done; the rest goes on. */
export interface Failed {
  /** The app or unit. */
  readonly subject: string;
  readonly what: string;
  readonly cause: unknown;
}

/**
 * Writes networks, leases, environments and units, in this order.
 * @returns the addresses of the generations that got a network now
 */
export async function writeGenerations(
  generations: readonly Generation[], leases: readonly LeaseFile[], view: HostView, range: Subnet, paths: Paths,
): Promise<ReadonlyMap<string, string>> {
  const networks = new Map(generations.flatMap(({ instance, network }) => (hasNetns(network) ? [[instance, network] as const] : [])));
  const used = new Map([...view.networks].map(([instance, network]) => [instance, network.index]));
  const addresses = new Map<string, string>();
  const allocated = allocate([...networks.keys()], used, range);
  for (const [instance, network] of networks) {
    const index = allocated.get(instance);
    if (index === undefined) continue;
    const pair = networkPair(range, index);
    await writeFileAtomic(join(paths.net, instance), networkFile(pair, network), { mode: 0o600 });
    addresses.set(instance, pair.appAddress);
  }
  for (const lease of leases) {
    if (!view.leaseTemplates.has(lease.name)) await writeFileAtomic(join(paths.units, lease.name), lease.text, { mode: 0o644 });
  }
  for (const { files } of generations) {
    for (const file of files) {
      const secret = file.kind === 'env';
      await writeFileAtomic(join(secret ? paths.env : paths.units, file.name), file.text, { mode: secret ? 0o600 : 0o644 });
    }
  }
  return addresses;
}

export async function startUnits(units: readonly string[], manager: SyncManager): Promise<readonly { unit: string; cause: unknown }[]> {
  const failed: { unit: string; cause: unknown }[] = [];
  await eachParallel(units, async (unit) => {
    try {
      const result = await manager.run('start', unit, UNIT_TIMEOUT_MS);
      if (result !== 'done') failed.push({ unit, cause: new Error(`the job ended ${result}`) });
    } catch (cause) {
      failed.push({ unit, cause });
    }
  });
  return failed;
}

/** Points the names that other programs use at what serves, and takes away those of apps that are gone. */
export async function updateLinks({ link, unlink }: Pick<Plan, 'link' | 'unlink'>, generations: ReadonlyMap<string, { socketPath: string }>, paths: Paths): Promise<void> {
  const wants = wantsDir(paths);
  if (link.size > 0) await mkdir(wants, { recursive: true });
  const wanted = await namesIn(wants);
  const dropWants = async (app: string, except: string): Promise<void> => {
    const prefix = socketUnit(`${app.replaceAll('-', '_')}-`).slice(0, -'.socket'.length);
    for (const name of wanted) {
      if (name.startsWith(prefix) && name !== except) await rm(join(wants, name), { force: true });
    }
  };
  for (const [app, instance] of link) {
    const generation = generations.get(app);
    if (generation === undefined) continue;
    await linkAtomic(generation.socketPath.slice(generation.socketPath.lastIndexOf('/') + 1), onHost(socketLink(app), paths));
    const unit = socketUnit(instance);
    await linkAtomic(`../${unit}`, join(wants, unit));
    await dropWants(app, unit);
  }
  for (const app of unlink) {
    await rm(onHost(socketLink(app), paths), { force: true });
    await dropWants(app, '');
  }
}

/** Where something of /run/fastcontainer lies. */
export function onHost(path: string, paths: Paths): string {
  return join(paths.run, path.slice(path.lastIndexOf('/') + 1));
}

/** Time an app that never slept gets to finish what is on its old generation, seconds. */
const LAST_LEASE_S = 600;

/** One step of letting a generation go. */
export async function retire(retirement: Retirement, lastLease: LeaseFile, paths: Paths, manager: SyncManager): Promise<void> {
  const { instance } = retirement;
  if (retirement.closeSocket) {
    await manager.run('stop', socketUnit(instance), UNIT_TIMEOUT_MS);
    // A socket that hit its trigger limit is failed, and stays so when stopped.
    await manager.resetFailed(socketUnit(instance));
  }
  if (retirement.endLease !== null) {
    await writeFileAtomic(join(paths.units, lastLease.name), lastLease.text, { mode: 0o644 });
    await manager.run('start', leaseUnit(LAST_LEASE_S, instance), UNIT_TIMEOUT_MS);
    await manager.run('stop', retirement.endLease, UNIT_TIMEOUT_MS);
  }
  if (!retirement.remove) return;
  await manager.run('stop', netUnit(instance), UNIT_TIMEOUT_MS);
  for (const unit of [containerUnit(instance), gateUnit(instance), netUnit(instance)]) await manager.resetFailed(unit);
  for (const unit of [socketUnit(instance), gateUnit(instance), containerUnit(instance)]) await rm(join(paths.units, unit), { force: true });
  for (const folder of [paths.net, paths.visits]) await rm(join(folder, instance), { force: true });
  for (const name of await namesIn(paths.env)) {
    if (parseEnvFileName(name)?.instance === instance) await rm(join(paths.env, name), { force: true });
  }
}

/** Idle time of the lease that `retire` may need, seconds. */
export const RETIRING_LEASE_S = LAST_LEASE_S;

/** Does `work` for each item, a few at a time. */
export async function eachParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_JOBS, items.length) }, worker));
}
