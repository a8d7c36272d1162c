/**
 * Names of everything that belongs to an app or to one of its generations, and the way back: from a name
 * found on disk or in systemd to the app. A name that does not parse here is not ours.
 */
import { createHash } from 'node:crypto';
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';
import { remembered } from './remembered.ts';

const APP_NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const INSTANCE = /^(?<app>[a-z0-9](?:[a-z0-9_]{0,38}[a-z0-9])?)-(?<gen>[0-9a-f]{8})$/;

/** Sockets and PID files. */
export const SOCKET_DIR = '/run/fastcontainer';
/** Environment files and multi-line values, root's alone. */
export const ENV_DIR = '/var/lib/fastcontainer/env';
/** One symbolic link for each listen_port: where its door leads. It outlives a reboot, so the doors need nobody to do. */
export const PORTS_DIR = '/var/lib/fastcontainer/ports';

/** @throws BadValue */
export const appName: Parser<string> = (text) => {
  if (!isAppName(text)) throw new BadValue(`is ${quoted(text)}, not 1 to 40 of a-z, 0-9 and -, with no - at either end`);
  return text;
};

export function isAppName(text: string): boolean {
  return APP_NAME.test(text);
}

/**
 * The app's name in unit names. A dash is the separator of systemd's prefix drop-ins, so `shop-` would
 * catch an app `shop-eu`; app names hold no `_`, so nothing else maps to the same.
 */
export function unitSafe(app: string): string {
  return app.replaceAll('-', '_');
}

/** `my_shop-1a2b3c4d`. */
export function instanceName(app: string, gen: string): string {
  return `${unitSafe(app)}-${gen}`;
}

export interface AppGeneration {
  readonly app: string;
  readonly gen: string;
}

/** The inverse of `instanceName`; null when `instance` is none. */
export const parseInstance = remembered((instance): AppGeneration | null => {
  const groups = INSTANCE.exec(instance)?.groups;
  const app = groups?.['app'];
  const gen = groups?.['gen'];
  return app === undefined || gen === undefined ? null : { app: app.replaceAll('_', '-'), gen };
});

export function socketUnit(instance: string): string {
  return `fc-app-${instance}.socket`;
}

export function gateUnit(instance: string): string {
  return `fc-app-${instance}.service`;
}

export function containerUnit(instance: string): string {
  return `fc-ctr-${instance}.service`;
}

/** The unit that turns away direct clients when the container does not start. */
export function refuseUnit(instance: string): string {
  return `fc-refuse@${instance}.timer`;
}

/** The unit of the generation's network namespace; its template lies in the app's slice, which the template's name says. */
export function netUnit(instance: string): string {
  const app = instance.slice(0, instance.lastIndexOf('-')).replaceAll('_', '-');
  return `fc-net-${sliceDigits(app)}@${instance}.service`;
}

/** The unit that gives the generation's network namespace back, unless its container starts. */
export function deepUnit(instance: string): string {
  return `fc-deep@${instance}.service`;
}

/** The lease's template, one for each idle time in use; `idleTimeoutS` in seconds, null: never sleeps. */
export function leaseTemplate(idleTimeoutS: number | null): string {
  return `fc-lease-${idleTimeoutS === null ? 'never' : `${idleTimeoutS}s`}@.timer`;
}

export function leaseUnit(idleTimeoutS: number | null, instance: string): string {
  return leaseTemplate(idleTimeoutS).replace('@', `@${instance}`);
}

/** What a lease of the instance ends in: a unit that does nothing. */
export function elapsedUnit(instance: string): string {
  return `fc-lease-elapsed@${instance}.target`;
}

/** The unit that fetches an image, one for each image however many apps run it; `id`: 16 hex digits. */
export function imageUnit(id: string): string {
  return `fc-image@${id}.service`;
}

/** The id in the name of an image's file or unit; null: not one of ours. */
export function parseImageId(name: string): string | null {
  return /^(?:fc-image@)?(?<id>[0-9a-f]{16})(?:\.service)?$/.exec(name)?.groups?.['id'] ?? null;
}

export type UnitKind = 'socket' | 'gate' | 'container';

/** What a unit file of a generation is, by its file name; null: not one of ours. */
export const parseUnitName = remembered((file): (AppGeneration & { readonly kind: UnitKind; readonly instance: string }) | null => {
  const groups = /^fc-(?<prefix>app|ctr)-(?<instance>[^.]+)\.(?<suffix>socket|service)$/.exec(file)?.groups;
  const instance = groups?.['instance'] ?? '';
  const kind = unitKind(groups?.['prefix'], groups?.['suffix']);
  const generation = parseInstance(instance);
  // Spelled out: V8 gives each copy by `...` a layout of its own, several times as large as what is in it.
  return kind === null || generation === null ? null : { app: generation.app, gen: generation.gen, kind, instance };
});

