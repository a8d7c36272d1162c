#!/usr/bin/env node
/** fc-admin: tells how this host stands. Wiring only. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { useOf } from '../admin/cgroup.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { Fleet } from '../admin/fleet.ts';
import { fleetJson } from '../admin/fleet-json.ts';
import { allowedHosts } from '../admin/host-names.ts';
import { inFlightJson } from '../admin/in-flight-json.ts';
import { Keeper } from '../admin/keeper.ts';
import { Metering } from '../admin/meter/metering.ts';
import { gather, StartTally } from '../admin/metrics/gather.ts';
import { KeptCounts } from '../admin/metrics/kept-counts.ts';
import { Metrics } from '../admin/metrics/registry.ts';
import { HostModel } from '../admin/model.ts';
import { pageRoutes } from '../admin/page.ts';
import { ReportServer } from '../admin/report-server.ts';
import { AdminServer, type Routes } from '../admin/server.ts';
import { stateJson } from '../admin/state-json.ts';
import { readStore, storeText } from '../admin/store.ts';
import { SyncReportFile } from '../admin/sync-report-file.ts';
import { configFile } from '../cli/config-option.ts';
import { FC_ADMIN } from '../cli/fc-admin.ts';
import { parseListen } from '../cli/listen.ts';
import { runService } from '../cli/service.ts';
import { helpText, readArguments, UsageError } from '../cli/spec.ts';
import { loadConfig } from '../config/config.ts';
import { loadTls } from '../config/tls.ts';
import { log } from '../log.ts';
import { tokensOrNone } from '../proxy/tokens.ts';
import { SnapshotFile } from '../snapshot/watch.ts';
import { SystemdBus } from '../systemd/bus.ts';
import { inheritedSockets } from '../systemd/sockets.ts';
import { UnitWatch } from '../systemd/unit-watch.ts';
import { version } from '../version.ts';

/** systemd need not answer. */
const FIRST_LOOK_MS = 5000;

const STATE_DIR = '/var/lib/fastcontainer';

async function main(): Promise<number> {
  const args = readArguments(FC_ADMIN, process.argv.slice(2));
  if (args.has('help')) {
    process.stdout.write(`${helpText(FC_ADMIN)}\n`);
    return 0;
  }
  const path = configFile(args);
  const config = loadConfig(path, 'fc-admin');
  const inherited = inheritedSockets();
  const places = [...inherited.filter(({ name }) => name !== 'report').map(({ fd }) => ({ fd })), ...args.values('listen').map(parseListen)];
  if (places.length === 0) throw new UsageError('there is nothing to listen on: start fc-admin.socket, or give --listen');

  // Of its unit, whose own /proc/sys may be another than PID 1's (a container that systemd-nspawn runs).
  const boot = process.env['FC_BOOT_ID'] ?? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
  const sync = new SyncReportFile(args.value('report') ?? `${STATE_DIR}/report.json`, log);
  const stateDir = args.value('state') ?? `${STATE_DIR}/admin`;
  const manager = new SystemdBus();
  const model: HostModel = new HostModel({
    host: config.host.name, version: version(), sync: () => sync.state, meter: (app) => metering.of(app), changed: () => { keeper.changed(); },
  });
  const metering = new Metering({
    file: join(stateDir, 'meter.json'), records: `${STATE_DIR}/runs`, boot, log,
    cgroupOf: (unit) => manager.cgroup(unit), useOf, apps: model,
  });
  const counts = new KeptCounts(model.ledger);
  const keeper = new Keeper({
    path: join(stateDir, 'counters.json'), log,
    text: () => {
      counts.writing();
      return storeText(model, boot);
    },
    kept: () => { counts.written(); },
  });
  const starts = new StartTally();
  model.events.onEvent((event) => { starts.heard(event); });
  const metrics = new Metrics(() => gather(model, metering, counts, starts));
  const snapshot = new SnapshotFile(args.value('snapshot') ?? `${STATE_DIR}/snapshot.json`, log, (news) => { model.follow(news); });
  const units = new UnitWatch({ prefix: 'fc-ctr-', log, told: (unit) => {
    model.containers.told(unit);
    metering.told(unit);
  }, heard: (all) => { metering.heard(all); } });
  const reports = new ReportServer({ ledger: model.ledger, log, store: () => keeper.flush() });
  const tls = config.fleet.tls === null ? null : loadTls(config.fleet.tls, path);
  const fleet = new Fleet({ self: config.host.name, hosts: () => model.hosts, tokens: tokensOrNone(log), tls });
  const routes: Routes = new Map([
    ...pageRoutes(),
    ['/state.json', stateJson(model)],
    ['/fleet.json', fleetJson(model, fleet)],
    ['/metrics', ({ accept }) => metrics.answer(accept)],
    ['/inflight.json', inFlightJson((app) => reports.inFlight(app))],
  ]);
  const names = (): string[] => [hostname(), config.host.name, ...config.admin.names, ...model.hosts.filter(({ name }) => name === config.host.name).map(({ address }) => address)];
  const server = new AdminServer({ routes, allowsHost: allowedHosts(names), log });

  await keeper.load((text) => { readStore(text, model, boot); });
  // What was read from the disk is there.
  counts.writing();
  counts.written();
  await Promise.all([sync.start(), snapshot.start(), metering.start()]);
  const end = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => { resolve(); });
  });
  // Before anybody can ask: all apps would seem to be asleep. Who connects meanwhile waits in the sockets' queues.
  await Promise.race([units.start(), pause(FIRST_LOOK_MS, undefined, { ref: false })]);
  for (const where of places) await server.listen(where);
  for (const { fd, name } of inherited) if (name === 'report') await reports.listen({ fd });
  log.info('ready', { listeners: places.length });

  await end;
  reports.close();
  await server.close();
  await Promise.all([keeper.flush(), metering.close()]);
  for (const part of [units, snapshot, sync, manager]) part.close();
  return 0;
}

runService('fc-admin', main);
