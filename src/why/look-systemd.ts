/** Looks at the units of an app. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { containerUnit, gateUnit, instanceName, parseInstance, portService, portSocket, refuseUnit } from '../model/names.ts';
import type { SystemdBus } from '../systemd/bus.ts';
import type { GenerationFacts, PortFacts, SystemdFacts, UnitFacts } from './facts.ts';
import { lastLines } from './look-journal.ts';
import { isUp } from './standing.ts';

const run = promisify(execFile);

/** Units of ours whose state bears on an app's. */
const PROGRAM = ['fc-proxy.service', 'fc-admin.service', 'fc-sync-watch.service', 'fc-sync.timer', 'fc-sync.service'] as const;

/** Most generations that are looked at: one serves, and one or two finish what they have. */
const MOST = 5;

export interface Wanted {
  readonly app: string | null;
  /** The instance that serves. */
  readonly serves: string | null;
  readonly ports: readonly number[];
  readonly image: string | null;
}

/** @throws SystemdError */
export async function lookAtSystemd(bus: SystemdBus, { app, serves, ports, image }: Wanted): Promise<SystemdFacts> {
  const look = unitLooker(bus);
  const units = app === null ? [] : (await bus.list(patternsOf(app))).map(({ unit }) => unit);
  const found = units.flatMap((unit) => /(?:^fc-(?:ctr|app)-|@)(?<instance>[^.]+)\.(?:service|timer)$/.exec(unit)?.groups?.['instance'] ?? []);
  const instances = [...new Set([...(serves === null ? [] : [serves]), ...found])].filter((instance) => parseInstance(instance)?.app === app).slice(0, MOST);
  const sockets = await unixSockets();
  return {
    generations: await Promise.all(instances.map(async (instance): Promise<GenerationFacts> => {
      const leases = units.filter((unit) => unit.startsWith('fc-lease-') && unit.endsWith(`@${instance}.timer`));
      const container = containerUnit(instance);
      const said = await lastLines(container);
      return {
        instance,
        serves: instance === serves,
        container: await look(container),
        gate: await look(gateUnit(instance)),
        leases: await Promise.all(leases.map(look)),
        refuse: await look(refuseUnit(instance)),
        connections: sockets?.get(`/run/fastcontainer/${instance}.sock`) ?? (sockets === null ? null : 0),
        log: said.lines, failedAt: said.failedAt,
      };
    })),
    ports: await Promise.all(ports.map(async (port): Promise<PortFacts> => ({
      port, door: await look(portSocket(port)), gate: await look(portService(port)), clients: await clientsAt(port),
    }))),
    image: image === null ? null : await look(image),
    program: Object.fromEntries(await Promise.all(PROGRAM.map(async (unit) => [unit, await look(unit)] as const))),
  };
}

function patternsOf(app: string): readonly string[] {
  const any = instanceName(app, '*');
  return [containerUnit(any), gateUnit(any), refuseUnit(any), `fc-lease-*@${any}.timer`];
}

function unitLooker(bus: SystemdBus): (unit: string) => Promise<UnitFacts> {
  // systemd tells when a timer elapses on CLOCK_MONOTONIC alone, in microseconds.
  const bootedAt = Date.now() - Number(process.hrtime.bigint() / 1_000_000n);
  return async (unit) => {
    const properties = await bus.properties(unit);
    const text = (name: string): string => {
      const value = properties?.get(name);
      return typeof value === 'string' ? value : '';
    };
    const time = (name: string): number | null => {
      const micros = Number(properties?.get(name) ?? 0);
      // All bits set: never.
      return micros > 0 && micros < 2 ** 60 ? micros / 1000 : null;
    };
    const activeState = properties === null ? 'inactive' : text('ActiveState');
    const elapses = time('NextElapseUSecMonotonic');
    return {
      unit, activeState,
      subState: properties === null ? 'dead' : text('SubState'),
      since: time('StateChangeTimestamp'),
      activeSince: activeState === 'active' || activeState === 'reloading' ? time('ActiveEnterTimestamp') : null,
      restarts: Number(properties?.get('NRestarts') ?? 0),
      elapsesAt: elapses === null || !isUp(activeState) ? null : bootedAt + elapses,
      evidence: properties === null || !unit.endsWith('.service') ? null : await bus.evidence(unit),
    };
  };
}

/** By path, how many connections there are at the Unix sockets of this host; null: not to be had. See proc(5), /proc/net/unix. */
async function unixSockets(): Promise<ReadonlyMap<string, number> | null> {
  const text = await readFile('/proc/net/unix', 'latin1').catch(() => null);
  if (text === null) return null;
  const counts = new Map<string, number>();
  for (const [, path = ''] of text.matchAll(/^\S+ \S+ \S+ \S+ \S+ 03 +[0-9]+ (\/run\/fastcontainer\/\S+)$/gm)) counts.set(path, (counts.get(path) ?? 0) + 1);
  return counts;
}

/** Addresses and ports of clients that have a TCP connection to a port of this host. */
async function clientsAt(port: number): Promise<readonly string[]> {
  const { stdout } = await run('ss', ['-Htn', 'state', 'established', 'sport', '=', `:${port}`], { timeout: 10_000, maxBuffer: 64 * 1024 * 1024 }).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => line.trim().split(/\s+/)[3]?.replace(/^\[::ffff:([0-9.]+)\]/, '$1') ?? []);
}
