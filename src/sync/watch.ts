/**
 * `fc-sync --watch`: a pass after each committed change, after each hand-over, and now and then. While the database
 * is away, the rows that were read last go on being what is wanted, unless another run has applied others since.
 */
import { follow } from '../cmdb/changes.ts';
import type { Standing } from '../cmdb/history.ts';
import { reach } from '../cmdb/reach.ts';
import type { Reading } from '../cmdb/read.ts';
import type { CmdbConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { dueInMs, isIdle } from './due.ts';
import { lock } from './lock.ts';
import { readNewer } from './newer.ts';
import { failedLine, rejectionLine } from './report.ts';
import type { ReportFile } from './report-file.ts';
import { readStanding, sameStanding, writeStanding } from './standing.ts';
import type { SettledFile } from './settled.ts';
import type { PassReport, Sync } from './sync.ts';
import { Timer } from './timer.ts';
import { type Contact, inTouch, outOfTouch } from './told.ts';

/** A run by hand or timer is over in seconds. */
const LOCK_TIMEOUT_S = 120;

/** After a pass that could not be made (systemd does not answer, the disk is full). */
const RETRY_MS = 5_000;

export interface WatchOptions {
  readonly cmdb: CmdbConfig;
  readonly lockFile: string;
  readonly standingFile: string;
  readonly settled: Pick<SettledFile, 'note'>;
  readonly reportFile: Pick<ReportFile, 'passed' | 'tried'>;
  readonly allowRemovals: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Made with `due`, which it calls when a hand-over has ended or an image has come. */
  readonly makeSync: (due: () => void) => Pick<Sync, 'pass' | 'restore' | 'forget'>;
}

interface Wanted {
  readonly rows: Reading;
  /** Where the host stands once they are applied. */
  readonly standing: Standing;
  /** Where it must stand for them to be applied: they were read as what comes after it. */
  readonly after: Standing | null;
}

/** Runs until `signal` is aborted. */
export async function watch({ cmdb, lockFile, standingFile, settled, reportFile, allowRemovals, log, signal, makeSync }: WatchOptions): Promise<void> {
  let wanted: Wanted | null = null;
  let running: Promise<void> = Promise.resolve();
  let said: ReadonlySet<string> = new Set();
  let contact: Contact = outOfTouch('the CMDB has not been read yet');

  const whole = new Timer(() => void pass('everything'));
  /** Apps that have changed, or of which something is left to do soon. */
  const touched = new Set<string>();
  const soon = new Timer(() => void pass('touched'));
  const sync = makeSync(() => {
    if (!signal.aborted) whole.set(0);
  });
  /** One pass after the other; never rejects. */
  const pass = (what: 'everything' | 'touched'): Promise<void> => {
    running = running.then(async () => {
      if (wanted === null || signal.aborted || (what === 'touched' && touched.size === 0)) return;
      try {
        const unlock = await lock(lockFile, LOCK_TIMEOUT_S, signal);
        try {
          if (!sameStanding(await readStanding(standingFile), wanted.after)) {
            wanted = null; // Read anew at the next look.
            return;
          }
          await writeStanding(standingFile, wanted.standing);
          wanted = { ...wanted, after: wanted.standing };
          // Others may change meanwhile.
          const apps = new Set(touched);
          const report = await sync.pass(wanted.rows, allowRemovals, what === 'touched' ? apps : null);
          await settled.note(report.settled, wanted.standing);
          await reportFile.passed(report, wanted.rows.revision, contact);
          said = tell(report, said, log);
          const dueMs = dueInMs(report.plan);
          if (report.about === null || isIdle(dueMs)) for (const app of apps) touched.delete(app);
          else soon.set(dueMs);
          if (report.about === null) whole.set(dueMs);
        } finally {
          await unlock();
        }
      } catch (error) {
        if (signal.aborted && error instanceof Error && error.name === 'AbortError') return;
        log.error('the pass could not be made', { error: error instanceof Error ? error : String(error) });
        whole.set(RETRY_MS);
        await reportFile.tried(outOfTouch(error));
      }
    });
    return running;
  };

  await follow({
    reach: (use) => reach(cmdb, use),
    signal,
    onChange: async ({ full, apps, hosts }, connection, adopt) => {
      const after = await readStanding(standingFile);
      const some = full || hosts.size > 0 ? null : apps;
      const known = wanted === null ? null : { reading: wanted.rows, touched: some };
      const everything = known === null || some === null;
      if (everything) sync.forget();
      const { reading, standing } = await readNewer(connection, after, adopt ? 'other' : 'newer', log, known);
      wanted = { rows: reading, standing, after };
      contact = inTouch();
      for (const app of apps) touched.add(app);
      await pass(everything ? 'everything' : 'touched');
    },
    stale: () => wanted === null,
    onNothing: () => { contact = inTouch(); },
    onFailed: (error) => {
      contact = { ...outOfTouch(error), syncedAt: contact.syncedAt };
      void reportFile.tried(contact);
    },
    onLost: (error) => {
      log.error('the CMDB is lost; what serves goes on serving', { error });
      if (wanted === null) {
        void sync.restore().catch((cause: unknown) => log.error('cannot restore what served', { error: cause instanceof Error ? cause : String(cause) }));
      }
    },
    onReturn: () => log.info('the CMDB is back'),
    onMove: (address, passedOver) => log.warn('follows another address of the CMDB', { address, why: passedOver.map(({ message }) => message).join('; ') || undefined }),
  });
  await running;
  whole.clear();
  soon.clear();
}

/** Logs what was not logged after the pass before. @returns what holds now */
function tell(report: PassReport, before: ReadonlySet<string>, log: Logger): ReadonlySet<string> {
  const bad = report.rejections.map((rejection) => ({ key: rejectionLine(rejection), text: `rejected: ${rejectionLine(rejection).slice(2)}` }));
  // A text that counts seconds is another one each time.
  const failed = report.failed.map((failure) => ({ key: failedLine(failure).replace(/[0-9]+ s\b/g, 's'), text: failedLine(failure).slice(2) }));
  for (const { key, text } of [...bad, ...failed]) if (!before.has(key)) log.warn(text);
  // A pass over some apps knows nothing of what the others have.
  return new Set([...(report.about === null ? [] : before), ...[...bad, ...failed].map(({ key }) => key)]);
}
