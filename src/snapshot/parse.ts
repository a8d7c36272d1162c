/** Text → Snapshot. The file is our own, but another version may have written it, so it is checked whole. */
import type { Host, Placement } from '../model/app.ts';
import { type Snapshot, type SnapshotApp, type SnapshotGeneration, SNAPSHOT_FORMAT } from './format.ts';

/** The file is no snapshot that this version can use. The message says where it is wrong. */
export class SnapshotError extends Error {}

/** @throws SnapshotError */
export function parseSnapshot(text: string): Snapshot {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SnapshotError('the snapshot is not JSON', { cause });
  }
  const fields = record(value, 'the snapshot');
  if (fields['format'] !== SNAPSHOT_FORMAT) {
    throw new SnapshotError(`the snapshot has format ${JSON.stringify(fields['format'])}, this version reads ${SNAPSHOT_FORMAT}`);
  }
  return {
    format: SNAPSHOT_FORMAT,
    host: string(fields, 'host', 'the snapshot'),
    revision: string(fields, 'revision', 'the snapshot'),
    hosts: list(fields, 'hosts', 'the snapshot').map(parseHost),
    apps: list(fields, 'apps', 'the snapshot').map(parseApp),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parseHost(value: unknown, index: number): Host {
  const where = `hosts[${index}]`;
  const fields = record(value, where);
  const state = fields['state'];
  if (state !== 'active' && state !== 'draining' && state !== 'down') throw new SnapshotError(`${where}.state is ${JSON.stringify(state)}`);
  return { name: string(fields, 'name', where), address: string(fields, 'address', where), port: integer(fields, 'port', where), state };
}

function parseApp(value: unknown, index: number): SnapshotApp {
  const where = `apps[${index}]`;
  const fields = record(value, where);
  return {
    name: string(fields, 'name', where),
    domains: list(fields, 'domains', where).map((domain, at) => {
      if (typeof domain !== 'string') throw new SnapshotError(`${where}.domains[${at}] is no text`);
      return domain;
    }),
    placements: list(fields, 'placements', where).map((placement, at) => parsePlacement(placement, `${where}.placements[${at}]`)),
    here: fields['here'] === null ? null : parseGeneration(fields['here'], `${where}.here`),
  };
}

function parsePlacement(value: unknown, where: string): Placement {
  const fields = record(value, where);
  return { host: string(fields, 'host', where), weight: integer(fields, 'weight', where), listenPort: integerOrNull(fields, 'listenPort', where) };
}

function parseGeneration(value: unknown, where: string): SnapshotGeneration {
  const fields = record(value, where);
  return {
    id: string(fields, 'id', where),
    instance: string(fields, 'instance', where),
    lease: string(fields, 'lease', where),
    leaseS: integerOrNull(fields, 'leaseS', where),
    container: string(fields, 'container', where),
    socket: string(fields, 'socket', where),
    socketPath: string(fields, 'socketPath', where),
    address: string(fields, 'address', where),
    port: integer(fields, 'port', where),
    startTimeoutS: integer(fields, 'startTimeoutS', where),
  };
}

function record(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SnapshotError(`${where} is no object`);
  return { ...value };
}

function string(fields: Fields, key: string, where: string): string {
  const value = fields[key];
  if (typeof value !== 'string') throw new SnapshotError(`${where}.${key} is no text`);
  return value;
}

function integer(fields: Fields, key: string, where: string): number {
  const value = fields[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new SnapshotError(`${where}.${key} is no whole number`);
  return value;
}

function integerOrNull(fields: Fields, key: string, where: string): number | null {
  return fields[key] === null ? null : integer(fields, key, where);
}

function list(fields: Fields, key: string, where: string): readonly unknown[] {
  const value = fields[key];
  if (!Array.isArray(value)) throw new SnapshotError(`${where}.${key} is no list`);
  return value;
}
