/** The command line of fc-provision, which scripts/provision reads: its --help says the same (test/unit/manual). */
import type { CommandSpec } from './spec.ts';

export const FC_PROVISION: CommandSpec = {
  name: 'fc-provision',
  section: 8,
  summary: 'make a machine a host of FastContainer',
  forms: ['[OPTION]...'],
  description: [
    'Makes a Debian 12 or 13 machine a FastContainer host: writes its configuration and starts what is to run. In a checkout, as scripts/provision, it first installs packages and the program.',
    'Running it again upgrades, and keeps what is configured: --host, --cmdb, --cmdb-password and --fleet-token count only where the files they make do not exist yet.',
  ],
  options: [
    { name: 'host', value: 'NAME', doc: "name of this host's row in the CMDB (default: its host name)" },
    { name: 'address', value: 'ADDR', doc: 'where other hosts reach this one, for its row (default: how it reaches the CMDB)' },
    { name: 'cmdb', value: 'URL', doc: 'mysql://user@host/database of the CMDB' },
    { name: 'cmdb-password', value: 'FILE', completes: 'file', doc: 'file with the password for it, copied to /etc/fastcontainer/cmdb.password' },
    { name: 'fleet-token', value: 'FILE', completes: 'file', doc: "what the fleet's hosts prove themselves to each other with, copied to /etc/fastcontainer/fleet-tokens" },
    { name: 'with-mariadb', doc: 'install MariaDB here and make the CMDB in it, with a reader account' },
    { name: 'cmdb-only', doc: 'that, and nothing else: no apps run here, no requests arrive' },
    { name: 'mariadb-bind', value: 'ADDR', doc: 'have MariaDB listen on ADDR and let the reader in from other hosts; makes a fleet token if there is none' },
    { name: 'timer', doc: 'look at the CMDB every 30 s (fc-sync.timer) instead of following it' },
    { name: 'manual', doc: 'neither: fc-sync runs when somebody runs it' },
    { name: 'no-packages', doc: 'install no packages and build nothing: all of it is there' },
  ],
  exit: [
    { code: 0, doc: 'done' },
    { code: 1, doc: 'it could not be done' },
    { code: 2, doc: 'usage' },
  ],
  examples: [
    { command: 'fc-provision --host web1 --with-mariadb', doc: 'a host with the CMDB in a MariaDB of its own' },
    { command: 'fc-provision --host web2 --cmdb mysql://fc@192.0.2.10/fastcontainer --cmdb-password cmdb.password --fleet-token fleet-tokens', doc: 'another host of that fleet' },
  ],
  seeAlso: ['fc-doctor(8)', 'fc-sync(8)', 'fastcontainer.ini(5)', 'fastcontainer-cmdb(5)'],
};
