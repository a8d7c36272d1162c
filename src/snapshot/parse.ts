/** The snapshot's text → Snapshot. Strict: its names go to systemd, its addresses are connected to. */
import { isIP } from 'node:net';
import type { Host, HostState, Placement } from '../model/app.ts';
import { SNAPSHOT_FORMAT, type Snapshot, type SnapshotApp, type SnapshotGeneration } from './format.ts';

/** The file is not a snapshot. The message says where in it, and why. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** A value and the way to it, for messages: `apps[3].here.port`. */
class At {
  readonly value: unknown;
  readonly path: string;

  constructor(value: unknown, path: string) {
    this.value = value;
    this.path = path;
  }

  fail(why: string): never {
    throw new SnapshotError(`snapshot: ${this.path === '' ? 'the file' : this.path} ${why}`);
  }

  member(key: string): At {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail('is not an object');
    const path = this.path === '' ? key : `${this.path}.${key}`;
    const found: unknown = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
    return new At(found, path);
  }

  list<T>(item: (at: At) => T): readonly T[] {
    const { value } = this;
    if (!Array.isArray(value)) return this.fail('is not a list');
    return value.map((element: unknown, index) => item(new At(element, `${this.path}[${index}]`)));
  }

  text(pattern: RegExp): string {
    const { value } = this;
    if (typeof value !== 'string') return this.fail('is not a text');
    return pattern.test(value) ? value : this.fail(`is not valid: ${JSON.stringify(value.slice(0, 80))}`);
  }

  whole(min: number, max: number): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isInteger(value)) return this.fail('is not a whole number');
    return value >= min && value <= max ? value : this.fail(`is ${value}, not from ${min} to ${max}`);
  }

  /** For a key that snapshots of an older version do not have. */
  orAbsent<T>(absent: T, parse: (at: At) => T): T {
    return this.value === undefined ? absent : parse(this);
  }

  orNull<T>(parse: (at: At) => T): T | null {
    return this.value === null ? null : parse(this);
  }
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const DOMAIN = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?$/;
const PORT = [1, 65535] as const;
const STATES: readonly HostState[] = ['active', 'draining', 'down'];

function host(at: At): Host {
  const state = at.member('state');
  return {
    name: at.member('name').text(NAME),
    address: at.member('address').text(/^[A-Za-z0-9.:_-]{1,255}$/),
    port: at.member('port').whole(...PORT),
    state: STATES.find((known) => known === state.value) ?? state.fail(`is none of ${STATES.join(', ')}`),
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
  const name = instance.text(/^/);
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
    address: isIP(address.text(/^/)) === 0 ? address.fail('is not an IP address') : address.text(/^/),
    port: at.member('port').whole(...PORT),
    startTimeoutS: at.member('startTimeoutS').whole(1, 2 ** 31),
    image: at.member('image').orAbsent(null, (image) => image.orNull((text) => text.text(/^fc-image@[0-9a-f]{16}\.service$/))),
    fetching: at.member('fetching').orAbsent(false, (fetching) => fetching.value === true || (fetching.value !== false && fetching.fail('is not true or false'))),
  };
}

function app(at: At): SnapshotApp {
  const name = at.member('name').text(NAME);
  return {
    name,
    domains: at.member('domains').list((domain) => domain.text(DOMAIN)),
    placements: at.member('placements').list(placement),
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
  return { ...parseSnapshotHead(value), apps: new At(value, '').member('apps').list(app) };
}

/** Everything but the apps. @throws SnapshotError */
export function parseSnapshotHead(value: unknown): Omit<Snapshot, 'apps'> {
  const at = new At(value, '');
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
  return app(new At(value, `apps[${index}]`));
}
