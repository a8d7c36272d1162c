/** The command line of fc-proxy. Pure. */
import { HOST_PATHS } from '../systemd/paths.ts';
import { CONFIG_OPTION, configFile } from './config-option.ts';
import { parseListen } from './listen.ts';
import { type CommandSpec, readArguments, UsageError } from './spec.ts';

export const FC_PROXY: CommandSpec = {
  name: 'fc-proxy',
  section: 8,
  summary: 'route requests to apps, and wake those that sleep',
  forms: ['[OPTION]...'],
  description: [
    'Takes HTTP requests, finds the app by its host name, wakes it if it sleeps, and forwards. Serves on the descriptors that systemd hands over (fc-proxy.socket; the fleet\'s other hosts on that of fc-proxy-internal.socket) and on each HOST:PORT given.',
  ],
  options: [
    CONFIG_OPTION,
    { name: 'snapshot', value: 'FILE', completes: 'file', doc: `what fc-sync wrote, instead of ${HOST_PATHS.snapshot}` },
    { name: 'listen', value: 'HOST:PORT', multiple: true, doc: 'for development; an IPv6 address in brackets' },
    { name: 'desk', value: 'PATH', completes: 'file', doc: "socket where this host's processes of fc-proxy agree on what is started" },
    { name: 'instance', value: 'NUMBER', doc: 'which of them this is, from 2 on: fc-proxy@NUMBER.service' },
    { name: 'report', value: 'PATH', completes: 'file', doc: 'socket of fc-admin, which is told what is counted and what happens' },
  ],
  exit: [
    { code: 0, doc: 'told to stop, and through with what was in flight' },
    { code: 1, doc: 'an error that nobody expected' },
    { code: 2, doc: 'usage or configuration' },
    { code: 3, doc: 'the configuration says fewer processes ([proxy] processes)' },
  ],
  more: [
    {
      title: 'SIGNALS',
      paragraphs: ['On SIGTERM and SIGINT it accepts no more, finishes what is in flight, for as long as [proxy] drain_timeout_s, and ends. systemd holds the port meanwhile: a restart loses no request.'],
    },
  ],
  examples: [{ command: 'systemctl restart fc-proxy', doc: 'replace one process after the other; no connection is lost' }],
  seeAlso: ['fastcontainer.ini(5)', 'fastcontainer-units(7)', 'fc-sync(8)'],
};

export interface ProxyCommand {
  readonly help: boolean;
  readonly config: string;
  readonly snapshot: string;
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly desk: string | null;
  readonly instance: number;
  readonly report: string | null;
}

/** @throws UsageError */
export function parseProxyCommand(args: readonly string[]): ProxyCommand {
  const given = readArguments(FC_PROXY, args);
  const [stray] = given.words;
  if (stray !== undefined) throw new UsageError(`'${stray}' is not understood`);
  const listen = given.values('listen').map(parseListen);
  const desk = given.value('desk');
  const instance = given.value('instance');
  if (instance !== null && (desk === null || !/^([2-9]|[1-9][0-9])$/.test(instance))) {
    throw new UsageError(`--instance ${instance}: a number from 2 to 99, with --desk`);
  }
  return { help: given.has('help'), config: configFile(given), snapshot: given.value('snapshot') ?? HOST_PATHS.snapshot, listen, desk, instance: Number(instance ?? 1), report: given.value('report') };
}
