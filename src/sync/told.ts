/** What fc-sync tells of itself (SyncState): from what it told before and what a pass, or a try, came to. Pure. */
import type { SyncState as Told } from '../admin/state.ts';
import { parseInstance } from '../model/names.ts';
import type { Failed } from '../systemd/apply.ts';
import type { PassReport } from './sync.ts';

export type { Told };

/** How it stands with the CMDB. Times: ms since the epoch. */
export interface Contact {
  /** When its rows were read last, or found to be those that are applied already; null: not by this run. */
  readonly syncedAt: number | null;
  readonly triedAt: number;
  /** Why they could not be read or applied; null: they could. */
  readonly error: string | null;
}

/** That all is well, as of now. */
export function inTouch(): Contact {
  return { syncedAt: Date.now(), triedAt: Date.now(), error: null };
}

/** That it could not be done, as of now. */
export function outOfTouch(error: unknown): Contact {
  return { syncedAt: null, triedAt: Date.now(), error: error instanceof Error ? error.message : String(error) };
}

const NOTHING: Told = {
  syncedAt: null, triedAt: 0, error: null, revision: null, rejections: [], failed: [], handingOver: [], handOvers: { done: 0, failed: 0 }, deepAsleep: [],
};

/** @param before null: nothing has been told yet */
export function afterTry(before: Told | null, { syncedAt, triedAt, error }: Contact): Told {
  const old = before ?? NOTHING;
  return { ...old, syncedAt: syncedAt ?? old.syncedAt, triedAt, error };
}

/** @param handOvers ended since `before` was told */
export function afterPass(before: Told | null, contact: Contact, report: PassReport, revision: string, handOvers: Told['handOvers']): Told {
  const { plan, about, rejections, failed } = report;
  const old = afterTry(before, contact);
  // A pass over some apps knows nothing of what the others have.
  const ofOthers = <T>(items: readonly T[], appOf: (item: T) => string): readonly T[] => (about === null ? [] : items.filter((item) => !about.has(appOf(item))));
  return {
    ...old,
    revision,
    rejections: rejections.map(({ table, key, column, why, app }) => ({ table, key, column, why, app })),
    failed: [...ofOthers(old.failed, ({ subject }) => appOfSubject(subject)), ...failed.map(toldFailure)],
    handingOver: [...ofOthers(old.handingOver, ({ app }) => app), ...plan.steps.flatMap((step) =>
      (step.kind === 'handOver' || step.kind === 'replace' || step.kind === 'busy' ? [{ app: step.app, to: step.to.id }] : []))],
    handOvers: { done: old.handOvers.done + handOvers.done, failed: old.handOvers.failed + handOvers.failed },
    deepAsleep: [...ofOthers(old.deepAsleep, (app) => app), ...plan.sleep.deep].sort(),
  };
}

/** No hand-over outlives the run that began it. */
export function afterRun(before: Told | null, handOvers: Told['handOvers']): Told {
  const old = before ?? NOTHING;
  return { ...old, handingOver: [], handOvers: { done: old.handOvers.done + handOvers.done, failed: old.handOvers.failed + handOvers.failed } };
}

function toldFailure({ subject, what, cause }: Failed): Told['failed'][number] {
  return { subject, what, why: cause instanceof Error ? cause.message : String(cause) };
}

/** The app that a failure is about, whose subject it or one of its units is; '' for what is about several. */
function appOfSubject(subject: string): string {
  const instance = /^fc-[a-z0-9-]+?[-@]([a-z0-9_]+-[0-9a-f]{8})\.[a-z]+$/.exec(subject)?.[1];
  return instance === undefined ? subject : parseInstance(instance)?.app ?? '';
}

/** Whether a reader would see no difference but in times. A text that counts seconds is another one each time. */
export function tellsTheSame(one: Told, other: Told): boolean {
  const news = ({ syncedAt: _syncedAt, triedAt: _triedAt, failed, ...rest }: Told): string =>
    JSON.stringify([rest, failed.map(({ what, ...said }) => ({ ...said, what: what.replace(/[0-9]+ s\b/g, 's') }))]);
  return news(one) === news(other);
}
