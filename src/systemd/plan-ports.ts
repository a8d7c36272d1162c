/**
 * Doors at TCP ports of the host, for apps that do not speak HTTP (placements.listen_port): which have to lead
 * where, open and close. Pure.
 *
 * A door belongs to its port alone: systemd listens, systemd-socket-proxyd carries each connection to wherever the
 * port's link leads at that moment. So another generation, or another app, takes a port over by a changed link: the
 * port never closes, and connections of before keep the generation they are on, until they end.
 */
import { parseInstance, parsePortUnit, portService, portSocket } from '../model/names.ts';
import { isRunning, type UnitState } from './manager.ts';

export interface ObservedPort {
  /** The generation its link leads to; null: there is no link, or it leads to none of ours. */
  readonly instance: string | null;
  /** Whether systemd opens it at boot. */
  readonly atBoot: boolean;
}

export interface PortPlan {
  /** Links that lead elsewhere or nowhere. `from`: the app they lead to so far. */
  readonly lead: readonly { readonly port: number; readonly app: string; readonly from: string | null }[];
  /** Doors that should listen and do not. */
  readonly open: readonly { readonly port: number; readonly app: string }[];
  /**
   * Doors that lead nowhere from now on. `app`: where they lead so far. `stop`: no connection is open, the port can
   * be closed; until then new ones are accepted (systemd-socket-proxyd holds the port too) and closed at once.
   */
  readonly close: readonly { readonly port: number; readonly app: string | null; readonly stop: boolean }[];
}

export interface PortInput {
  /** Port → the app whose row claims it. */
  readonly claims: ReadonlyMap<number, string>;
  /** App → what serves. */
  readonly routes: ReadonlyMap<string, { readonly instance: string }>;
  /** Apps that stay as they are, whatever their rows say: they keep their ports, unless another's row claims them. */
  readonly held: ReadonlySet<string>;
  readonly observed: { readonly ports: ReadonlyMap<number, ObservedPort>; readonly states: States };
}

type States = ReadonlyMap<string, UnitState['activeState']>;

export function planPorts(input: PortInput): PortPlan {
  const { routes, observed: { ports, states } } = input;
  const claims = new Map(input.claims);
  for (const port of ports.keys()) {
    const app = appAt(ports, port);
    if (app !== null && input.held.has(app) && !claims.has(port)) claims.set(port, app);
  }
  const wanted = [...claims].sort(([a], [b]) => a - b).flatMap(([port, app]) => {
    const instance = routes.get(app)?.instance;
    return instance === undefined ? [] : [{ port, app, instance }];
  });
  const led = new Set(wanted.map(({ port }) => port));
  return {
    lead: wanted
      .filter(({ port, instance }) => ports.get(port)?.instance !== instance || ports.get(port)?.atBoot !== true)
      .map(({ port, app }) => ({ port, app, from: appAt(ports, port) })),
    // Without its socket a door that runs goes on listening; and systemd opens no socket whose service runs.
    open: wanted
      .filter(({ port }) => states.get(portSocket(port)) !== 'active' && !isRunning(states.get(portService(port))))
      .map(({ port, app }) => ({ port, app })),
    close: [...new Set([...ports.keys(), ...openPorts(states)])].sort((a, b) => a - b)
      .map((port) => ({ port, app: appAt(ports, port), stop: !isRunning(states.get(portService(port))) }))
      // Where the snapshot was lost during a hand-over it is not known what serves: the app's port stays as it is.
      .filter(({ port, app }) => !led.has(port) && claims.get(port) !== app),
  };
}

/** Ports whose door listens, or failed to. */
function openPorts(states: States): readonly number[] {
  return [...states].flatMap(([unit, state]) => {
    const port = unit.endsWith('.socket') && state !== 'inactive' ? parsePortUnit(unit) : null;
    return port === null ? [] : [port];
  });
}

function appAt(ports: ReadonlyMap<number, ObservedPort>, port: number): string | null {
  return parseInstance(ports.get(port)?.instance ?? '')?.app ?? null;
}
