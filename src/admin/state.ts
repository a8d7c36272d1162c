/**
 * What a host says of itself, at `/state.json` of its admin listener: the one source of fc-status, fc-why, the page
 * and the metrics. Times are milliseconds since the epoch unless a name says otherwise. Its query chooses apps and
 * events: see select.ts.
 */

/** Raised when a reader of the old format could misread the new one. */
export const STATE_FORMAT = 1;

export const APP_STATES = ['asleep', 'deep', 'starting', 'awake', 'handing-over', 'stopping', 'quarantined', 'rejected', 'elsewhere'] as const;

/**
 * `deep`: in deep sleep. `handing-over`: a newer generation starts beside the one that serves. `quarantined`: it failed
 * to start and is not tried before `retryAt`. `rejected`: its row cannot be used; whether it is awake all the same says
 * `generation`, which serves as it was. `elsewhere`: not placed on this host.
 */
export type AppStateName = (typeof APP_STATES)[number];

/** One request, as far as it is told: no query, no fields but the one. */
export interface RequestSketch {
  readonly at: number;
  readonly method: string;
  readonly host: string;
  /** Without its query, at most 200 characters. */
  readonly path: string;
  /** Address of the client, or of the fleet's host that passed it on. */
  readonly client: string;
  /** At most 200 characters; empty: none was sent. */
  readonly userAgent: string;
  /** By its user agent: a crawler, monitor or program rather than a browser. */
  readonly bot: boolean;
}

/** Milliseconds. */
export interface StartTimes {
  readonly queue: number;
  readonly start: number;
  /** Of `start`: until systemd's job ran, podman, and until the app listened. Absent: not known. */
  readonly systemd?: number;
  readonly network?: number;
  readonly prepare?: number;
  readonly podman?: number;
  readonly ready?: number;
}

/** What happened, newest last; `id` rises by one each, and by more when fc-admin was restarted. `generation`, `from`: `<gen>`. */
export type HostEvent =
  | { readonly id: number; readonly at: number; readonly kind: 'woke'; readonly app: string; readonly generation: string; readonly times: StartTimes; readonly request: RequestSketch | null }
  | { readonly id: number; readonly at: number; readonly kind: 'start-failed'; readonly app: string; readonly generation: string; readonly why: string; readonly evidence: string; readonly failures: number; readonly retryAt: number | null; readonly request: RequestSketch | null }
  | { readonly id: number; readonly at: number; readonly kind: 'slept'; readonly app: string; readonly generation: string; readonly awakeMs: number }
  | { readonly id: number; readonly at: number; readonly kind: 'handed-over'; readonly app: string; readonly from: string; readonly generation: string };

export interface StartsOfApp {
  /** Since the host began to count: cold starts that succeeded, and that failed. */
  readonly done: number;
  readonly failed: number;
  /** Of the last 100 that succeeded; null: none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly lastMs: number | null;
}

export interface AppState {
  readonly name: string;
  readonly domains: readonly string[];
  readonly state: AppStateName;
  /** Since when it is in this state; null: not known. */
  readonly since: number | null;
  /** `<gen>` that serves here. */
  readonly generation: string | null;
  /** Generations of it whose container runs, the serving one among them or not. */
  readonly running: readonly string[];
  /** Why it is quarantined or rejected, as a sentence. */
  readonly why: string | null;
  readonly retryAt: number | null;
  /** Answered here since the host began to count; those passed on to another host count there. */
  readonly requests: number;
  /** Over the last ten seconds. */
  readonly requestsPerS: number;
  readonly inFlight: number;
  readonly last: RequestSketch | null;
  readonly starts: StartsOfApp;
  /** Of its running containers; null: none runs. */
  readonly memoryBytes: number | null;
  /** Since the host began to count; of containers that run, too. */
  readonly awakeSeconds: number;
  readonly memoryByteSeconds: number;
  readonly cpuSeconds: number;
}

/** What fc-sync says of its last pass: `report.json`, and here. */
export interface SyncState {
  /** When this host was last found, or made, to be as the CMDB says. */
  readonly syncedAt: number | null;
  /** When fc-sync last tried, and why it could not: null, it could. */
  readonly triedAt: number;
  readonly error: string | null;
  readonly revision: string | null;
  readonly rejections: readonly { readonly table: string; readonly key: string; readonly column: string; readonly why: string; readonly app: string | null }[];
  readonly failed: readonly { readonly subject: string; readonly what: string; readonly why: string }[];
  /** Apps whose next generation starts beside the one that serves. */
  readonly handingOver: readonly { readonly app: string; readonly to: string }[];
  /** Hand-overs since the host began to count, by how they ended. */
  readonly handOvers: { readonly done: number; readonly failed: number };
  /** Apps in deep sleep; at `/state.json`, of those that were asked for. */
  readonly deepAsleep: readonly string[];
}

/** At `/state.json`; its parameters are in query.ts. */
export interface HostStatus {
  readonly format: typeof STATE_FORMAT;
  /** hosts.name. */
  readonly host: string;
  readonly version: string;
  readonly at: number;
  /** When this host began to count. */
  readonly since: number;
  /** Null: it has never run, or says nothing that can be read. */
  readonly sync: SyncState | null;
  readonly proxy: {
    /** Of fc-proxy that report. */
    readonly processes: number;
    readonly connections: number;
    readonly inFlight: number;
    readonly requestsPerS: number;
    /** Starts that wait for their turn, and that are under way. */
    readonly startsWaiting: number;
    readonly startsRunning: number;
  };
  /** Of the whole host, however many of `apps` were asked for. */
  readonly counts: Readonly<Record<AppStateName, number>>;
  /** How many apps are as was asked, whatever `limit`; without a question, all. */
  readonly matching: number;
  readonly apps: readonly AppState[];
  readonly events: readonly HostEvent[];
}

/** What is in flight of the apps that were asked for, at `/inflight.json?app=…`: the oldest of it first. */
export interface InFlight {
  readonly format: typeof STATE_FORMAT;
  readonly at: number;
  /** How many there are, of which `requests` may be the first few. */
  readonly count: number;
  readonly requests: readonly {
    readonly app: string;
    /** `at`: when it came. */
    readonly request: RequestSketch;
    /** `upgrade`: a WebSocket or another protocol that it changed to; `waiting`: for the app to start. */
    readonly doing: 'waiting' | 'request' | 'upgrade';
  }[];
}

/** The fleet, at `/fleet.json`: each host as it says itself, or why it cannot be had. */
export interface FleetStatus {
  readonly format: typeof STATE_FORMAT;
  readonly at: number;
  readonly hosts: readonly (
    | { readonly name: string; readonly state: 'active' | 'draining' | 'down'; readonly status: HostStatus }
    | { readonly name: string; readonly state: 'active' | 'draining' | 'down'; readonly status: null; readonly why: string }
  )[];
}
