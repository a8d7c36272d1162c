#!/usr/bin/env node
/** fc-proxy: routes by Host, wakes apps, forwards. Wiring only. */
import { BlockList, isIPv6 } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/error.ts';
import { DEFAULT_CONFIG_FILE, loadConfig, type Config } from '../config/config.ts';
import { loadTls } from '../config/tls.ts';
import { log } from '../log.ts';
import { Activator } from '../proxy/activate.ts';
import { pause, systemClock as clock } from '../proxy/clock.ts';
import { DeskOfHost } from '../proxy/desk.ts';
import { findLauncher } from '../proxy/launcher.ts';
import { Peers } from '../proxy/peers.ts';
import { processCount, share } from '../proxy/processes.ts';
import { Router } from '../proxy/router.ts';
import { ProxyServer, type Door, type Listen } from '../proxy/server.ts';
import { SickPlaces } from '../proxy/sick.ts';
import { Starts } from '../proxy/starts.ts';
import { FleetTokens, loadTokens } from '../proxy/tokens.ts';
import { SnapshotFile } from '../snapshot/watch.ts';
import { SystemdBus } from '../systemd/bus.ts';
import { inheritedSockets } from '../systemd/sockets.ts';

const USAGE = `usage: fc-proxy [--config FILE] [--snapshot FILE] [--listen HOST:PORT]...
                [--desk PATH [--instance NUMBER]]

Serves on the descriptors that systemd hands over (fc-proxy.socket; the fleet's
other hosts on that of fc-proxy-internal.socket) and on each HOST:PORT given.

--config    ${DEFAULT_CONFIG_FILE} unless given
--snapshot  what fc-sync wrote; /var/lib/fastcontainer/snapshot.json unless given
--listen    for development; an IPv6 address in brackets
--desk      socket where this host's processes of fc-proxy agree on what is started
--instance  which of them this is, from 2 on: fc-proxy@NUMBER.service. Ends with 3 when
            the configuration says fewer ([proxy] processes)
`;

/** Clients wait meanwhile, and systemd need not answer: it only spares a queue. */
const FOUND_TIMEOUT_MS = 2000;

/** For RestartPreventExitStatus=: there are to be fewer processes. */
const SUPERFLUOUS = 3;

class UsageError extends Error {}

interface Arguments {
  readonly config: string;
  readonly snapshot: string;
  readonly listen: readonly Listen[];
  readonly desk: string | null;
  readonly instance: number;
  readonly help: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: DEFAULT_CONFIG_FILE },
      snapshot: { type: 'string', default: '/var/lib/fastcontainer/snapshot.json' },
      listen: { type: 'string', multiple: true, default: [] },
      desk: { type: 'string' },
      instance: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const listen = values.listen.map((text): Listen => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host === undefined || !(port <= 65535)) throw new UsageError(`--listen ${text}: write HOST:PORT`);
    return { host, port };
  });
  const { config, snapshot, desk, instance, help } = values;
  if (instance !== undefined && (desk === undefined || !/^([2-9]|[1-9][0-9])$/.test(instance))) {
    throw new UsageError(`--instance ${instance}: a number from 2 to 99, with --desk`);
  }
  return { config, snapshot, listen, desk: desk ?? null, instance: Number(instance ?? 1), help };
}

function trusts({ proxy: { trustedProxies } }: Config): (address: string) => boolean {
  if (trustedProxies.length === 0) return () => false;
  const list = new BlockList();
  for (const { address, prefix, family } of trustedProxies) list.addSubnet(address, prefix, family);
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Without tokens the other hosts are out of reach; what is here is served all the same. */
function tokensOrNone(): FleetTokens {
  try {
    return loadTokens();
  } catch (error) {
    log.error('no other host can be spoken to', { error: error instanceof Error ? error : String(error) });
    return new FleetTokens([]);
  }
}

async function main(): Promise<number> {
  const { config: configFile, snapshot, listen, desk: deskPath, instance, help } = readArguments();
  if (help) {
    process.stdout.write(USAGE);
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
  const desk = new DeskOfHost({ manager, clock, log, starts, maxStarts: config.proxy.maxStarts, processes, instance, path: deskPath });
  const activator = new Activator({ manager, clock, log, starts, maxWaiting: share(config.proxy.maxWaiting, processes) });
  const file = new SnapshotFile(snapshot, log, (news) => {
    peers.follow(news);
    sick.follow(news);
    activator.follow(router.follow(news));
    log.info('serving', { apps: news.apps.length, revision: news.revision });
  });
  const router = new Router({ manager, clock, log, reload: () => file.reload() });
  const tokens = tokensOrNone();
  const peers = new Peers({ tokens, tls, clock, log });
  const sick = new SickPlaces(clock, log);
  const server = new ProxyServer({ activator, router, peers, sick, tokens, tls, clock, log, trusted: trusts(config) });

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
  log.info('ready', { listeners: places.length, processes });

  const why = await end;
  log.info('draining', { why, connections: server.size });
  const left = await server.drain(config.proxy.drainTimeoutS * 1000, () => {
    desk.leave();
    launcher.stopped(superfluous);
  });
  if (left > 0) log.warn('cut off what did not end in time', { connections: left, drain_timeout_s: config.proxy.drainTimeoutS });
  desk.close();
  file.close();
  peers.close();
  manager.close();
  return failed ? 1 : 0;
}

main().then(
  (code) => { process.exit(code); },
  (error: unknown) => {
    if (error instanceof UsageError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'))) {
      process.stderr.write(`fc-proxy: ${error.message}\n${USAGE}`);
      process.exit(2);
    }
    if (error instanceof ConfigError) {
      for (const line of error.message.split('\n')) log.error(line);
      process.exit(2);
    }
    log.error('fc-proxy ended', { error: error instanceof Error ? error : String(error) });
    process.exit(1);
  },
);
