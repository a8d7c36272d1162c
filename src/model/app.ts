/**
 * What an app is, once its CMDB rows have been checked. Everything here is
 * valid by construction: whoever holds an `App` need not check it again.
 */
import type { Network } from './network.ts';

/** An OCI image: by its reference, or in an archive; `tag` says which of an archive's images, null: its only one. */
export type ImageSource =
  | { readonly kind: 'image'; readonly image: string }
  /** `root`: the configured root that `path` lies under. */
  | { readonly kind: 'archive'; readonly transport: 'oci-archive' | 'docker-archive'; readonly path: string; readonly root: string; readonly tag: string | null };

/** An OCI image, or a directory tree used under a throw-away overlay. */
export type AppSource =
  | ImageSource
  /** `root`: the configured root that `path` lies under. */
  | { readonly kind: 'rootfs'; readonly path: string; readonly root: string };

/** A bind mount: `host` lies under `root`, one of the configured ones; both paths are absolute and normal. */
export interface Volume {
  readonly host: string;
  readonly root: string;
  readonly container: string;
  readonly readOnly: boolean;
}

/** Where an app may run. `weight` is relative to the app's other placements, 0 takes no new work. */
export interface Placement {
  readonly host: string;
  readonly weight: number;
  /** An extra TCP port on the host, for apps that do not speak HTTP. */
  readonly listenPort: number | null;
}

export interface App {
  /** `[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?` */
  readonly name: string;
  readonly source: AppSource;
  /** argv given to the container; null: what the image says. */
  readonly command: readonly string[] | null;
  /** TCP port the app listens on, in its own network namespace. */
  readonly port: number;
  /** Secret. Sorted by key. */
  readonly env: ReadonlyMap<string, string>;
  readonly volumes: readonly Volume[];
  readonly network: Network;
  /** systemd's spelling (`512M`, `infinity`); null: no limit. */
  readonly memoryMax: string | null;
  /** systemd's spelling, per cent of one CPU (`150%`); null: no limit. */
  readonly cpuQuota: string | null;
  readonly tasksMax: number | null;
  /** Seconds without a request before systemd stops it; null: never sleeps. */
  readonly idleTimeoutS: number | null;
  /** Seconds after which a fresh generation takes over; null: no limit. */
  readonly lifetimeS: number | null;
  readonly startTimeoutS: number;
  readonly stopTimeoutS: number;
  /** HTTP path that must answer 2xx or 3xx before the app counts as ready; null: the port listens. */
  readonly readyPath: string | null;
  /** Whether its socket listens however long nobody has visited it. Not part of its generation. */
  readonly socket: boolean;
  /** Seconds that a browser waits for a start before it is shown a page that turns into the app; null: it waits. Not part of its generation. */
  readonly waitingPageS: number | null;
  /** First of the host's 65536 user and group ids that the container's 0 to 65535 are, the same on every host. */
  readonly uidBase: number;
  /** Lower-case host names, exact or `*.example.com`. Sorted. */
  readonly domains: readonly string[];
  /** Sorted by host. */
  readonly placements: readonly Placement[];
}

export type HostState = 'active' | 'draining' | 'down';

export interface Host {
  readonly name: string;
  readonly address: string;
  /** Port of the host's internal listener. */
  readonly port: number;
  readonly state: HostState;
}

/** A row that was not taken, and why: enough for an operator to find and mend it. */
export interface Rejection {
  readonly table: 'hosts' | 'apps' | 'domains' | 'placements';
  /** The row's primary key, as text (`shop`, `shop/web1`). */
  readonly key: string;
  readonly column: string;
  readonly why: string;
  /** The app that stays as it was because of this row; null: no app is affected. */
  readonly app: string | null;
}

/** The whole CMDB, checked. `rejections` name what is missing from the rest. */
export interface Fleet {
  readonly hosts: readonly Host[];
  /** Enabled, valid apps, sorted by name. */
  readonly apps: readonly App[];
  /** Names in the apps table, valid or not, enabled or not: what an operator still knows of. */
  readonly known: ReadonlySet<string>;
  readonly rejections: readonly Rejection[];
}
