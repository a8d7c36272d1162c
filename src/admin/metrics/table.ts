/**
 * All metrics of /metrics, in one table: what is served and docs/metrics.md are made of it. Names and units as
 * https://prometheus.io/docs/practices/naming/ has them. A metric never says two things: what sums up sensibly over its
 * labels has one name, what does not has two.
 */
import { LATENCY_MS } from '../../report/counts.ts';
import { APP_STATES } from '../state.ts';
import type { Answers, Distribution, Figures } from './figures.ts';
import { coarser, together } from './figures.ts';

export type Labels = Readonly<Record<string, string>>;
/** A number, or for a histogram where values lay. */
export type Reading = readonly [labels: Labels, value: number | Distribution];

export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Names of its labels, and what each says. */
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
  /** Upper bounds in seconds, of a histogram. */
  readonly bounds?: readonly number[];
  readonly read: (figures: Figures) => Iterable<Reading>;
}

/** Of latencies, on the whole host and by app: thousands of apps are to fit into a Prometheus. */
export const LATENCY_S: readonly number[] = LATENCY_MS.map((ms) => ms / 1000);
export const APP_LATENCY_S = [0.01, 0.1, 0.5, 2.5, 10] as const;
export const START_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** Parts of a cold start. */
export const START_PARTS = {
  total: 'until the app could be spoken to',
  queue: 'until the start had its turn',
  systemd: 'until systemd began',
  network: 'the network namespace, where it had to be made',
  prepare: 'volumes and secrets, where there are any',
  podman: 'until the app\'s process ran',
  ready: 'until it listened',
} as const;

const APP = { app: 'its name' } as const;
const CODE = { code: '`2xx` …; `none`: the client left before there was an answer' } as const;
const RESULT = { result: '`success` or `failure`' } as const;

