import type { Rejection } from '../../model/app.ts';
import { check } from '../check.ts';
import { atMost, type Finding, sql, warning } from '../finding.ts';
import { sqlText } from '../shell.ts';

const KEY_COLUMNS: Readonly<Record<Rejection['table'], readonly string[]>> = { hosts: ['name'], apps: ['name'], domains: ['fqdn'], placements: ['app', 'host'] };

export function judgeRows(rejections: readonly Rejection[]): readonly Finding[] {
  return atMost(20, rejections.map(({ table, key, column, why, app }) => {
    const [first = '', second = ''] = KEY_COLUMNS[table];
    const [one = '', other = ''] = second === '' ? [key] : key.split('/');
    const where = `${first} = ${sqlText(one)}${second === '' ? '' : ` AND ${second} = ${sqlText(other)}`}`;
    return warning(`the row of ${table} '${key}' is not applied: ${column} ${why}`, app === null ? 'it counts as not there' : `the app ${app} stays as it was`, sql(`SELECT * FROM ${table} WHERE ${where};`));
  }));
}

export default check<readonly Rejection[]>({
  id: 'rows',
  looksAt: 'rows of the CMDB that this host does not take, and why (all but its own)',
  look: async (host) => {
    const [{ rejections }, { host: { name } }] = await Promise.all([host.fleet(), host.config()]);
    // This host's own row is the business of another check.
    return rejections.filter(({ table, key }) => table !== 'hosts' || key !== name);
  },
  judge: judgeRows,
});
