/** What --json prints. Pure. */
import { APP_STATES, type AppStateName, type FleetStatus, type HostStatus } from '../admin/state.ts';
import type { Told } from './render.ts';
import { isNarrow, rowsOfHost, select, type Wish } from './rows.ts';

/** The state with the apps that are asked for, those that sleep among them, in the order that is asked for. @param pretty over several lines */
export function jsonOf(told: Told, wish: Wish, pretty: boolean): string {
  const value = told.kind === 'host' ? hostOf(told.status, wish) : fleetOf(told.fleet, wish);
  return JSON.stringify(value, null, pretty ? 2 : undefined);
}

function hostOf(status: HostStatus, wish: Wish): HostStatus {
  return { ...status, apps: select(rowsOfHost(status), { ...wish, states: jsonStates(wish) }).map(({ app }) => app) };
}

function fleetOf(fleet: FleetStatus, wish: Wish): FleetStatus {
  return { ...fleet, hosts: fleet.hosts.map((host) => (host.status === null ? host : { ...host, status: hostOf(host.status, wish) })) };
}

/** All of them, unless some are asked for. */
export function jsonStates(wish: Wish): ReadonlySet<AppStateName> {
  return (isNarrow(wish) ? wish.states : null) ?? new Set(APP_STATES);
}
