/**
 * What is on this host: unit files and links from the disk, states from systemd. Reads only. A host has tens of
 * thousands of files, and a folder in which nothing has come or gone since the last look is not read again.
 */
import { statSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  containerUnit, gateUnit, instanceName, isAppName, parseImageId, parseInstance, parseLeaseTemplate, parseNetnsName, parsePort, parsePortUnit, parseSocketPath, parseUnitName, refuseUnit, socketLink, socketUnit, type UnitKind,
} from '../model/names.ts';
import { printable } from '../model/printable.ts';
import { ifThere, namesIn } from '../files.ts';
import { readFiles, readLinks } from '../files-many.ts';
import { onHost } from './apply.ts';
import { CLOSING } from './apply-sleep.ts';
import { Folder } from './folder.ts';
import type { Manager } from './manager.ts';
import { type NetworkPair, parseNetworkFile } from './network.ts';
import { doorWants, type Paths, portWants, visitsSince } from './paths.ts';
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

/** What is in the folder of units. */
interface UnitFiles {
  readonly onDisk: Observed['onDisk'];
  readonly leaseTemplates: ReadonlySet<string>;
  /** When the socket of each generation was written, ms since the epoch; 0: it has none. */
  readonly made: ReadonlyMap<string, number>;
}

/** What is in the folder of links that open doors at boot: app → instance; '' where it has several. */
type AtBoot = ReadonlyMap<string, string>;

/** What is in the folder of sockets. */
interface Doors {
  /** App → instance that its link leads to. */
  readonly links: ReadonlyMap<string, string>;
  readonly closing: readonly string[];
}

/** Looks at a host again and again. */
export class Observer {
  readonly #paths: Paths;
  readonly #manager: Pick<Manager, 'list'>;
  readonly #units: Folder<UnitFiles>;
  readonly #networks: Folder<HostView['networks']>;
  readonly #doorsAtBoot: Folder<AtBoot>;
  readonly #portsAtBoot: Folder<readonly number[]>;
  readonly #doors: Folder<Doors>;

  constructor(paths: Paths, manager: Pick<Manager, 'list'>) {
    this.#paths = paths;
    this.#manager = manager;
    this.#units = new Folder(paths.units, (before) => readUnits(paths, before?.made ?? new Map()));
    this.#networks = new Folder(paths.net, (before) => readNetworks(paths.net, before ?? new Map()));
    this.#doorsAtBoot = new Folder(doorWants(paths), async () => doorsAmong(await namesIn(doorWants(paths))));
    this.#portsAtBoot = new Folder<readonly number[]>(portWants(paths), async () => (await namesIn(portWants(paths))).map(parsePortUnit).filter((port) => port !== null));
    this.#doors = new Folder(paths.run, () => readDoors(paths));
  }

