/** All checks, in the order in which they are told: what others stand on comes first. */
import type { Check } from './check.ts';
import account from './checks/account.ts';
import admin from './checks/admin.ts';
import cgroups from './checks/cgroups.ts';
import clock from './checks/clock.ts';
import cmdb from './checks/cmdb.ts';
import config from './checks/config.ts';
import descriptors from './checks/descriptors.ts';
import disk from './checks/disk.ts';
import failed from './checks/failed.ts';
import files from './checks/files.ts';
import firewall from './checks/firewall.ts';
import hostRow from './checks/host-row.ts';
import images from './checks/images.ts';
import journal from './checks/journal.ts';
import kernel from './checks/kernel.ts';
import leftovers from './checks/leftovers.ts';
import limits from './checks/limits.ts';
import networkRange from './checks/network-range.ts';
import peers from './checks/peers.ts';
import polkit from './checks/polkit.ts';
import ports from './checks/ports.ts';
import program from './checks/program.ts';
import proxy from './checks/proxy.ts';
import resolver from './checks/resolver.ts';
import rows from './checks/rows.ts';
import seccomp from './checks/seccomp.ts';
import securityModules from './checks/security-modules.ts';
import storage from './checks/storage.ts';
import sync from './checks/sync.ts';
import tls from './checks/tls.ts';
import tokens from './checks/tokens.ts';
import uidRanges from './checks/uid-ranges.ts';
import units from './checks/units.ts';
import versions from './checks/versions.ts';
import volumes from './checks/volumes.ts';

export const CHECKS: readonly Check[] = [
  versions, program, units, config, account, files, polkit,
  kernel, cgroups, descriptors, limits, securityModules, storage, disk, volumes, networkRange, firewall, resolver, clock,
  cmdb, hostRow, rows, uidRanges, sync,
  proxy, admin, ports, tokens, tls, peers,
  images, failed, leftovers, seccomp, journal,
];
