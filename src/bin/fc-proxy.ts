#!/usr/bin/env node
/** fc-proxy: routes by Host, wakes apps, forwards. Wiring only. */
import { BlockList, isIPv6 } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { ADMIN_SOCKET } from '../admin/client.ts';
import { FC_PROXY, parseProxyCommand } from '../cli/fc-proxy.ts';
import { runService } from '../cli/service.ts';
import { helpText, UsageError } from '../cli/spec.ts';
import { loadConfig, type Config } from '../config/config.ts';
import { loadTls } from '../config/tls.ts';
import { log } from '../log.ts';
import { Activator } from '../proxy/activate.ts';
import { Books } from '../proxy/books.ts';
import { pause, systemClock as clock } from '../proxy/clock.ts';
import { DeskOfHost } from '../proxy/desk.ts';
import { findLauncher } from '../proxy/launcher.ts';
import { Peers } from '../proxy/peers.ts';
import { Reporter } from '../proxy/reporter.ts';
import { processCount, share } from '../proxy/processes.ts';
import { Router } from '../proxy/router.ts';
import { ProxyServer, type Door, type Listen } from '../proxy/server.ts';
import { SickPlaces } from '../proxy/sick.ts';
import { Starts } from '../proxy/starts.ts';
import { tokensOrNone } from '../proxy/tokens.ts';
import { SnapshotFile } from '../snapshot/watch.ts';
import { SystemdBus } from '../systemd/bus.ts';
import { inheritedSockets } from '../systemd/sockets.ts';

/** Clients wait meanwhile, and systemd need not answer: it only spares a queue. */
const FOUND_TIMEOUT_MS = 2000;

/** fc-admin may be restarting at the same time as this. The next process serves meanwhile. */
const LAST_REPORT_MS = 10_000;

/** For RestartPreventExitStatus=: there are to be fewer processes. */
const SUPERFLUOUS = 3;

function trusts({ proxy: { trustedProxies } }: Config): (address: string) => boolean {
  if (trustedProxies.length === 0) return () => false;
  const list = new BlockList();
  for (const { address, prefix, family } of trustedProxies) list.addSubnet(address, prefix, family);
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

async function main(): Promise<number> {
  const { config: configFile, snapshot, listen, desk: deskPath, instance, report, help } = parseProxyCommand(process.argv.slice(2));
  if (help) {
    process.stdout.write(`${helpText(FC_PROXY)}\n`);
    return 0;
  }
  const config = loadConfig(configFile, 'fc-proxy');
  const processes = processCount(config.proxy.processes, availableParallelism(), totalmem());
  if (instance > processes) return SUPERFLUOUS;
  const tls = config.fleet.tls === null ? null : loadTls(config.fleet.tls, configFile);
  const places: [Listen, Door][] = [
    ...inheritedSockets().map(({ fd, name }): [Listen, Door] => [{ fd }, name === 'internal' ? 'internal' : 'front']),
    ...listen.map((where): [Listen, Door] => [where, 'front']),
  ];
  if (places.length === 0) throw new UsageError('there is nothing to listen on: start fc-proxy.socket, or give --listen');

  const manager = new SystemdBus();
  const starts = new Starts(clock);
  const books = new Books(clock);
  const desk = new DeskOfHost({ manager, clock, log, starts, maxStarts: config.proxy.maxStarts, processes, instance, path: deskPath });
  const activator = new Activator({ manager, clock, log, starts, books, maxWaiting: share(config.proxy.maxWaiting, processes) });
  const file = new SnapshotFile(snapshot, log, (news) => {
    peers.follow(news);
    sick.follow(news);
    activator.follow(router.follow(news));
    log.info('serving', { apps: news.apps.length, revision: news.revision });
  });
  const router = new Router({ manager, clock, log, reload: () => file.reload() });
  const tokens = tokensOrNone(log);
  const peers = new Peers({ tokens, tls, clock, log });
  const sick = new SickPlaces(clock, log);
  const server = new ProxyServer({ activator, router, peers, sick, books, tokens, tls, adminSocket: ADMIN_SOCKET, clock, log, trusted: trusts(config) });

  const reporter = report === null ? null : new Reporter({ path: report, instance, books, starts, clock, connections: () => server.size, inFlight: (app) => server.inFlight(app) });

  await file.start();
  try {
    const units = await Promise.race([manager.list(['fc-ctr-*.service']), pause(clock, FOUND_TIMEOUT_MS).then(() => [])]);
    activator.found(units);
    desk.found(units);
  } catch (error) {
    log.warn('cannot ask systemd which apps run', { error: error instanceof Error ? error : String(error) });
  }
  const launcher = findLauncher();
  let failed = false;
  let superfluous = false;
  let told = (_why: string): void => undefined;
  const end = new Promise<string>((resolve) => {
    told = resolve;
    process.once('SIGTERM', () => { resolve('SIGTERM'); });
    process.once('SIGINT', () => { resolve('SIGINT'); });
    launcher.onGone(() => { resolve('the launcher has gone'); });
    // What is in flight is none the worse for it; another process takes over.
    process.on('uncaughtException', (error) => {
      log.error('an error that nobody expected', { error, stack: error.stack ?? '' });
      failed = true;
      resolve('an error');
    });
  });
  for (const [where, door] of places) await server.listen(where, door);
  await desk.open((why) => {
    superfluous = true;
    told(why);
  });
  reporter?.start();
  log.info('ready', { listeners: places.length, processes });

  const why = await end;
  log.info('draining', { why, connections: server.size });
  const left = await server.drain(config.proxy.drainTimeoutS * 1000, () => {
    desk.leave();
    launcher.stopped(superfluous);
  });
  if (left > 0) log.warn('cut off what did not end in time', { connections: left, drain_timeout_s: config.proxy.drainTimeoutS });
  desk.close();
  await reporter?.finish(LAST_REPORT_MS);
  file.close();
  peers.close();
  manager.close();
  return failed ? 1 : 0;
}

runService('fc-proxy', main);
