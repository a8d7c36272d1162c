/** All checks, in the order in which they are told: what others stand on comes first. */
import type { Check } from './check.ts';
import account from './checks/account.ts';
import cmdb from './checks/cmdb.ts';
import config from './checks/config.ts';
import files from './checks/files.ts';
import hostRow from './checks/host-row.ts';
import polkit from './checks/polkit.ts';
import program from './checks/program.ts';
import rows from './checks/rows.ts';
import sync from './checks/sync.ts';
import units from './checks/units.ts';
import versions from './checks/versions.ts';

export const CHECKS: readonly Check[] = [
  versions, program, units, config, account, files, polkit,
  cmdb, hostRow, rows, sync,
];
