/** fc-admin's command line. */
import { CONFIG_OPTION } from './config-option.ts';
import type { CommandSpec } from './spec.ts';

export const FC_ADMIN: CommandSpec = {
  name: 'fc-admin',
  section: 8,
  summary: 'tells how a FastContainer host stands',
  forms: ['[--config FILE] [--listen HOST:PORT]...'],
  description: [
    'Answers over HTTP how this host and its apps stand, to fc-status, fc-why, Prometheus and browsers. It serves on the descriptors that systemd hands over (fc-admin.socket: 127.0.0.1:8078 and /run/fc-admin/admin.sock; fc-admin-report.socket, where fc-proxy reports) and on each HOST:PORT given.',
  ],
  options: [
    CONFIG_OPTION,
    { name: 'snapshot', value: 'FILE', completes: 'file', doc: 'what fc-sync wrote, instead of /var/lib/fastcontainer/snapshot.json' },
    { name: 'report', value: 'FILE', completes: 'file', doc: 'what fc-sync says of itself, instead of /var/lib/fastcontainer/report.json' },
    { name: 'state', value: 'DIRECTORY', completes: 'file', doc: 'where what was counted is kept, instead of /var/lib/fastcontainer/admin' },
    { name: 'listen', value: 'HOST:PORT', multiple: true, doc: 'for development; an IPv6 address in brackets' },
  ],
  exit: [
    { code: 0, doc: 'it was told to end' },
    { code: 1, doc: 'it could not go on' },
    { code: 2, doc: 'usage or configuration' },
  ],
  seeAlso: ['fc-status(1)', 'fc-proxy(8)', 'fastcontainer.ini(5)'],
};
