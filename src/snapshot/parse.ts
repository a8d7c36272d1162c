/** The snapshot's text → Snapshot. Strict: its names go to systemd, its addresses are connected to. */
import { isIP } from 'node:net';
import type { Host, HostState, Placement } from '../model/app.ts';
import { At } from '../model/at.ts';
import { SNAPSHOT_FORMAT, type Snapshot, type SnapshotApp, type SnapshotGeneration } from './format.ts';

/** The file is not a snapshot. The message says where in it, and why. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

function snapshotAt(value: unknown, path: string): At {
  return new At(value, path, (message) => new SnapshotError(`snapshot: ${message}`));
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const DOMAIN = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?$/;
const PORT = [1, 65535] as const;
const STATES: readonly HostState[] = ['active', 'draining', 'down'];

function host(at: At): Host {
  return {
    name: at.member('name').text(NAME),
    address: at.member('address').text(/^[A-Za-z0-9.:_-]{1,255}$/),
    port: at.member('port').whole(...PORT),
    state: at.member('state').oneOf(STATES),
  };
}

function placement(at: At): Placement {
  return {
    host: at.member('host').text(NAME),
    weight: at.member('weight').whole(0, Number.MAX_SAFE_INTEGER),
    listenPort: at.member('listenPort').orNull((port) => port.whole(...PORT)),
  };
}

function generation(at: At, app: string): SnapshotGeneration {
  const id = at.member('id').text(/^[0-9a-f]{8}$/);
  const instance = at.member('instance');
  if (instance.value !== `${app.replaceAll('-', '_')}-${id}`) instance.fail('is not <app>-<id>');
  const name = instance.text();
  const unit = (key: string, pattern: RegExp): string => {
    const found = at.member(key);
    const text = found.text(pattern);
    return text.includes(name) ? text : found.fail(`is not of instance ${name}`);
  };
  const address = at.member('address');
  return {
    id,
    instance: name,
    lease: unit('lease', /^fc-lease-([0-9]+s|never)@[a-z0-9_]+-[0-9a-f]{8}\.timer$/),
    leaseS: at.member('leaseS').orNull((seconds) => seconds.whole(1, 2 ** 31)),
    container: unit('container', /^fc-ctr-[a-z0-9_]+-[0-9a-f]{8}\.service$/),
    socket: unit('socket', /^fc-app-[a-z0-9_]+-[0-9a-f]{8}\.socket$/),
    socketPath: at.member('socketPath').text(/^\/[^\0]{1,106}$/),
    address: isIP(address.text()) === 0 ? address.fail('is not an IP address') : address.text(),
    port: at.member('port').whole(...PORT),
    startTimeoutS: at.member('startTimeoutS').whole(1, 2 ** 31),
    image: at.member('image').orAbsent(null, (image) => image.orNull((text) => text.text(/^fc-image@[0-9a-f]{16}\.service$/))),
    fetching: at.member('fetching').orAbsent(false, (fetching) => fetching.flag()),
  };
}

function app(at: At): SnapshotApp {
  const name = at.member('name').text(NAME);
  return {
    name,
    domains: at.member('domains').list((domain) => domain.text(DOMAIN)),
    placements: at.member('placements').list(placement),
    waitingPageS: at.member('waitingPageS').orAbsent(null, (page) => page.orNull((seconds) => seconds.whole(0, 60))),
    here: at.member('here').orNull((here) => generation(here, name)),
  };
}

/**
 * Reads a snapshot. Keys that this version does not know are left out.
 * @throws SnapshotError
 */
export function parseSnapshot(text: string): Snapshot {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SnapshotError('snapshot: the file is not JSON', { cause });
  }
  return { ...parseSnapshotHead(value), apps: snapshotAt(value, '').member('apps').list(app) };
}

/** Everything but the apps. @throws SnapshotError */
export function parseSnapshotHead(value: unknown): Omit<Snapshot, 'apps'> {
  const at = snapshotAt(value, '');
  const format = at.member('format');
  if (format.value !== SNAPSHOT_FORMAT) format.fail(`is not ${SNAPSHOT_FORMAT}: fc-sync and fc-proxy are of different versions`);
  return {
    format: SNAPSHOT_FORMAT,
    host: at.member('host').text(NAME),
    revision: at.member('revision').text(/^[0-9]{1,20}$/),
    hosts: at.member('hosts').list(host),
  };
}

/** The app with this index. @throws SnapshotError */
export function parseSnapshotApp(value: unknown, index: number): SnapshotApp {
  return app(snapshotAt(value, `apps[${index}]`));
}
