/** Looks everywhere for what bears on a question. What cannot be had is missing, and the rest is told. */
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseSyncReport } from '../admin/sync-report.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { asError } from '../proxy/as-error.ts';
import { buildIndex } from '../proxy/route.ts';
import type { Snapshot, SnapshotApp } from '../snapshot/format.ts';
import { parseSnapshot } from '../snapshot/parse.ts';
import { readState } from '../sync/state.ts';
import { SystemdBus } from '../systemd/bus.ts';
import { HOST_PATHS } from '../systemd/paths.ts';
import { loadTemplates } from '../units/load-templates.ts';
import { instanceName, parseImageId, parseInstance } from '../model/names.ts';
import { ifThere } from '../files.ts';
import type { Facts, FailureFacts, Question, Seen, SnapshotFacts } from './facts.ts';
import { valueOf } from './facts.ts';
import { allStates, lookAtAdmin } from './look-admin.ts';
import { lookAtCmdb } from './look-cmdb.ts';
import { lookAtSystemd } from './look-systemd.ts';
import { nearest } from './nearest.ts';
import { type Asked, questionOf } from './question.ts';

/** The names that there are, and what is known of them. */
interface Known {
  readonly apps: readonly Pick<SnapshotApp, 'name' | 'domains'>[];
  /** App and domain for a host name. */
  readonly find: (host: string) => { readonly app: string; readonly rule: string } | null;
}

export async function look(asked: Asked, configFile: string): Promise<Facts> {
  const [published, report, config] = await Promise.all([
    seen(readSnapshot()),
    seen(readReport()),
    seen(Promise.resolve().then(() => loadConfig(configFile, 'fc-proxy'))),
  ]);
  const snapshot = valueOf(published)?.snapshot ?? null;
  const known = snapshot === null ? await askedNames() : namesOf(snapshot.apps, snapshot);
  const question = questionOf(asked, (name) => known.apps.some((one) => one.name === name), (host) => known.find(host) !== null);
  const route = question.kind === 'host' ? known.find(question.name) : null;
  const app = question.kind === 'host' ? route?.app ?? null : known.apps.some(({ name }) => name === question.name) ? question.name : null;
  const found = snapshot?.apps.find(({ name }) => name === app) ?? null;
  const host = snapshot?.host ?? valueOf(config)?.host.name ?? null;
  const asking = lookAtAdmin(app ?? (question.kind === 'app' ? question.name : null));
  const [admin, systemd, cmdb, failure, imageFailure] = await Promise.all([
    asking,
    // Which generation serves, fc-admin knows as well.
    asking.then(({ state }) => seen(withBus((bus) => lookAtSystemd(bus, {
      app, serves: found?.here?.instance ?? (app === null || state === null || state.generation === null ? null : instanceName(app, state.generation)), image: found?.here?.image ?? null,
      ports: (found?.placements ?? []).flatMap((one) => (one.host === host && one.listenPort !== null ? [one.listenPort] : [])),
    })))),
    seen(askCmdb(question, app, config)),
    failureOf(app),
    imageFailureOf(found?.here?.image ?? null),
  ]);
  return {
    at: Date.now(), host: host ?? valueOf(admin.status)?.host ?? null, root: process.getuid?.() === 0, question, app, rule: route?.rule ?? null,
    nearest: app !== null ? [] : nearest(question.name, question.kind === 'host' ? known.apps.flatMap(({ domains }) => domains) : known.apps.map(({ name }) => name)),
    ...admin,
    snapshot: 'missing' in published ? published : { value: factsOf(published.value, found) },
    report, failure, systemd, cmdb, imageFailure,
  };
}

function factsOf({ snapshot, writtenAt }: { readonly snapshot: Snapshot; readonly writtenAt: number }, app: SnapshotApp | null): SnapshotFacts {
  return { writtenAt, revision: snapshot.revision, hosts: snapshot.hosts, app };
}

