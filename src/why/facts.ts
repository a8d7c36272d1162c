/** What fc-why knows when it answers: everything that it could see of one app, or of one host name. Times: ms since the epoch. */
import type { AppState, HostStatus, InFlight, SyncState } from '../admin/state.ts';
import type { Host, Placement, Rejection } from '../model/app.ts';
import type { SnapshotGeneration } from '../snapshot/format.ts';
import type { ServiceEvidence } from '../systemd/manager.ts';

/** What was looked for, or why it could not be had: a part of a sentence, `fc-admin does not listen at …`. */
export type Seen<T> = { readonly value: T } | { readonly missing: string };

export function valueOf<T>(seen: Seen<T>): T | null {
  return 'value' in seen ? seen.value : null;
}

/** What was asked: an app, or a host name as requests have it, in lower case. */
export type Question = { readonly kind: 'app'; readonly name: string } | { readonly kind: 'host'; readonly name: string };

/** A unit as systemd has it. */
export interface UnitFacts {
  readonly unit: string;
  readonly activeState: string;
  readonly subState: string;
  /** Since when it is in this state; null: systemd does not say, as of a unit that it has forgotten. */
  readonly since: number | null;
  /** Since when it is active; null: it is not. */
  readonly activeSince: number | null;
  readonly restarts: number;
  /** Of a timer; null: it is none, or does not run. */
  readonly elapsesAt: number | null;
  /** Of a service; null: it is none, or systemd has forgotten it. */
  readonly evidence: ServiceEvidence | null;
}

export interface LogLine {
  readonly at: number;
  /** `app`: what the app printed; `systemd`: what systemd says of the unit. */
  readonly by: 'app' | 'systemd';
  readonly text: string;
}

/** A generation of the app on this host. */
export interface GenerationFacts {
  readonly instance: string;
  /** Whether new requests go to it. */
  readonly serves: boolean;
  readonly container: UnitFacts;
  readonly gate: UnitFacts;
  /** Its leases that run; there may be others than the one that it is to have. */
  readonly leases: readonly UnitFacts[];
  readonly refuse: UnitFacts;
  /** Connections at its socket; null: not known. */
  readonly connections: number | null;
  /** Of the last time that its container ran, oldest first. */
  readonly log: readonly LogLine[];
  /** When its start failed, by the journal, if it has not started since; null: it has, or nothing is known. */
  readonly failedAt: number | null;
}

/** A listen_port of the app here. */
export interface PortFacts {
  readonly port: number;
  readonly door: UnitFacts;
  readonly gate: UnitFacts;
  /** Clients that are connected, `192.0.2.7:51234`. */
  readonly clients: readonly string[];
}

export interface SystemdFacts {
  readonly generations: readonly GenerationFacts[];
  readonly ports: readonly PortFacts[];
  /** The unit that fetches its image; null: it needs none. */
  readonly image: UnitFacts | null;
  /** fc-proxy.service, fc-sync.timer …, by name. */
  readonly program: Readonly<Record<string, UnitFacts>>;
}

/** What the snapshot says, which fc-proxy goes by. */
export interface SnapshotFacts {
  readonly writtenAt: number;
  readonly revision: string;
  readonly hosts: readonly Host[];
  /** Null: it does not have the app. */
  readonly app: { readonly domains: readonly string[]; readonly placements: readonly Placement[]; readonly here: SnapshotGeneration | null } | null;
}

/** A generation that was tried and did not start, as fc-sync remembers it. */
export interface FailureFacts {
  readonly generation: string;
  readonly count: number;
  readonly at: number;
  readonly why: string;
}

/** What the rows say now. */
export interface CmdbFacts {
  readonly address: string;
  readonly revision: string;
  /** The last change of the app's rows that the log has. */
  readonly changed: { readonly revision: string; readonly at: number } | null;
  readonly app: 'absent' | 'disabled' | 'rejected' | 'good';
  /** Hosts of its placements, also of those that were rejected. */
  readonly placedOn: readonly string[];
  readonly domains: readonly string[];
  readonly rejections: readonly Rejection[];
  /** What would serve here if the rows were applied; null: nothing. */
  readonly generation: string | null;
  /** Of the host name that was asked: the row that has it, and its app. */
  readonly rule: { readonly fqdn: string; readonly app: string } | null;
}

export interface Facts {
  readonly at: number;
  /** hosts.name of this host; null: not known. */
  readonly host: string | null;
  readonly root: boolean;
  readonly question: Question;
  /** The app that it is about; null: there is none of that name, or none that has the host name. */
  readonly app: string | null;
  /** The domain by which fc-proxy finds the app for the host name: itself, or a wildcard. */
  readonly rule: string | null;
  /** What is called nearly so, the nearest first. */
  readonly nearest: readonly string[];
  readonly status: Seen<Pick<HostStatus, 'host' | 'at' | 'events' | 'proxy'>>;
  readonly state: AppState | null;
  readonly inFlight: Seen<Pick<InFlight, 'count' | 'requests'>>;
  readonly snapshot: Seen<SnapshotFacts>;
  readonly report: Seen<SyncState>;
  readonly failure: FailureFacts | null;
  readonly systemd: Seen<SystemdFacts>;
  readonly cmdb: Seen<CmdbFacts>;
  /** Why the image is not here, as its unit left it; null: it is, or nothing is known. */
  readonly imageFailure: string | null;
}
