/** Where things lie on a host. One object, so that a test can have a host of its own in a folder. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENV_DIR, PORTS_DIR, SOCKET_DIR } from '../model/names.ts';

export interface Paths {
  /** What fc-sync keeps; fc-proxy's group may enter it. */
  readonly stateDir: string;
  /** Generated units. */
  readonly units: string;
  /** Sockets and the links to them; tmpfs, empty after a reboot. */
  readonly run: string;
  /** Environment files, secret. */
  readonly env: string;
  /** One file for each network namespace: its interface and addresses. */
  readonly net: string;
  /** One file for each image that an app here needs, by its id: what its unit fetches. */
  readonly images: string;
  /** Why an image is not here yet, by its id; tmpfs. */
  readonly imageFailures: string;
  /** One empty file for each generation that was visited: its time says when its container ended last. */
  readonly visits: string;
  /** One file for each generation: what its app's row said, for `fc-sync plan`. */
  readonly rows: string;
  /** Network namespaces by name, as ip-netns(8) keeps them. */
  readonly netns: string;
  /** One link for each listen_port, to the socket it leads to. */
  readonly ports: string;
  readonly snapshot: string;
  /** What fc-sync remembers from run to run: incarnations and failures. */
  readonly state: string;
  /** Where this host stands in the CMDB's history. */
  readonly standing: string;
  /** That a look at this host found nothing to do. */
  readonly settled: string;
  /** What fc-sync says of its last pass, for others; fc-proxy's group may read it. */
  readonly report: string;
  readonly lock: string;
}

/** Units that come with the program. */
export const STATIC_UNITS = '/usr/lib/systemd/system';

const STATE_DIR = '/var/lib/fastcontainer';

export const HOST_PATHS: Paths = {
  stateDir: STATE_DIR,
  units: '/etc/systemd/system',
  run: SOCKET_DIR,
  env: ENV_DIR,
  net: `${STATE_DIR}/net`,
  images: `${STATE_DIR}/image`,
  imageFailures: `${SOCKET_DIR}/images`,
  visits: `${STATE_DIR}/visits`,
  rows: `${STATE_DIR}/rows`,
  netns: '/run/netns',
  ports: PORTS_DIR,
  snapshot: `${STATE_DIR}/snapshot.json`,
  state: `${STATE_DIR}/sync.json`,
  standing: `${STATE_DIR}/standing.json`,
  settled: `${STATE_DIR}/settled.json`,
  report: `${STATE_DIR}/report.json`,
  lock: `${STATE_DIR}/sync.lock`,
};

/** Since when visits are noted: where nothing was noted before, as after an upgrade, an app counts as visited then. */
export function visitsSince(paths: Paths): string {
  return join(paths.visits, '.since');
}

/** Doors of apps that systemd opens with the host: `fc-doors.target` wants them by these links. */
export function doorWants(paths: Paths): string {
  return `${paths.units}/fc-doors.target.wants`;
}

/** Doors at TCP ports that systemd opens with the host, once those of the apps are open: `fc-apps.target` wants them by these links. */
export function portWants(paths: Paths): string {
  return `${paths.units}/fc-apps.target.wants`;
}

/** Makes the folders that hold secrets, the one of the ports, and the one that a reboot empties. @throws when there is no state folder: provisioning makes it */
export async function prepareFolders(paths: Paths): Promise<void> {
  for (const folder of [paths.env, paths.net, paths.images, paths.visits, paths.rows]) {
    await mkdir(folder, { mode: 0o700 }).catch(ignoreExisting);
    await chmod(folder, 0o700);
  }
  await writeFile(visitsSince(paths), '', { flag: 'wx', mode: 0o600 }).catch(ignoreExisting);
  await mkdir(paths.ports, { mode: 0o755 }).catch(ignoreExisting);
  await mkdir(paths.run, { recursive: true, mode: 0o755 });
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
}
