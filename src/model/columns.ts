/**
 * Every column of the CMDB: what it takes, what it is when the INSERT does not say, and what it is for.
 * Add a column here, in the schema, and where it is used; the reference in the README follows by itself.
 */
import type { HostState } from './app.ts';
import { BadValue, type Column, type Parser, orNull, required } from './column.ts';
import { command } from './command.ts';
import { env } from './env.ts';
import { domain, hostAddress, hostName } from './hostnames.ts';
import { image } from './image.ts';
import { cpuQuota, memory } from './limits.ts';
import { appName } from './names.ts';
import type { Network } from './network.ts';
import { flag, integer, oneOf } from './number.ts';
import { pathUnderRoots } from './path.ts';
import { readyPath } from './ready-path.ts';
import { uidBase } from './uid-base.ts';
import { volumes } from './volume.ts';

const YEAR_S = 365 * 24 * 3600;
const SECONDS = 'whole seconds';
const port = integer(1, 65_535, 'a port number');

const network: Parser<Network> = (text, policy) => {
  const value = oneOf<Network>(['egress', 'private', 'host'])(text, policy);
  if (value === 'host' && !policy.allowHostNetwork) throw new BadValue('is "host", which this host allows only with [network] allow_host = yes in its configuration');
  return value;
};

function column<T>(definition: Column<T>): Column<T> {
  return definition;
}

export const APP = {
  name: column({
    name: 'name', accepts: '1 to 40 of a-z, 0-9 and -, with no - at either end', default: null, parse: required(appName),
    doc: 'Primary key. Part of unit, socket and container names.',
  }),
  image: column({
    name: 'image', accepts: 'OCI image reference; or oci-archive:/path[:reference] (docker-archive: too) below one of [volumes] roots', default: null,
    parse: orNull(image),
    doc: 'Fetched when the placement appears, never by a request; what is on the host already is not fetched again. Exactly one of image and rootfs.',
  }),
  rootfs: column({
    name: 'rootfs', accepts: 'absolute path below one of [volumes] roots', default: null,
    parse: orNull((text, policy) => pathUnderRoots(text, policy.volumeRoots, 'the path')),
    doc: 'Directory tree to use instead of an image, under an overlay that is thrown away when the app stops. Needs command.',
  }),
  command: column({
    name: 'command', accepts: 'JSON array of strings', default: null, parse: orNull(command),
    doc: 'Program and arguments. NULL: what the image says.',
  }),
  port: column({
    name: 'port', accepts: '1 to 65535', default: null, parse: required(port),
    doc: 'TCP port the app listens on.',
  }),
  env: column({
    name: 'env', accepts: 'JSON object; values are text, numbers or booleans', default: null,
    parse: (text, policy) => (text === null ? new Map<string, string>() : env(text, policy)),
    doc: 'Environment variables. Secret: readable by root only, in no process list.',
  }),
  volumes: column({
    name: 'volumes', accepts: 'JSON array of "host:container[:ro|rw]"', default: null,
    parse: (text, policy) => (text === null ? [] : volumes(text, policy)),
    doc: 'Folders of the host that the app sees, each below one of [volumes] roots.',
  }),
  network: column({
    name: 'network', accepts: 'egress, private or host', default: 'egress', parse: required(network),
    doc: 'egress: a network namespace of its own, reached by fc-proxy alone, from which the app reaches out, but neither the host nor other apps. private: the same, and the app reaches nothing. host: the host\'s network, where the configuration allows it.',
  }),
  memoryMax: column({
    name: 'memory_max', accepts: 'bytes, or a whole number with K, M, G or T, from 4M; infinity', default: '512M', parse: orNull(memory),
    doc: 'Most memory the app may use (MemoryMax=). NULL: no limit.',
  }),
  cpuQuota: column({
    name: 'cpu_quota', accepts: '1% to 100000%, the % may be left out', default: null, parse: orNull(cpuQuota),
    doc: 'Most CPU time, per cent of one CPU (CPUQuota=). NULL: no limit.',
  }),
  tasksMax: column({
    name: 'tasks_max', accepts: '1 to 4194304', default: '512', parse: orNull(integer(1, 4_194_304)),
    doc: 'Most processes and threads (TasksMax=). NULL: systemd\'s default.',
  }),
  idleTimeoutS: column({
    name: 'idle_timeout_s', accepts: '1 to 31536000', default: '300', parse: orNull(integer(1, YEAR_S, SECONDS)),
    doc: 'Seconds without a request, or an open connection at its socket or listen_port, after which the app is stopped. NULL: it never sleeps.',
  }),
  lifetimeS: column({
    name: 'lifetime_s', accepts: '10 to 31536000', default: null, parse: orNull(integer(10, YEAR_S, SECONDS)),
    doc: 'Seconds after which a fresh container takes over from a running one, without losing a request. NULL: no limit.',
  }),
  startTimeoutS: column({
    name: 'start_timeout_s', accepts: '1 to 3600', default: '30', parse: required(integer(1, 3600, SECONDS)),
    doc: 'Seconds the app may take from its start until it is ready.',
  }),
  stopTimeoutS: column({
    name: 'stop_timeout_s', accepts: '0 to 3600', default: '10', parse: required(integer(0, 3600, SECONDS)),
    doc: 'Seconds between SIGTERM and SIGKILL when the app is stopped.',
  }),
  readyPath: column({
    name: 'ready_path', accepts: 'path of printable ASCII that starts with /', default: null, parse: orNull(readyPath),
    doc: 'The app is ready once a GET of this path answers 2xx or 3xx. NULL: once its port listens.',
  }),
  enabled: column({
    name: 'enabled', accepts: '0 or 1', default: '1', parse: required(flag),
    doc: '0: the app is nowhere, as if it had no placements.',
  }),
  uidBase: column({
    name: 'uid_base', accepts: 'multiple of 65536 from 524288 to 1878982656', default: null, parse: required(uidBase),
    doc: 'First of the 65536 user and group ids of the host that are the app\'s, root in its container being this one. NULL in an INSERT or UPDATE: the database gives the app a range that no other has had.',
  }),
  socket: column({
    name: 'socket', accepts: '0 or 1', default: '0', parse: required(flag),
    doc: '1: /run/fastcontainer/<name>.sock always listens. 0: not once nobody has visited the app for [host] deep_sleep_s; fc-proxy wakes it all the same. A listen_port, or no idle_timeout_s, counts as 1.',
  }),
  waitingPageS: column({
    name: 'waiting_page', accepts: '0 to 60', default: null, parse: orNull(integer(0, 60, SECONDS)),
    doc: 'Seconds that a browser waits for the app to start before it is shown a page that turns into the app. Requests of other kinds (of programs, POST, images, frames) wait in any case. NULL: no such page.',
  }),
} as const;

