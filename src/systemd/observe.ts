/** What is on this host: unit files and links from the disk, states from systemd. Reads only. */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  instanceName, isAppName, parseImageId, parseInstance, parseLeaseTemplate, parseNetnsName, parsePort, parsePortUnit, parseSocketPath, parseUnitName, socketUnit, type UnitKind,
} from '../model/names.ts';
import { printable } from '../model/printable.ts';
import { ifThere, namesIn } from '../files.ts';
import { readFiles, readLinks } from '../files-many.ts';
import { CLOSING } from './apply-sleep.ts';
import type { Manager } from './manager.ts';
import { type NetworkPair, parseNetworkFile } from './network.ts';
import { type Paths, visitsSince, wantsDir } from './paths.ts';
import type { Observed } from './plan.ts';
import type { ObservedPort } from './plan-ports.ts';

export interface HostView extends Observed {
  /** Names of sockets that a run which was cut off was about to close. */
  readonly closing: readonly string[];
  /** Names of lease templates that are there. */
  readonly leaseTemplates: ReadonlySet<string>;
  /** Network of each generation that has one. */
  readonly networks: ReadonlyMap<string, Pick<NetworkPair, 'index' | 'appAddress'>>;
}

const UNIT_KINDS: readonly UnitKind[] = ['socket', 'gate', 'container'];

/**
 * @param before what was seen last, if that was lately: the network of a generation never changes, and need not be read again
 * @throws SystemdError, or the file system's error
 */
export async function observe(paths: Paths, manager: Pick<Manager, 'list'>, before: Pick<HostView, 'networks'> | null = null): Promise<HostView> {
  const [unitFiles, networks, links, ports, states, images, visited, namespaces, doors] = await Promise.all([
    namesIn(paths.units), readNetworks(paths.net, before?.networks ?? new Map()), readDoors(paths), readPorts(paths),
    manager.list(['fc-app-*', 'fc-ctr-*', 'fc-lease-*', 'fc-refuse@*', 'fc-image@*', 'fc-port@*']),
    readImages(paths), namesIn(paths.visits), namesIn(paths.netns), namesIn(paths.run),
  ]);
  const kinds = new Map<string, Set<UnitKind>>();
  for (const file of unitFiles) {
    const name = parseUnitName(file);
    if (name === null) continue;
    const there = kinds.get(name.instance) ?? new Set();
    kinds.set(name.instance, there.add(name.kind));
  }
  return {
    onDisk: new Map([...kinds].map(([instance, there]) => [instance, { complete: UNIT_KINDS.every((kind) => there.has(kind)) }])),
    states: new Map(states.map(({ unit, activeState }) => [unit, activeState])),
    links,
    images,
    ports,
    visits: readVisits([...kinds.keys()], new Set(visited), paths),
    namespaces: new Set(namespaces.map(parseNetnsName).filter((instance) => instance !== null)),
    closing: doors.filter((name) => name.endsWith(CLOSING)),
    leaseTemplates: new Set(unitFiles.filter((file) => parseLeaseTemplate(file) !== undefined)),
    networks,
  };
}

/** Instance → when it was made or, if that is later, when its container ended last; ms since the epoch. */
function readVisits(instances: readonly string[], visited: ReadonlySet<string>, paths: Paths): ReadonlyMap<string, number> {
  // One by one, but a tenth of what Node's threads would need: the kernel has all of it in memory.
  const timeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const since = timeOf(visitsSince(paths));
  return new Map(instances.map((instance) => {
    const made = Math.max(since, timeOf(join(paths.units, socketUnit(instance))));
    return [instance, visited.has(instance) ? Math.max(made, timeOf(join(paths.visits, instance))) : made];
  }));
}

async function readImages(paths: Paths): Promise<Observed['images']> {
  const ids = (names: readonly string[]): readonly string[] => names.filter((name) => parseImageId(name) === name);
  const failures = new Map<string, string>();
  for (const id of ids(await namesIn(paths.imageFailures))) {
    const why = await ifThere(readFile(join(paths.imageFailures, id), 'utf8'));
    if (why !== null) failures.set(id, printable(why.trim(), 400));
  }
  return { known: new Set(ids(await namesIn(paths.images))), failures };
}

async function readNetworks(folder: string, before: HostView['networks']): Promise<HostView['networks']> {
  const networks = new Map<string, Pick<NetworkPair, 'index' | 'appAddress'>>();
  const unread: string[] = [];
  for (const instance of await namesIn(folder)) {
    const known = before.get(instance);
    if (known !== undefined) networks.set(instance, known);
    else if (parseInstance(instance) !== null) unread.push(instance);
  }
  for (const [instance, text] of await readFiles(folder, unread)) {
    const network = parseNetworkFile(text);
    if (network !== null) networks.set(instance, network);
  }
  return networks;
}

/** App → instance; '' where the two links of an app disagree or one is missing. */
async function readDoors(paths: Paths): Promise<ReadonlyMap<string, string>> {
  const wanted = new Map<string, string>();
  for (const name of await namesIn(wantsDir(paths))) {
    const unit = parseUnitName(name);
    if (unit?.kind === 'socket') wanted.set(unit.app, wanted.has(unit.app) ? '' : unit.instance);
  }
  const appOf = (name: string): string => name.slice(0, -'.sock'.length);
  const doors = new Map<string, string>();
  // The folder holds sockets too: what is a link by that name leads to one of them.
  for (const [name, target] of await readLinks(paths.run, (link) => link.endsWith('.sock') && isAppName(appOf(link)))) {
    const app = appOf(name);
    doors.set(app, instanceName(app, target.slice(app.length + 1, -'.sock'.length)));
  }
  const apps = new Set([...wanted.keys(), ...doors.keys()]);
  return new Map([...apps].map((app) => {
    const instance = wanted.get(app);
    return [app, instance !== undefined && instance === doors.get(app) ? instance : ''];
  }));
}

/** Ports that have a link, or a link that opens them at boot. */
async function readPorts(paths: Paths): Promise<ReadonlyMap<number, ObservedPort>> {
  const ports = new Map<number, ObservedPort>();
  for (const [name, target] of await readLinks(paths.ports, (link) => parsePort(link) !== null)) {
    ports.set(Number(name), { instance: parseSocketPath(target), atBoot: false });
  }
  for (const name of await namesIn(wantsDir(paths))) {
    const port = parsePortUnit(name);
    if (port !== null) ports.set(port, { instance: ports.get(port)?.instance ?? null, atBoot: true });
  }
  return ports;
}
