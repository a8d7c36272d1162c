/** Rows for tests of the model and the units: one good app on one host, to be spoilt one value at a time. */
import type { App, Fleet } from '../../src/model/app.ts';
import type { Policy } from '../../src/model/column.ts';
import { parseFleet } from '../../src/model/parse.ts';
import type { Row, Rows } from '../../src/model/rows.ts';

export const POLICY: Policy = { host: 'web1', volumeRoots: ['/srv/fc', '/mnt/shared'], allowHostNetwork: true };

export const HOST_ROW: Row = { name: 'web1', address: '192.0.2.1', port: '8079', state: 'active' };
export const APP_ROW: Row = { name: 'shop', image: 'registry.example.com/shop:1', port: '8080', uid_base: '600309760' };

export function rowsOf(part: Partial<Rows>): Rows {
  return { revision: '1', hosts: [HOST_ROW], apps: [APP_ROW], domains: [], placements: [], ...part };
}

/** The fleet of one app whose row is APP_ROW with `columns` over it. */
export function fleetOfApp(columns: Row, policy: Policy = POLICY): Fleet {
  return parseFleet(rowsOf({ apps: [{ ...APP_ROW, ...columns }] }), policy);
}

/** As `fleetOfApp`, for a row that must be good. */
export function appOf(columns: Row, part: Partial<Rows> = {}, policy: Policy = POLICY): App {
  const fleet = parseFleet(rowsOf({ ...part, apps: [{ ...APP_ROW, ...columns }] }), policy);
  const [app] = fleet.apps;
  if (app === undefined || fleet.rejections.length > 0) throw new Error(`not a good row: ${JSON.stringify(fleet.rejections)}`);
  return app;
}
