/**
 * Carries a plan out: files first, then sockets, so that systemd never meets a unit that refers to one that is
 * not there. Each function can be repeated: a run that was cut off is finished by the next.
 */
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Subnet } from '../config/values.ts';
import { containerUnit, deepUnit, gateUnit, leaseUnit, netUnit, parseEnvFileName, parseUnitName, socketLink, socketUnit } from '../model/names.ts';
import { hasNetns } from '../model/network.ts';
import type { Generation } from '../units/render.ts';
import type { SystemdBus } from './bus.ts';
import { namesIn, writeFileAtomic } from '../files.ts';
import { linksAtomic, type NewFile, type NewLink, removeFiles, writeFilesAtomic } from '../files-many.ts';
import { allocate, networkFile, networkPair } from './network.ts';
import type { HostView } from './observe.ts';
import { doorWants, type Paths } from './paths.ts';
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
  const files: NewFile[] = [];
  const addresses = new Map<string, string>();
  const allocated = allocate([...networks.keys()], used, range);
  for (const [instance, network] of networks) {
    const index = allocated.get(instance);
    if (index === undefined) continue;
    const pair = networkPair(range, index);
    files.push({ path: join(paths.net, instance), text: networkFile(pair, network), mode: 0o600 });
    addresses.set(instance, pair.appAddress);
  }
  for (const { name, text } of leases) {
    if (!view.leaseTemplates.has(name)) files.push({ path: join(paths.units, name), text, mode: 0o644 });
  }
  for (const generation of generations) {
    // Unit files, once written, never change; each that is written again has systemd read all of them.
    const hasUnits = view.onDisk.get(generation.instance)?.complete === true;
    for (const { kind, name, text } of generation.files) {
      if (kind === 'env') files.push({ path: join(paths.env, name), text, mode: 0o600 });
      else if (!hasUnits) files.push({ path: join(paths.units, name), text, mode: 0o644 });
    }
  }
  await writeFilesAtomic(files);
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
  if (link.size === 0 && unlink.length === 0) return;
  const wants = doorWants(paths);
  if (link.size > 0) await mkdir(wants, { recursive: true });
  const before = new Map<string, string[]>();
  for (const name of await namesIn(wants)) {
    const unit = parseUnitName(name);
    if (unit?.kind === 'socket') before.set(unit.app, [...(before.get(unit.app) ?? []), name]);
  }
  const links: NewLink[] = [];
  const stale: string[] = [];
  for (const [app, instance] of link) {
    const generation = generations.get(app);
    if (generation === undefined) continue;
    const unit = socketUnit(instance);
    links.push({ target: basename(generation.socketPath), path: onHost(socketLink(app), paths) }, { target: `../${unit}`, path: join(wants, unit) });
    for (const name of before.get(app) ?? []) if (name !== unit) stale.push(join(wants, name));
  }
  for (const app of unlink) stale.push(onHost(socketLink(app), paths), ...(before.get(app) ?? []).map((name) => join(wants, name)));
  await linksAtomic(links);
  await removeFiles(stale);
}

/** Where something of /run/fastcontainer lies. */
export function onHost(path: string, paths: Paths): string {
  return join(paths.run, basename(path));
}

/** Time an app that never slept gets to finish what is on its old generation, seconds. */
const LAST_LEASE_S = 600;

/**
 * One step of letting generations go; those of which nothing runs any more, together at the end: each change of the
 * folder has systemd read all of it again with the next unit that it loads.
 * @returns those that could not be let go
 */
export async function retire(retirements: readonly Retirement[], lastLease: LeaseFile, view: HostView, paths: Paths, manager: SyncManager): Promise<readonly { retirement: Retirement; cause: unknown }[]> {
  const failed: { retirement: Retirement; cause: unknown }[] = [];
  const ended = { kept: new Set<string>(), gone: new Set<string>() };
  if (retirements.some(({ endLease }) => endLease !== null)) await writeFileAtomic(join(paths.units, lastLease.name), lastLease.text, { mode: 0o644 });
  await eachParallel(retirements, async (retirement) => {
    try {
      await stopUnits(retirement, view, manager);
      if (retirement.remove) ended.gone.add(retirement.instance);
      else if (retirement.waitingFor === 'ended') ended.kept.add(retirement.instance);
    } catch (cause) {
      failed.push({ retirement, cause });
    }
  });
  await removeGenerations(ended, paths);
  return failed;
}

async function stopUnits({ instance, closeSocket, endLease, remove, waitingFor }: Retirement, { namespaces, states }: HostView, manager: SyncManager): Promise<void> {
  if (closeSocket) {
    await manager.run('stop', socketUnit(instance), UNIT_TIMEOUT_MS);
    // A socket that hit its trigger limit is failed, and stays so when stopped.
    await manager.resetFailed(socketUnit(instance));
  }
  if (endLease !== null) {
    await manager.run('start', leaseUnit(LAST_LEASE_S, instance), UNIT_TIMEOUT_MS);
    await manager.run('stop', endLease, UNIT_TIMEOUT_MS);
  }
  if (!remove && waitingFor !== 'ended') return;
  if (namespaces.has(instance)) await manager.run('start', deepUnit(instance), UNIT_TIMEOUT_MS);
  for (const unit of [containerUnit(instance), gateUnit(instance), netUnit(instance)]) if (remove || states.get(unit) === 'failed') await manager.resetFailed(unit);
}

/** Everything of those that are `gone`; of those that are `kept`, all but their unit files, which are of no use alone. */
async function removeGenerations({ kept, gone }: { readonly kept: ReadonlySet<string>; readonly gone: ReadonlySet<string> }, paths: Paths): Promise<void> {
  const ended = new Set([...kept, ...gone]);
  if (ended.size === 0) return;
  await removeFiles([
    // The addresses first: they tell whether a generation has all that it needs.
    ...[...ended].flatMap((instance) => [paths.net, paths.visits, paths.rows].map((folder) => join(folder, instance))),
    ...(await namesIn(paths.env)).filter((name) => ended.has(parseEnvFileName(name)?.instance ?? '')).map((name) => join(paths.env, name)),
    ...[...gone].flatMap((instance) => [socketUnit(instance), gateUnit(instance), containerUnit(instance)].map((unit) => join(paths.units, unit))),
  ]);
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