async function readSnapshot(): Promise<{ readonly snapshot: Snapshot; readonly writtenAt: number }> {
  const [text, { mtimeMs }] = await Promise.all([readFile(HOST_PATHS.snapshot, 'utf8'), stat(HOST_PATHS.snapshot)]);
  return { snapshot: parseSnapshot(text), writtenAt: mtimeMs };
}

async function readReport(): Promise<NonNullable<ReturnType<typeof parseSyncReport>>> {
  const report = parseSyncReport(await readFile(HOST_PATHS.report, 'utf8'));
  if (report === null) throw new Error(`${HOST_PATHS.report} is no report of fc-sync`);
  return report;
}

function namesOf(apps: Known['apps'], snapshot: Snapshot): Known {
  const index = buildIndex(snapshot);
  return {
    apps,
    find: (host) => {
      const app = index.find({ host, app: null })?.app;
      return app === undefined ? null : { app, rule: ruleOf(apps.find(({ name }) => name === app)?.domains ?? [], host) };
    },
  };
}

/** Of the domains of the app that has it: itself, or the wildcard with the most labels. */
function ruleOf(domains: readonly string[], host: string): string {
  const covers = domains.filter((domain) => domain.startsWith('*.') && host.endsWith(domain.slice(1)));
  return domains.includes(host) ? host : covers.sort((a, b) => b.length - a.length)[0] ?? host;
}

/** As fc-admin tells them, for one who may not read the snapshot. */
async function askedNames(): Promise<Known> {
  const apps = await allStates().then((status) => status.apps, () => []);
  return {
    apps,
    find: (host) => {
      const fits = apps.flatMap(({ name, domains }) => domains.map((domain) => ({ app: name, rule: domain })))
        .filter(({ rule }) => rule === host || (rule.startsWith('*.') && host.endsWith(rule.slice(1))));
      return fits.find(({ rule }) => rule === host) ?? fits.sort((a, b) => b.rule.length - a.rule.length)[0] ?? null;
    },
  };
}

async function askCmdb(question: Question, app: string | null, config: Seen<Config>): Promise<Awaited<ReturnType<typeof lookAtCmdb>>> {
  if ('missing' in config) throw new Error(config.missing);
  if (config.value.cmdb.addresses.length === 0) throw new Error('none is configured ([cmdb] url)');
  const templates = await loadTemplates(fileURLToPath(new URL('../../templates', import.meta.url)));
  const { incarnations } = await readState(HOST_PATHS.state);
  return await lookAtCmdb(question, app, { config: config.value, templates, incarnationOf: (name) => incarnations.get(name) ?? 0 });
}

async function withBus<T>(use: (bus: SystemdBus) => Promise<T>): Promise<T> {
  const bus = new SystemdBus();
  try {
    return await use(bus);
  } finally {
    bus.close();
  }
}

/** Root's alone. */
async function failureOf(app: string | null): Promise<FailureFacts | null> {
  if (app === null) return null;
  const { failures } = await readState(HOST_PATHS.state).catch(() => ({ failures: new Map<string, never>() }));
  const failure = failures.get(app);
  return failure === undefined ? null : { generation: parseInstance(failure.instance)?.gen ?? failure.instance, count: failure.count, at: failure.atMs, why: failure.why };
}

async function imageFailureOf(unit: string | null): Promise<string | null> {
  const id = unit === null ? null : parseImageId(unit);
  return id === null ? null : (await ifThere(readFile(`${HOST_PATHS.imageFailures}/${id}`, 'utf8')).catch(() => null))?.trim() ?? null;
}

async function seen<T>(work: Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await work };
  } catch (error) {
    return { missing: reasonOf(asError(error)) };
  }
}

function reasonOf(error: Error): string {
  const { cause } = error;
  // The configuration says it in its own words.
  const from = cause instanceof Error && 'code' in cause ? cause : error;
  const code = 'code' in from ? from.code : null;
  const path = 'path' in from ? String(from.path) : '';
  if (code === 'EACCES') return `this user may not read ${path}`;
  if (code === 'ENOENT' && from === error) return `${path} is not there: fc-sync has not run here yet`;
  return error.message.split('\n').map((line) => line.trim()).join('; ');
}