export const HOST = {
  name: column({
    name: 'name', accepts: 'host name, case ignored', default: null, parse: required(hostName),
    doc: 'Primary key: what the host\'s own [host] name= says.',
  }),
  address: column({
    name: 'address', accepts: 'IPv4 or IPv6 address, or host name', default: null, parse: required(hostAddress),
    doc: 'Where other hosts reach its internal listener.',
  }),
  port: column({
    name: 'port', accepts: '1 to 65535', default: '8079', parse: required(port),
    doc: 'Port of its internal listener.',
  }),
  state: column({
    name: 'state', accepts: 'active, draining or down', default: 'active', parse: required(oneOf<HostState>(['active', 'draining', 'down'])),
    doc: 'draining: takes no new work; down: is asked nothing.',
  }),
} as const;

export const DOMAIN = {
  fqdn: column({
    name: 'fqdn', accepts: 'domain name, or *. and a domain name; case and a trailing dot ignored', default: null, parse: required(domain),
    doc: 'Primary key: requests for this host name go to the app. An exact name wins over a wildcard.',
  }),
  app: column({ name: 'app', accepts: 'name of an app', default: null, parse: required(appName), doc: 'The app that answers.' }),
} as const;

export const PLACEMENT = {
  app: column({ name: 'app', accepts: 'name of an app', default: null, parse: required(appName), doc: 'Primary key, with host.' }),
  host: column({ name: 'host', accepts: 'name of a host', default: null, parse: required(hostName), doc: 'Where the app may run.' }),
  weight: column({
    name: 'weight', accepts: '0 to 65535', default: '100', parse: required(integer(0, 65_535)),
    doc: 'Share of the app\'s requests, relative to its other placements. 0: no new work.',
  }),
  listenPort: column({
    name: 'listen_port', accepts: '1 to 65535', default: null, parse: orNull(port),
    doc: 'A TCP port of the host that leads to the app, for apps that do not speak HTTP; no other placement on the host may have it. NULL: none.',
  }),
} as const;

export const TABLES: Readonly<Record<'hosts' | 'apps' | 'domains' | 'placements', readonly Column<unknown>[]>> = {
  hosts: Object.values(HOST),
  apps: Object.values(APP),
  domains: Object.values(DOMAIN),
  placements: Object.values(PLACEMENT),
};