export const METRICS: readonly MetricSpec[] = [
  {
    name: 'fastcontainer_requests_total', type: 'counter', labels: { ...APP, ...CODE },
    help: 'Requests to apps on this host that are over.',
    read: ({ apps }) => apps.flatMap(({ name: app, answers }) => [...answered(answers, { app })]),
  },
  {
    name: 'fastcontainer_requests_in_flight', type: 'gauge', labels: APP,
    help: 'Requests and upgraded connections (WebSocket) that an app has now; of apps that have any.',
    read: ({ apps }) => apps.filter(({ inFlight }) => inFlight > 0).map(({ name: app, inFlight }) => [{ app }, inFlight]),
  },
  {
    name: 'fastcontainer_request_duration_seconds', type: 'histogram', labels: {}, bounds: LATENCY_S,
    help: 'Time from a request until its answer begins, the wait for a start included; of all apps on this host.',
    read: ({ apps }) => [[{}, together(apps.map(({ latency }) => latency), LATENCY_S)]],
  },
  {
    name: 'fastcontainer_app_request_duration_seconds', type: 'histogram', labels: APP, bounds: APP_LATENCY_S,
    help: 'The same by app, with fewer buckets; of apps that had a request.',
    read: ({ apps }) => apps.filter(({ answers }) => answers.some((count) => count > 0)).map(({ name: app, latency }) => [{ app }, coarser(latency, APP_LATENCY_S)]),
  },
  {
    name: 'fastcontainer_forwarded_requests_total', type: 'counter', labels: CODE,
    help: 'Requests that this host has passed on to another one, which counts them for their apps.',
    read: ({ passed }) => answered(passed, {}),
  },
  {
    name: 'fastcontainer_unrouted_requests_total', type: 'counter', labels: CODE,
    help: 'Requests whose host name no app has, or that were no HTTP.',
    read: ({ unrouted }) => answered(unrouted, {}),
  },
  {
    name: 'fastcontainer_cold_starts_total', type: 'counter', labels: { ...APP, ...RESULT },
    help: 'Starts of apps that slept.',
    read: ({ apps }) => apps.flatMap(({ name: app, started, failed }) => results({ success: started, failure: failed }, { app })),
  },
  {
    name: 'fastcontainer_cold_start_duration_seconds', type: 'histogram', bounds: START_S,
    labels: { part: Object.entries(START_PARTS).map(([part, what]) => `\`${part}\` ${what}`).join('; ') },
    help: 'Where the time of cold starts went that succeeded, since fc-admin began.',
    read: ({ starts }) => [...starts].map(([part, distribution]) => [{ part }, distribution]),
  },
  {
    name: 'fastcontainer_starts_waiting', type: 'gauge', labels: {},
    help: 'Starts that wait for their turn.',
    read: ({ proxy }) => [[{}, proxy.startsWaiting]],
  },
  {
    name: 'fastcontainer_starts_running', type: 'gauge', labels: {},
    help: 'Starts that are under way.',
    read: ({ proxy }) => [[{}, proxy.startsRunning]],
  },
  {
    name: 'fastcontainer_apps', type: 'gauge', labels: { state: APP_STATES.map((state) => `\`${state}\``).join(', ') },
    help: 'Apps of which this host knows, by how they stand here.',
    read: ({ states }) => APP_STATES.map((state) => [{ state }, states[state]]),
  },
  {
    name: 'fastcontainer_quarantined', type: 'gauge', labels: APP,
    help: '1 for each app that fails to start and is tried again only later.',
    read: ({ quarantined }) => quarantined.map((app) => [{ app }, 1]),
  },
  {
    name: 'fastcontainer_proxy_processes', type: 'gauge', labels: {},
    help: 'Processes of fc-proxy that report to fc-admin.',
    read: ({ proxy }) => [[{}, proxy.processes]],
  },
  {
    name: 'fastcontainer_client_connections', type: 'gauge', labels: {},
    help: 'Connections that clients and other hosts have to fc-proxy.',
    read: ({ proxy }) => [[{}, proxy.connections]],
  },
  {
    name: 'fastcontainer_sync_up', type: 'gauge', labels: {},
    help: '1: fc-sync could read the CMDB when it last tried.',
    read: ({ sync }) => [[{}, sync !== null && sync.error === null ? 1 : 0]],
  },
  {
    name: 'fastcontainer_sync_last_success_timestamp_seconds', type: 'gauge', labels: {},
    help: 'When this host was last found, or made, to be as the CMDB says.',
    read: ({ sync }) => time(sync?.syncedAt ?? null),
  },
  {
    name: 'fastcontainer_sync_last_try_timestamp_seconds', type: 'gauge', labels: {},
    help: 'When fc-sync last looked at the CMDB.',
    read: ({ sync }) => time(sync?.triedAt ?? null),
  },
  {
    name: 'fastcontainer_sync_rejected_rows', type: 'gauge', labels: { table: 'of the CMDB' },
    help: 'Rows that cannot be used; their apps stay as they were.',
    read: ({ sync }) => (sync === null ? [] : byTable(sync.rejections.map(({ table }) => table))),
  },
  {
    name: 'fastcontainer_sync_failures', type: 'gauge', labels: {},
    help: 'What fc-sync could not do when it last tried, and tries again.',
    read: ({ sync }) => (sync === null ? [] : [[{}, sync.failed.length]]),
  },
  {
    name: 'fastcontainer_hand_overs_total', type: 'counter', labels: RESULT,
    help: 'Hand-overs of running apps to a new generation.',
    read: ({ sync }) => (sync === null ? [] : results({ success: sync.handOvers.done, failure: sync.handOvers.failed }, {})),
  },
  {
    name: 'fastcontainer_hand_overs_running', type: 'gauge', labels: {},
    help: 'Apps whose next generation starts beside the one that serves.',
    read: ({ sync }) => (sync === null ? [] : [[{}, sync.handingOver.length]]),
  },
  {
    name: 'fastcontainer_awake_seconds_total', type: 'counter', labels: APP,
    help: 'Time that containers of the app were up, from when they listened until they had ended. Two at a time count twice.',
    read: ({ usage }) => [...usage].map(([app, { awakeUs }]) => [{ app }, awakeUs / 1e6]),
  },
  {
    name: 'fastcontainer_memory_byte_seconds_total', type: 'counter', labels: APP,
    help: 'Memory that the app had while it was awake, times how long. By 2^30 times 3600: gibibyte-hours.',
    read: ({ usage }) => [...usage].map(([app, { byteSeconds }]) => [{ app }, byteSeconds]),
  },
  {
    name: 'fastcontainer_cpu_seconds_total', type: 'counter', labels: APP,
    help: 'CPU time of the app, its starts and stops included.',
    read: ({ usage }) => [...usage].map(([app, { cpuUs }]) => [{ app }, cpuUs / 1e6]),
  },
  {
    name: 'fastcontainer_memory_bytes', type: 'gauge', labels: APP,
    help: 'Memory that the app has, when last looked at; of apps that run.',
    read: ({ memory }) => [...memory].map(([app, bytes]) => [{ app }, bytes]),
  },
  {
    name: 'fastcontainer_build_info', type: 'gauge', labels: { version: 'of FastContainer', nodejs: 'of Node' },
    help: 'Always 1.',
    read: ({ version }) => [[{ version, nodejs: process.version }, 1]],
  },
  {
    name: 'process_cpu_seconds_total', type: 'counter', labels: {},
    help: 'CPU time of fc-admin.',
    read: () => [[{}, (process.cpuUsage().user + process.cpuUsage().system) / 1e6]],
  },
  {
    name: 'process_resident_memory_bytes', type: 'gauge', labels: {},
    help: 'Memory of fc-admin.',
    read: () => [[{}, process.memoryUsage.rss()]],
  },
  {
    name: 'process_start_time_seconds', type: 'gauge', labels: {},
    help: 'When fc-admin began.',
    read: () => [[{}, performance.timeOrigin / 1000]],
  },
];

function* answered(answers: Answers, labels: Labels): Iterable<Reading> {
  for (const [digit, count] of answers.entries()) if (count > 0) yield [{ ...labels, code: digit === 0 ? 'none' : `${digit}xx` }, count];
}

function results(counts: Readonly<Record<'success' | 'failure', number>>, labels: Labels): readonly Reading[] {
  // Both from the first on: a rate begins at 0, and not at the first failure.
  const { success, failure } = counts;
  return success + failure === 0 && 'app' in labels ? [] : [[{ ...labels, result: 'success' }, success], [{ ...labels, result: 'failure' }, failure]];
}

function byTable(tables: readonly string[]): readonly Reading[] {
  return ['hosts', 'apps', 'domains', 'placements'].map((table) => [{ table }, tables.filter((one) => one === table).length]);
}

function time(ms: number | null): readonly Reading[] {
  return ms === null ? [] : [[{}, ms / 1000]];
}
