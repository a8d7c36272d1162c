/** Why what the rows say is not what the host does. Pure. */
import type { CmdbFacts, Facts, UnitFacts } from './facts.ts';
import { valueOf } from './facts.ts';
import { say, type Section, type Sentence } from './say.ts';
import { hostName, isUp, routeOf, systemdOf } from './standing.ts';
import { ago, ahead, listed } from './words.ts';
import { retryPauseMs } from '../systemd/plan.ts';

/** What has just been committed is on its way. */
const ON_ITS_WAY_MS = 5_000;

/** A rejection, as the report and the CMDB's own look tell it. */
interface Rejected {
  readonly table: string;
  readonly key: string;
  readonly column: string;
  readonly why: string;
  readonly app: string | null;
}

export function whyNotApplied(facts: Facts): Section | null {
  const sentences = [...rejected(facts), ...notStarted(facts), ...failed(facts), ...handingOver(facts), ...unused(facts), ...behind(facts), ...noSync(facts)];
  const title = sentences.some(({ applied }) => applied !== true) ? 'Why is its row not applied?' : 'Is what its rows say applied?';
  return { title, wrong: sentences.some((one) => one.wrong), sentences: sentences.map(({ sentence }) => sentence) };
}

/** `applied`: it says so of no row that it is not. */
type Judged = { readonly sentence: Sentence; readonly wrong: boolean; readonly applied?: boolean };

const wrong = (text: string, ...evidence: Parameters<typeof say>[1][]): Judged => ({ sentence: say(text, ...evidence), wrong: true });
const fine = (text: string, ...evidence: Parameters<typeof say>[1][]): Judged => ({ sentence: say(text, ...evidence), wrong: false });

/** Those of the app, and of the host name that was asked: as the rows are now, if they were read, or were at fc-sync's last look. */
export function rejectionsOf(facts: Facts): readonly Rejected[] {
  const { app, question } = facts;
  const all: readonly Rejected[] = latest(facts);
  const name = app ?? (question.kind === 'app' ? question.name : valueOf(facts.cmdb)?.rule?.app ?? null);
  const isAsked = ({ table, key }: Rejected): boolean => question.kind === 'host' && table === 'domains' && key.toLowerCase().replace(/\.$/, '') === question.name;
  // Who asks for one name is not helped by another's.
  const isOther = (one: Rejected): boolean => app === null && question.kind === 'host' && one.table === 'domains' && !isAsked(one);
  return all.filter((one) => !isOther(one)).filter((one) => (name !== null && one.app === name) || isAsked(one)
    || (name !== null && one.app === null && (one.table === 'apps' ? one.key === name : one.table === 'placements' && one.key.startsWith(`${name}/`)))
    || (one.table === 'hosts' && one.key === facts.host));
}

/** Whether one place in the change log is after another. */
function isLater(revision: string, other: string): boolean {
  const place = (text: string): bigint => (/^[0-9]+$/.test(text) ? BigInt(text) : 0n);
  return place(revision) > place(other);
}

/** fc-sync saw all rows, of which those of one app may not show what is wrong with them, unless they were changed since. */
function latest({ cmdb, report }: Facts): readonly Rejected[] {
  const [rows, told] = [valueOf(cmdb), valueOf(report)];
  const changed = rows?.changed?.revision ?? '0';
  const isOld = told === null || isLater(changed, told.revision ?? '0');
  return (isOld ? rows?.rejections : null) ?? told?.rejections ?? [];
}

function rejected(facts: Facts): readonly Judged[] {
  const list = rejectionsOf(facts);
  const isHere = (routeOf(facts)?.here ?? null) !== null;
  const consequence = (table: string): string =>
    (table === 'domains' ? ' So that name leads nowhere.' : isHere && table !== 'hosts' ? ' Until it is put right, what served before goes on serving.' : '');
  return list.map(({ table, key, column, why }) =>
    wrong(`The row of ${table} whose key is '${key}' is not used: its column ${column} ${why}.${consequence(table)}`));
}

/** A generation of the new row that did not start. */
function notStarted({ failure, at }: Facts): readonly Judged[] {
  if (failure === null) return [];
  const retryAt = failure.at + retryPauseMs(failure.count);
  return [wrong(`The app did not start as its row now says, so it goes on as it was before; ${retryAt > at ? `tried again ${ahead(retryAt, at)}` : 'it is tried again at fc-sync\'s next look'}.`,
    `generation ${failure.generation}, ${ago(failure.at, at)}${failure.count > 1 ? `, ${failure.count} times so far` : ''}: ${failure.why}`)];
}

function failed({ app, report, failure }: Facts): readonly Judged[] {
  const list = (valueOf(report)?.failed ?? []).filter(({ subject, what }) => subject === app && (failure === null || !what.includes('did not start')));
  return list.map(({ what, why }) => wrong(`fc-sync says of it: ${what}.`, why));
}