  /** The next look is at everything anew, as somebody else may have been here. */
  forget(): void {
    for (const folder of [this.#units, this.#networks, this.#doorsAtBoot, this.#portsAtBoot, this.#doors]) folder.forget();
  }

  /**
   * @param apps states of their units only, and of images, and their links only; null: all
   * @throws SystemdError, or the file system's error
   */
  async look(apps: ReadonlySet<string> | null = null): Promise<HostView> {
    const paths = this.#paths;
    const [units, networks, doorsAtBoot, portsAtBoot, doors, ports, states, images, visited, namespaces] = await Promise.all([
      this.#units.look(), this.#networks.look(), this.#doorsAtBoot.look(), this.#portsAtBoot.look(), apps === null ? this.#doors.look() : doorsOf(apps, paths), readLinks(paths.ports, (link) => parsePort(link) !== null),
      this.#manager.list(apps === null ? ['fc-app-*', 'fc-ctr-*', 'fc-lease-*', 'fc-refuse@*', 'fc-image@*', 'fc-port@*'] : ['fc-image@*', ...[...apps].flatMap(unitsOf)]),
      readImages(paths), namesIn(paths.visits), namesIn(paths.netns),
    ]);
    return {
      onDisk: units.onDisk,
      states: new Map(states.map(({ unit, activeState }) => [unit, activeState])),
      links: linksOf(doorsAtBoot, doors, apps),
      images,
      ports: portsOf(ports, portsAtBoot),
      visits: readVisits(units.made, visited, paths),
      namespaces: new Set(namespaces.map(parseNetnsName).filter((instance) => instance !== null)),
      closing: doors.closing,
      leaseTemplates: units.leaseTemplates,
      networks,
    };
  }
}

/** App → instance; '' where the two links of an app disagree or one is missing. */
function linksOf(atBoot: AtBoot, doors: Doors, of: ReadonlySet<string> | null): Observed['links'] {
  const apps = of ?? new Set([...atBoot.keys(), ...doors.links.keys()]);
  return new Map([...apps].filter((app) => atBoot.has(app) || doors.links.has(app)).map((app) => {
    const instance = atBoot.get(app);
    return [app, instance !== undefined && instance === doors.links.get(app) ? instance : ''];
  }));
}

function unitsOf(app: string): readonly string[] {
  const any = instanceName(app, '*');
  return [socketUnit(any), gateUnit(any), containerUnit(any), refuseUnit(any), `fc-lease-*@${any}.timer`];
}

const UNIT_KINDS: readonly UnitKind[] = ['socket', 'gate', 'container'];

/** @param before what is known of times: a unit file, once written, never changes */
async function readUnits(paths: Paths, before: UnitFiles['made']): Promise<UnitFiles> {
  const names = await namesIn(paths.units);
  const kinds = new Map<string, Set<UnitKind>>();
  for (const file of names) {
    const name = parseUnitName(file);
    if (name === null) continue;
    const there = kinds.get(name.instance) ?? new Set();
    kinds.set(name.instance, there.add(name.kind));
  }
  return {
    onDisk: new Map([...kinds].map(([instance, there]) => [instance, { complete: UNIT_KINDS.every((kind) => there.has(kind)) }])),
    leaseTemplates: new Set(names.filter((file) => parseLeaseTemplate(file) !== undefined)),
    // A time that is not known may be there by the next look.
    made: new Map([...kinds.keys()].map((instance) => [instance, before.get(instance) || timeOf(join(paths.units, socketUnit(instance)))])),
  };
}

/** One by one, but a tenth of what Node's threads would need: the kernel has all of it in memory. */
function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Instance → when it was made or, if that is later, when its container ended last; ms since the epoch. */
function readVisits(made: UnitFiles['made'], visited: readonly string[], paths: Paths): ReadonlyMap<string, number> {
  const since = timeOf(visitsSince(paths));
  const visits = new Map([...made].map(([instance, ms]) => [instance, Math.max(since, ms)]));
  for (const instance of visited) {
    const ms = visits.get(instance);
    if (ms !== undefined) visits.set(instance, Math.max(ms, timeOf(join(paths.visits, instance))));
  }
  return visits;
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

function doorsAmong(names: readonly string[]): AtBoot {
  const doors = new Map<string, string>();
  for (const name of names) {
    const unit = parseUnitName(name);
    if (unit?.kind === 'socket') doors.set(unit.app, doors.has(unit.app) ? '' : unit.instance);
  }
  return doors;
}

async function readDoors(paths: Paths): Promise<Doors> {
  const appOf = (name: string): string => name.slice(0, -'.sock'.length);
  // The folder holds sockets too: what is a link by that name leads to one of them.
  const targets = await readLinks(paths.run, (link) => link.endsWith('.sock') && isAppName(appOf(link)));
  return {
    links: new Map([...targets].map(([name, target]) => [appOf(name), behind(appOf(name), target)])),
    closing: (await namesIn(paths.run)).filter((name) => name.endsWith(CLOSING)),
  };
}

/** The same of a few apps, of which nothing is closing. */
async function doorsOf(apps: ReadonlySet<string>, paths: Paths): Promise<Doors> {
  const targets = await Promise.all([...apps].map(async (app) => [app, await ifThere(readlink(onHost(socketLink(app), paths)))] as const));
  return { links: new Map(targets.flatMap(([app, target]) => (target === null ? [] : [[app, behind(app, target)] as const]))), closing: [] };
}

/** The instance that an app's link leads to. */
function behind(app: string, target: string): string {
  return instanceName(app, target.slice(app.length + 1, -'.sock'.length));
}

/** Ports that have a link, or a link that opens them at boot. */
function portsOf(targets: ReadonlyMap<string, string>, atBoot: readonly number[]): ReadonlyMap<number, ObservedPort> {
  const ports = new Map<number, ObservedPort>();
  for (const [name, target] of targets) ports.set(Number(name), { instance: parseSocketPath(target), atBoot: false });
  for (const port of atBoot) ports.set(port, { instance: ports.get(port)?.instance ?? null, atBoot: true });
  return ports;
}
