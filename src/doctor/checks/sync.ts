import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../files.ts';
import { SnapshotError } from '../../snapshot/parse.ts';
import { SnapshotReader } from '../../snapshot/text.ts';
import { jsonOrNull } from '../../sync/json-or-null.ts';
import { HOST_PATHS } from '../../systemd/paths.ts';
import { check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { showUnits } from '../units.ts';

export interface SyncFacts {
  /** Whether anybody reads a CMDB at all. */
  readonly hasCmdb: boolean;
  readonly watch: UnitLook;
  readonly timer: UnitLook;
  /** A crontab names fc-sync. */
  readonly cron: boolean;
  /** What is wrong with fc-proxy's snapshot, `missing` if it is not there; null: nothing. */
  readonly snapshot: string | null;
  /** Of report.json; null: it is not there, or is damaged. */
  readonly report: { readonly syncedAt: number | null; readonly error: string | null } | null;
  readonly nowMs: number;
}

export interface UnitLook {
  readonly enabled: boolean;
  readonly active: boolean;
}

/** A whole look is due every five minutes. */
const LATE_MS = 15 * 60_000;

export function judgeSync({ hasCmdb, watch, timer, cron, snapshot, report, nowMs }: SyncFacts): readonly Finding[] {
  if (!hasCmdb) return [];
  const findings: Finding[] = [];
  if (!watch.active && !timer.active && !cron) {
    findings.push(warning('neither fc-sync-watch.service nor fc-sync.timer is active, and no crontab names fc-sync', 'a changed row waits until somebody runs fc-sync', command('systemctl enable --now fc-sync-watch.service')));
  } else if ((watch.active && !watch.enabled) || (timer.active && !timer.enabled)) {
    const unit = watch.active ? 'fc-sync-watch.service' : 'fc-sync.timer';
    findings.push(warning(`${unit} does not start with the host`, 'after the next boot a changed row waits until somebody runs fc-sync', command(`systemctl enable ${unit}`)));
  }
  if (watch.active && timer.active) {
    findings.push(warning('both fc-sync-watch.service and fc-sync.timer are active', 'they wait for each other', command('systemctl disable --now fc-sync.timer')));
  }
  if (snapshot === 'missing') findings.push(error('fc-sync has never finished a pass here', 'fc-proxy knows no app', command('fc-sync')));
  else if (snapshot !== null) findings.push(error(`fc-proxy cannot read its snapshot: ${snapshot}`, 'it goes on with the one it has, and knows no app once it is restarted', command(`rm ${HOST_PATHS.snapshot} && fc-sync --json >/dev/null`)));
  if (report !== null) {
    if (report.error !== null) findings.push(error(`fc-sync failed when it tried last: ${report.error}`, 'no changed row reaches this host; what serves goes on', command('fc-sync')));
    else if (report.syncedAt !== null && nowMs - report.syncedAt > LATE_MS) {
      findings.push(warning(`this host was last found to be as the CMDB says ${Math.round((nowMs - report.syncedAt) / 60_000)} minutes ago`, 'a pass is under way for long, or none has begun', command('fc-sync')));
    }
  }
  return findings;
}

export default check<SyncFacts>({
  id: 'sync',
  looksAt: 'that fc-sync runs by itself, when it last succeeded, and what it left for fc-proxy',
  look: async (host) => {
    const units = ['fc-sync-watch.service', 'fc-sync.timer'];
    const shown = await showUnits(units, ['UnitFileState', 'ActiveState']);
    const [watch, timer] = units.map((unit): UnitLook => ({ enabled: shown.get(unit)?.get('UnitFileState') === 'enabled', active: ['active', 'activating'].includes(shown.get(unit)?.get('ActiveState') ?? '') }));
    const none = { enabled: false, active: false };
    return {
      hasCmdb: (await host.config()).cmdb.addresses.length > 0,
      watch: watch ?? none, timer: timer ?? none,
      cron: await inCron(),
      snapshot: await snapshotProblem(),
      report: parseReport(await ifThere(readFile(HOST_PATHS.report, 'utf8'))),
      nowMs: Date.now(),
    };
  },
  judge: judgeSync,
});

async function inCron(): Promise<boolean> {
  const files = ['/etc/crontab', '/var/spool/cron/crontabs/root', ...await inFolder('/etc/cron.d')];
  const texts = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.some((text) => /^[^#\n]*\bfc-sync\b/m.test(text));
}

async function inFolder(folder: string): Promise<readonly string[]> {
  return ((await ifThere(readdir(folder))) ?? []).map((name) => join(folder, name));
}

async function snapshotProblem(): Promise<string | null> {
  // The folder is not everybody's: that it may not be entered says nothing of what is in it.
  await stat(HOST_PATHS.stateDir);
  const text = await ifThere(readFile(HOST_PATHS.snapshot, 'utf8'));
  if (text === null) return 'missing';
  try {
    await new SnapshotReader().read(text);
    return null;
  } catch (cause) {
    if (cause instanceof SnapshotError) return cause.message;
    throw cause;
  }
}

export function parseReport(text: string | null): SyncFacts['report'] {
  const value = jsonOrNull(text);
  if (typeof value !== 'object' || value === null) return null;
  const { syncedAt, error: why }: { syncedAt?: unknown; error?: unknown } = value;
  if ((typeof syncedAt !== 'number' && syncedAt !== null) || (typeof why !== 'string' && why !== null)) return null;
  return { syncedAt, error: why };
}