function unitKind(prefix: string | undefined, suffix: string | undefined): UnitKind | null {
  if (prefix === 'app') return suffix === 'socket' ? 'socket' : 'gate';
  return prefix === 'ctr' && suffix === 'service' ? 'container' : null;
}

/** The idle time of a lease template's file name, as `leaseTemplate` writes it; undefined: not one of ours. */
export function parseLeaseTemplate(file: string): { readonly idleTimeoutS: number | null } | undefined {
  const length = /^fc-lease-(?<length>never|[1-9][0-9]{0,8}s)@\.timer$/.exec(file)?.groups?.['length'];
  if (length === undefined) return undefined;
  return { idleTimeoutS: length === 'never' ? null : Number(length.slice(0, -1)) };
}

/** The static unit that the door at a TCP port is an instance of; `port` '' gives the template itself. */
export function portSocket(port: number | ''): string {
  return `fc-port@${port}.socket`;
}

/** What runs behind the door at a TCP port while it has connections. */
export function portService(port: number): string {
  return `fc-port@${port}.service`;
}

/** The port of the unit's name, as `portSocket` and `portService` write it; null: not one of ours. */
export function parsePortUnit(unit: string): number | null {
  return parsePort(/^fc-port@(?<port>[0-9]+)\.(?:socket|service)$/.exec(unit)?.groups?.['port'] ?? '');
}

/** A port number as we write them; null: none. */
export function parsePort(text: string): number | null {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

/**
 * Which of 256 slices the app's units live in: systemd's cost of a reload grows with the square of a
 * slice's members, so they are spread evenly.
 */
export function sliceName(app: string): string {
  return `fc-apps-${sliceDigits(app)}.slice`;
}

function sliceDigits(app: string): string {
  return createHash('sha256').update(app).digest('hex').slice(0, 2);
}

/** Where systemd listens for the generation. At most 74 bytes, sun_path holds 107. */
export function socketPath(app: string, gen: string): string {
  return `${SOCKET_DIR}/${app}-${gen}.sock`;
}

/** The instance whose `socketPath` it is; null: not one of ours. */
export function parseSocketPath(path: string): string | null {
  const groups = /^(?<folder>.*)\/(?<app>[^/]+)-(?<gen>[0-9a-f]{8})\.sock$/.exec(path)?.groups;
  const { folder, app = '', gen = '' } = groups ?? {};
  return folder === SOCKET_DIR && isAppName(app) ? instanceName(app, gen) : null;
}

/** The symbolic link to the socket of the app's current generation. */
export function socketLink(app: string): string {
  return `${SOCKET_DIR}/${app}.sock`;
}

/** Name below /run/netns. */
export function netnsName(instance: string): string {
  return `fc-${instance}`;
}

/** Where fc-net mounts the network namespace's own sysfs, which shows no interfaces but its own. */
export function netSysfs(instance: string): string {
  return `/run/fastcontainer-sys/${netnsName(instance)}`;
}

/** The instance whose `netnsName` it is; null: not one of ours. */
export function parseNetnsName(name: string): string | null {
  const instance = name.startsWith('fc-') ? name.slice('fc-'.length) : '';
  return parseInstance(instance) === null ? null : instance;
}

/** Name servers for apps with egress, kept up to date by fc-resolv. */
export const RESOLV_CONF = '/run/fastcontainer-net/resolv.conf';

/** podman's name of the container. */
export function containerName(instance: string): string {
  return `fc-${instance}`;
}

/** Where podman writes the PID of the container's first process. */
export function pidFile(instance: string): string {
  return `${SOCKET_DIR}/${instance}.pid`;
}

/** podman's name of the generation's `index`-th secret. */
export function secretName(instance: string, index: number): string {
  return `fc-${instance}-${index}`;
}

/** Below ENV_DIR: the environment file of the generation. */
export function envFileName(instance: string): string {
  return instance;
}

/** Below ENV_DIR: the value of the generation's `index`-th secret. */
export function secretFileName(instance: string, index: number): string {
  return `${instance}.${index}`;
}

/** Whose file below ENV_DIR it is; null: not one of ours. */
export function parseEnvFileName(file: string): (AppGeneration & { readonly instance: string }) | null {
  const instance = file.replace(/\.(?:0|[1-9][0-9]{0,4})$/, '');
  const generation = parseInstance(instance);
  return generation === null ? null : { ...generation, instance };
}
