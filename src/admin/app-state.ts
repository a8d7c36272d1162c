/** How an app stands on this host, of all that is known of it. Pure. */
import type { Trouble } from '../report/words.ts';
import type { SnapshotApp } from '../snapshot/format.ts';
import type { Account } from './account.ts';
import { runs, type Container } from './containers.ts';
import type { Metered } from './meter.ts';
import type { AppState, AppStateName } from './state.ts';

/** What fc-sync's report says of an app. */
export interface SyncWords {
  /** Why its rows are not applied. */
  readonly rejected: string | null;
  /** `<gen>` that starts beside the one that serves. */
  readonly handingOver: string | null;
  readonly deep: boolean;
}

export interface AppFacts {
  readonly name: string;
  /** Null: fc-sync has not published it; then its rows were rejected. */
  readonly app: SnapshotApp | null;
  readonly containers: readonly Container[];
  readonly sync: SyncWords;
  /** Of the generation that serves; null: it starts when somebody asks for it. */
  readonly trouble: Trouble | null;
  /** Null: nobody has asked for it yet. */
  readonly account: Account | null;
  readonly metered: Metered;
  readonly now: number;
}

interface Standing {
  readonly state: AppStateName;
  readonly since: number | null;
  readonly why?: string | null;
  readonly retryAt?: number | null;
}

export function appState(facts: AppFacts): AppState {
  const { name, app, containers, account, metered, now } = facts;
  const { state, since, why = null, retryAt = null } = standingOf(facts);
  return {
    name,
    domains: app?.domains ?? [],
    state, since,
    generation: app?.here?.id ?? null,
    running: containers.filter(runs).map(({ gen }) => gen),
    why, retryAt,
    requests: account?.requests ?? 0,
    requestsPerS: account?.requestsPerS(now) ?? 0,
    inFlight: account?.inFlight ?? 0,
    last: account?.last ?? null,
    starts: account?.starts ?? NO_STARTS,
    memoryBytes: metered.memoryBytes,
    awakeSeconds: metered.awakeSeconds,
    memoryByteSeconds: metered.memoryByteSeconds,
    cpuSeconds: metered.cpuSeconds,
  };
}

const NO_STARTS: AppState['starts'] = { done: 0, failed: 0, p50Ms: null, p95Ms: null, lastMs: null };

/** The first of these that is so: whoever looks wants to know most what is wrong, then what goes on. */
function standingOf({ app, containers, sync, trouble, account, now }: AppFacts): Standing {
  if (sync.rejected !== null) return { state: 'rejected', since: null, why: sync.rejected };
  const here = app?.here ?? null;
  if (here === null) return { state: 'elsewhere', since: null };
  const serving = containers.find(({ instance }) => instance === here.instance);
  if (sync.handingOver !== null) {
    const next = containers.find(({ gen }) => gen === sync.handingOver);
    return { state: 'handing-over', since: timeOf(next?.startedAt ?? 0) };
  }
  switch (serving?.state) {
    case 'active': case 'reloading': return { state: 'awake', since: timeOf(serving.activeAt) };
    case 'activating': return { state: 'starting', since: timeOf(serving.startedAt) };
    case 'deactivating': return { state: 'stopping', since: timeOf(serving.changedAt) };
    default:
  }
  if (trouble !== null && trouble.retryAt !== null && trouble.retryAt > now) {
    return { state: 'quarantined', since: timeOf(serving?.changedAt ?? 0), why: trouble.why, retryAt: trouble.retryAt };
  }
  return { state: sync.deep ? 'deep' : 'asleep', since: timeOf(account?.sleptAt ?? 0) };
}

function timeOf(time: number): number | null {
  return time > 0 ? Math.round(time) : null;
}
