/** The manual: a page for each command, one for the configuration, one for the tables, one for the units. Pure. */
import { COMMANDS } from '../cli/commands.ts';
import { DEFAULT_CONFIG_FILE } from '../config/config.ts';
import { KEYS } from '../config/keys.ts';
import { TABLES } from '../model/columns.ts';
import { APP_UNITS, HOST_UNITS } from '../units/reference.ts';
import { commandPage } from './command-page.ts';
import { example, heading, item, type Page, paragraph, subheading } from './roff.ts';

export function pages(): readonly Page[] {
  return [...COMMANDS.map(commandPage), settingsPage(), tablesPage(), unitsPage()];
}

const ALL_COMMANDS = COMMANDS.map(({ name, section }) => `${name}(${section})`);

function settingsPage(): Page {
  const sections = [...new Set(KEYS.map(({ section }) => section))];
  return {
    name: 'fastcontainer.ini', section: 5, summary: 'configuration of a FastContainer host',
    blocks: [
      heading('SYNOPSIS'), `\\fB${DEFAULT_CONFIG_FILE}\\fR`,
      heading('DESCRIPTION'),
      paragraph('Read by fc-sync and fc-proxy; it belongs to root:fc-proxy, with mode 0640. Sections stand in brackets, a key and its value are joined by =, and ; begins a comment. An unknown key is an error. All problems are reported at once.'),
      ...sections.flatMap((section) => [
        heading(`[${section}]`),
        ...KEYS.filter((key) => key.section === section).map((key) => item(`${key.key} =`, `${key.doc}.`, `Takes: ${key.type}.${standing(key)}`)),
      ]),
      heading('EXAMPLES'),
      example('[host]\nname = web1\n[cmdb]\nurl = mysql://fc@db1/fastcontainer\npassword_file = /etc/fastcontainer/cmdb.password'),
    ],
    seeAlso: [...ALL_COMMANDS, 'fastcontainer-cmdb(5)', 'fastcontainer-units(7)'],
  };
}

function standing({ requiredFor, default: fallback }: (typeof KEYS)[number]): string {
  if (requiredFor.length > 0) return ` Required${requiredFor.length === 1 ? ` for ${requiredFor[0]}` : ''}.`;
  return fallback === '' ? '' : ` Default: ${fallback}.`;
}

function tablesPage(): Page {
  return {
    name: 'fastcontainer-cmdb', section: 5, summary: 'tables of the CMDB of FastContainer',
    blocks: [
      heading('DESCRIPTION'),
      paragraph('The CMDB is a MySQL or MariaDB database. Its rows say which apps exist, on which hosts, and with what limits; changing them is the whole control plane. fc-sync migrate makes the tables. A row that cannot be used is named and skipped, and its app stays as it was.'),
      ...Object.entries(TABLES).flatMap(([name, columns]) => [
        heading(name),
        ...columns.map((column) => item(column.name, column.doc, `Takes: ${column.accepts}.${column.default === null ? '' : ` Default: ${column.default}.`}`)),
      ]),
      heading('EXAMPLES'),
      example("INSERT INTO hosts (name, address) VALUES ('web1', '192.0.2.11');\nINSERT INTO apps (name, image, port) VALUES ('shop', 'localhost/shop', 80);\nINSERT INTO domains (fqdn, app) VALUES ('shop.example', 'shop');\nINSERT INTO placements (app, host) VALUES ('shop', 'web1');"),
    ],
    seeAlso: ['fc-sync(8)', 'fastcontainer-units(7)', 'fastcontainer.ini(5)'],
  };
}

function unitsPage(): Page {
  return {
    name: 'fastcontainer-units', section: 7, summary: 'systemd units of FastContainer',
    blocks: [
      heading('DESCRIPTION'),
      paragraph('<gen> is a generation: 8 hex digits of a hash over everything that the units of an app say. A unit file, once written, never changes; a changed row has new ones. In names of units a dash of an app\'s name is written _.'),
      subheading('Of an app'), ...APP_UNITS.map(({ unit, doc }) => item(unit, `${doc}.`)),
      subheading('Of the host'), ...HOST_UNITS.map(({ unit, doc }) => item(unit, `${doc}.`)),
      heading('DROP-INS'),
      paragraph('Units of an app are overridden by drop-ins of their prefix: `/etc/systemd/system/fc-ctr-shop-.service.d/` for the containers of the app shop, `fc-ctr-.service.d/` for those of all.'),
      heading('EXAMPLES'),
      paragraph('Doors, containers that are awake, leases:'), example("systemctl list-units 'fc-*'"),
      paragraph('When apps fall asleep:'), example("systemctl list-timers 'fc-lease-*'"),
      paragraph("An app's own output:"), example("journalctl -u 'fc-ctr-shop-*'"),
    ],
    seeAlso: [...ALL_COMMANDS, 'systemd.unit(5)', 'systemd-socket-proxyd(8)'],
  };
}