function handingOver({ app, report }: Facts): readonly Judged[] {
  return (valueOf(report)?.handingOver ?? []).filter((one) => one.app === app)
    .map(({ to }) => fine(`A hand-over is under way: generation ${to} is started beside the one that serves, and takes over once it is ready.`));
}

/** Rows that say themselves that nothing is to be here. */
function unused(facts: Facts): readonly Judged[] {
  const rows = valueOf(facts.cmdb);
  const name = facts.app;
  // Of an app that nobody knows here, that is said first of all.
  if (rows === null || name === null) return [];
  switch (rows.app) {
    case 'absent': return [fine(`The table apps has no row ${name} any more.`, `at ${rows.address}`)];
    case 'disabled': return [wrong(`The row says that the app is to be nowhere: apps.enabled is 0.`, `UPDATE apps SET enabled = 1 WHERE name = '${name}';`)];
    default: return rows.placedOn.length > 0 || routeOf(facts)?.placements.length === 0 ? [] : [wrong('No row places the app on any host.', `INSERT INTO placements (app, host) VALUES ('${name}', '${facts.host ?? 'HOST'}');`)];
  }
}

/** The CMDB has gone on, or is wanted otherwise than it is served. */
function behind(facts: Facts): readonly Judged[] {
  const rows = valueOf(facts.cmdb);
  const snapshot = valueOf(facts.snapshot);
  if (rows === null || snapshot === null) return [];
  const changed = rows.changed;
  const late = changed !== null && isLater(changed.revision, snapshot.revision);
  if (late && changed !== null) {
    const recent = facts.at - changed.at < ON_ITS_WAY_MS && looksByItself(facts) !== false;
    const text = `Its rows were changed ${ago(changed.at, facts.at)}, and fc-sync has not applied that yet.`;
    return [{ wrong: !recent, sentence: say(text, `the CMDB is at change ${rows.revision}, the app's is ${changed.revision}; ${hostName(facts)} has applied ${snapshot.revision}`) }];
  }
  return generationDiffers(facts, rows);
}

function generationDiffers(facts: Facts, rows: CmdbFacts): readonly Judged[] {
  const here = routeOf(facts)?.here ?? null;
  if (rows.generation === null || here === null || here.id === rows.generation || rows.rejections.length > 0 || facts.failure !== null) return [];
  const under = (valueOf(facts.report)?.handingOver ?? []).some(({ app }) => app === facts.app);
  if (under) return [];
  const image = systemdOf(facts)?.image ?? null;
  return [fine(`What serves is not yet what its row says: generation ${here.id} instead of ${rows.generation}${image !== null && image.activeState !== 'active' ? ', whose image is not here yet' : ''}.`)];
}

const LOOKS: readonly string[] = ['fc-sync-watch.service', 'fc-sync.timer'];

function looks(facts: Facts): readonly UnitFacts[] {
  const program = systemdOf(facts)?.program ?? {};
  return LOOKS.flatMap((unit): readonly UnitFacts[] => (program[unit] === undefined ? [] : [program[unit]]));
}

/** Whether something makes fc-sync look; null: not known. */
function looksByItself(facts: Facts): boolean | null {
  const units = looks(facts);
  return units.length === 0 ? null : units.some(({ activeState }) => isUp(activeState));
}

/** Whether fc-sync looks at the rows at all. */
function noSync(facts: Facts): readonly Judged[] {
  const report = valueOf(facts.report);
  const judged: Judged[] = [];
  if (report !== null && report.error !== null) {
    judged.push(wrong(`fc-sync could not do its work ${ago(report.triedAt, facts.at)}: ${report.error}.`,
      report.syncedAt === null ? 'it never could, as far as is known' : `the last time that it could was ${ago(report.syncedAt, facts.at)}; what served then goes on serving`));
  }
  const known = looks(facts);
  if (looksByItself(facts) === false) {
    const syncedAt = report?.syncedAt ?? null;
    const last = report === null ? '' : syncedAt === null ? ' It has never looked yet.' : ` It last did so ${ago(syncedAt, facts.at)}.`;
    const broken = known.some(({ activeState }) => activeState === 'failed');
    const sentence = say(`Nothing has fc-sync look at the rows by itself: neither ${listed(LOOKS).replace(' and ', ' nor ')} is active.${last}`,
      ...known.map(({ unit, activeState }) => `${unit}: ${activeState}`), 'fc-sync, or: systemctl enable --now fc-sync-watch');
    // A host may have its fc-sync run by cron, or by hand.
    judged.push({ wrong: broken, sentence, applied: !broken });
  }
  return judged;
}
