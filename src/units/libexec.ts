/** Command lines of the helpers in units/libexec/ that a container unit calls. Their usage is told there. */
import type { App } from '../model/app.ts';
import { ENV_DIR, SOCKET_DIR, containerName, pidFile, secretFileName, secretName } from '../model/names.ts';
import { imageOf } from './image.ts';

const DIR = '/usr/lib/fastcontainer/libexec';

/** A path of the host that the app uses: what for, and the configured root it must not lead out of. */
export interface HostPath {
  readonly use: 'rootfs' | 'rw' | 'ro';
  readonly root: string;
  readonly path: string;
}

/** What the app uses of the host's files. A rootfs comes first. */
export function hostPaths(app: App): HostPath[] {
  const rootfs = app.source.kind === 'rootfs' ? [{ use: 'rootfs', root: app.source.root, path: app.source.path } as const] : [];
  return [...rootfs, ...app.volumes.map((volume) => ({ use: volume.readOnly ? 'ro' : 'rw', root: volume.root, path: volume.host } as const))];
}

function mounts(instance: string): string {
  return `${SOCKET_DIR}/mounts/${instance}`;
}

/** Where fc-paths mounts the `index`-th of `hostPaths`. */
export function mountPoint(instance: string, index: number): string {
  return `${mounts(instance)}/${index}`;
}

export function mountPaths(app: App, instance: string): string[] {
  return [`${DIR}/fc-paths`, mounts(instance), String(app.uidBase), String(readyWithinMs(app)), ...hostPaths(app).flatMap(({ use, root, path }) => [use, root, path])];
}

/** @param podmanRun arguments of `podman run` */
export function run(podmanRun: readonly string[]): string[] {
  return [`${DIR}/fc-run`, ...podmanRun];
}

export function makeSecrets(instance: string, count: number): string[] {
  return [`${DIR}/fc-secrets`, ...Array.from({ length: count }, (_, i) => `${secretName(instance, i)}=${ENV_DIR}/${secretFileName(instance, i)}`)];
}

/** Waits until nobody listens on the app's port of the host. */
export function waitFree(app: App): string[] {
  return [`${DIR}/fc-ready`, '--port', String(app.port), '--free', '--within', String(readyWithinMs(app))];
}

export function waitReady(app: App): string[] {
  const host = app.domains.find((domain) => !domain.startsWith('*.')) ?? 'localhost';
  const request = app.readyPath === null ? [] : ['--path', app.readyPath, '--host', host];
  return [`${DIR}/fc-ready`, '--port', String(app.port), '--within', String(readyWithinMs(app)), ...request];
}

/** Gives up before whoever waits for the start does, so that they still hear why. */
function readyWithinMs(app: App): number {
  return app.startTimeoutS * 1000 - Math.min(Math.max(app.startTimeoutS * 100, 200), 1000);
}

export function stop(app: App, instance: string): string[] {
  return [`${DIR}/fc-stop`, '--name', containerName(instance), '--pidfile', pidFile(instance), '--grace', String(app.stopTimeoutS)];
}

export function clean(app: App, instance: string, secrets: number): string[] {
  const image = imageOf(app);
  return [`${DIR}/fc-clean`, ...(image === null ? [] : ['--image', image.id]), containerName(instance), pidFile(instance), mounts(instance), ...Array.from({ length: secrets }, (_, i) => secretName(instance, i))];
}
