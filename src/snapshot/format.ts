/**
 * The file between fc-sync and fc-proxy: what fc-proxy must know to route and
 * activate, and nothing else (no environment, no credentials).
 */
import type { Host, Placement } from '../model/app.ts';

/** Raised when a reader of the old format could misread the new one. */
export const SNAPSHOT_FORMAT = 1;

/** One generation of an app on this host: how to wake it and where it answers. */
export interface SnapshotGeneration {
  /** `<gen>`: 8 hex digits. */
  readonly id: string;
  /** `<app with _>-<gen>`: what unit instances are called. */
  readonly instance: string;
  /** Timer unit that holds the container awake: starting it starts the app, restarting it renews. */
  readonly lease: string;
  /** Length of the lease in seconds; null: it never runs out (the app never sleeps). */
  readonly leaseS: number | null;
  /** The container's unit. */
  readonly container: string;
  /** The app's socket unit and the path it listens on (for apps reachable through their gate only). */
  readonly socket: string;
  readonly socketPath: string;
  /** IP address of the app as seen from this host, and its port. */
  readonly address: string;
  readonly port: number;
  readonly startTimeoutS: number;
  /** The unit that fetches its image; null: it has none. */
  readonly image: string | null;
  /** The image may not be here yet: a start may have to wait for it. */
  readonly fetching: boolean;
}

export interface SnapshotApp {
  readonly name: string;
  readonly domains: readonly string[];
  readonly placements: readonly Placement[];
  /** apps.waiting_page, seconds. */
  readonly waitingPageS: number | null;
  /** The generation that serves here; null: the app is not placed on this host. */
  readonly here: SnapshotGeneration | null;
}

export interface Snapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  /** This host's name. */
  readonly host: string;
  /** Change-log position the snapshot was made from. */
  readonly revision: string;
  readonly hosts: readonly Host[];
  readonly apps: readonly SnapshotApp[];
}
