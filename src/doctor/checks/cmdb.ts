import { SCHEMA_VERSION } from '../../cmdb/schema.ts';
import { check } from '../check.ts';
import type { CmdbAddressView } from '../cmdb.ts';
import { advice, command, type Finding, type Severity, sql, warning } from '../finding.ts';
import { shellWord } from '../shell.ts';

export function judgeCmdb(addresses: readonly CmdbAddressView[]): readonly Finding[] {
  const good = addresses.filter(({ error: why, schema, history }) => why === null && schema === SCHEMA_VERSION && history === null);
  // With one that will do, fc-sync goes on.
  const severity: Severity = good.length > 0 ? 'warning' : 'error';
  const means = good.length > 0 ? 'fc-sync goes by another address' : 'no changed row reaches this host; what serves goes on';
  return addresses.flatMap((view): readonly Finding[] => {
    const { address, text, error: why, schema, grants, history } = view;
    if (why !== null) return [{ severity, seen: `the CMDB cannot be used: ${why}`, means, remedy: reachRemedy(view) }];
    const findings: Finding[] = [...grants.flatMap((grant) => tooMuch(grant, address.database))];
    if (schema !== null && schema !== SCHEMA_VERSION) {
      findings.push({
        severity, means,
        seen: `the schema at ${text} is of version ${schema}, and this program reads ${SCHEMA_VERSION}`,
        remedy: schema > SCHEMA_VERSION ? advice('upgrade the program on this host: scripts/provision, or apt-get install fastcontainer')
          : command(`fc-sync migrate --url ${shellWord(migrateUrl(view))}`),
      });
    } else if (history !== null) {
      findings.push({ severity, means, seen: `its rows are not taken: ${history}`, remedy: advice('a replica catches up by itself; if this is what is to hold from now on: fc-sync --accept-older') });
    }
    return findings;
  });
}

function reachRemedy({ address: { host, port, socketPath } }: CmdbAddressView): Finding['remedy'] {
  const isHere = socketPath !== null || ['localhost', '127.0.0.1', '::1'].includes(host);
  return isHere ? command('systemctl start mariadb') : advice(`see whether the server runs at ${host} port ${port}, and lets this host in`);
}

/** By the account that may, over the socket where the server is on this host. */
function migrateUrl({ address: { host, port, socketPath, database } }: CmdbAddressView): string {
  return socketPath === null ? `mysql://ADMIN@${host}:${port}/${database}` : `mysql://root@localhost/${database}?socketPath=${socketPath}`;
}

/** What a grant allows beyond reading. */
export function tooMuch(grant: string, database: string): readonly Finding[] {
  const match = /^GRANT (?<privileges>.+?) ON (?<target>\S+) TO (?<account>[`'"]\S+)/.exec(grant);
  const { privileges = '', target = '', account = '' } = match?.groups ?? {};
  const extra = privileges.split(/, (?![^(]*\))/).filter((privilege) => !/^(SELECT( \(.*\))?|USAGE|SHOW VIEW)$/.test(privilege));
  if (match === null || extra.length === 0) return [];
  const all = extra.includes('ALL PRIVILEGES');
  const statement = all ? `REVOKE ALL PRIVILEGES ON ${target} FROM ${account}; GRANT SELECT ON \`${database.replaceAll('`', '``')}\`.* TO ${account};` : `REVOKE ${extra.join(', ')} ON ${target} FROM ${account};`;
  return [warning(`the account ${account} may ${extra.join(', ')} on ${target}`, 'fc-sync only reads; whoever gets its password could write rows', sql(statement))];
}

export default check<readonly CmdbAddressView[]>({
  id: 'cmdb',
  looksAt: 'each address of the CMDB: whether it lets us in, its schema, what it lacks, and that the account may only read',
  look: async (host) => (await host.cmdb()).addresses,
  judge: judgeCmdb,
});
