import { NotLooked, check } from '../check.ts';
import { atMost, type Finding, info, sql } from '../finding.ts';
import { sqlText } from '../shell.ts';

export interface RangeOwners {
  /** Names that have a range, and names of apps. */
  readonly owners: readonly string[];
  readonly apps: ReadonlySet<string>;
}

export function judgeOwners({ owners, apps }: RangeOwners): readonly Finding[] {
  return atMost(10, owners.filter((owner) => !apps.has(owner)).map((owner) =>
    info(`the app '${owner}' is gone, and its range of user ids is kept`, 'its files may still be there, and no other app is to own them', sql(`DELETE FROM uid_ranges WHERE app = ${sqlText(owner)}; -- once they are not`))));
}

export default check<RangeOwners>({
  id: 'uid-ranges',
  looksAt: 'ranges of user ids whose app is gone',
  look: async (host) => {
    const { ranges, rows } = await host.cmdb();
    if (rows === null || ranges === null) throw new NotLooked('the CMDB cannot be read (check "cmdb")');
    return { owners: ranges, apps: new Set(rows.apps.map((row) => row['name'] ?? '')) };
  },
  judge: judgeOwners,
});
