/** Reads the rows of one app, for somebody who asks about it. SELECT on the database is enough. */
import type { Row, Rows } from '../model/rows.ts';
import type { Connection } from './connection.ts';
import { asOfOneMoment, select } from './read.ts';

/** Rows of one moment. */
export interface AppRows {
  /** The app's name as the row has it that was found, or as it was asked. */
  readonly app: string | null;
  /** The rows of the app, and all hosts. */
  readonly rows: Rows;
  /** The domain that has the host name which was asked: itself, or the longest wildcard. */
  readonly rule: { readonly fqdn: string; readonly app: string } | null;
  /** The last entry of the change log about the app; `at` in ms since the epoch. */
  readonly changed: { readonly revision: string; readonly at: number } | null;
}

/** @throws CmdbError */
export function readApp(connection: Connection, asked: { readonly app: string } | { readonly host: string }): Promise<AppRows> {
  return asOfOneMoment(connection, async () => {
    const ruled = 'host' in asked ? await ruleFor(connection, asked.host) : null;
    const app = 'app' in asked ? asked.app : ruled?.['app'] ?? null;
    const of = (table: string, column: string): Promise<readonly Row[]> => (app === null ? Promise.resolve([]) : select(connection, table, `WHERE ${column} = ?`, [app]));
    const [hosts, apps, domains, placements] = [await select(connection, 'hosts', 'ORDER BY name'), await of('apps', 'name'), await of('domains', 'app'), await of('placements', 'app')];
    const [last] = await connection.query('SELECT MAX(id) AS id FROM changes');
    const [change] = app === null ? [] : await connection.query('SELECT id, UNIX_TIMESTAMP(at) AS at FROM changes WHERE name = ? AND tbl <> \'hosts\' ORDER BY id DESC LIMIT 1', [app]);
    return {
      app,
      rows: { hosts, apps, domains, placements, revision: last?.['id'] ?? '0' },
      rule: ruled === null ? null : { fqdn: ruled['fqdn'] ?? '', app: ruled['app'] ?? '' },
      changed: change === undefined ? null : { revision: change['id'] ?? '0', at: Number(change['at']) * 1000 },
    };
  });
}

async function ruleFor(connection: Connection, host: string): Promise<Row | null> {
  const labels = host.split('.');
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  // The most specific first. A dot at the end makes no other name.
  const names = [host, ...wildcards].flatMap((name) => [name, `${name}.`]);
  const found = await select(connection, 'domains', `WHERE fqdn IN (${names.map(() => '?').join(', ')})`, names);
  const rank = (row: Row): number => names.indexOf((row['fqdn'] ?? '').toLowerCase());
  return [...found].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}
