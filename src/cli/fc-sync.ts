/** The command line of fc-sync. Pure. */
import { type CmdbAddress, cmdbAddress } from '../config/cmdb-address.ts';
import { CONFIG_OPTION, configFile } from './config-option.ts';
import { type CommandSpec, readArguments, UsageError } from './spec.ts';

export const FC_SYNC: CommandSpec = {
  name: 'fc-sync',
  section: 8,
  summary: 'make this host do what the CMDB says',
  forms: ['[OPTION]...', 'plan [--json] [--allow-removals] [--accept-older] [--config FILE]', 'migrate [--url URL] [--password-file FILE] [--config FILE]'],
  description: [
    "Makes this host do what its rows in the CMDB say: writes the units of its apps, opens and closes their sockets, and hands running apps over to what changed.",
    'fc-sync plan says what would be done, and does nothing: for each app what has changed in its row, what restarts and how, what moves or goes away, what is rejected, and what all of it costs visitors. Values of env are never shown.',
    "fc-sync migrate creates or upgrades the tables. It needs an account that may do that: --url (and --password-file) name one other than the configuration's.",
  ],
  verbs: [
    { name: 'plan', doc: 'print what would be done, and do nothing' },
    { name: 'migrate', doc: 'create or upgrade the tables of the CMDB' },
  ],
  options: [
    { name: 'dry-run', doc: 'the same as fc-sync plan' },
    { name: 'json', doc: 'print what is done, or would be, as JSON' },
    { name: 'watch', doc: 'keep running and apply each committed change' },
    { name: 'allow-removals', doc: "remove apps even if most of this host's would go at once" },
    { name: 'accept-older', doc: 'take the CMDB as it is, although it lacks changes that were applied here: it was put back from a backup' },
    CONFIG_OPTION,
    { name: 'url', value: 'URL', doc: 'with migrate: the CMDB, mysql://user@host[:port]/database' },
    { name: 'password-file', value: 'FILE', completes: 'file', doc: 'with migrate: a file with the password of that account' },
  ],
  exit: [
    { code: 0, doc: 'done' },
    { code: 1, doc: 'something was rejected or failed, the rest is applied' },
    { code: 2, doc: 'usage or configuration' },
    { code: 3, doc: 'the CMDB cannot be used, nothing was changed' },
  ],
  more: [
    {
      title: 'RUNNING',
      paragraphs: [
        'fc-sync-watch.service runs fc-sync --watch and applies a committed change within a second; fc-sync.timer, or cron, runs it from time to time. Two runs at once take turns.',
        'A run that finds nothing changed, in the CMDB or on the host, ends at once; all is looked at anew every five minutes.',
        'A row that cannot be used is named (table, key, column, why) and skipped; its app stays as it was. If more than half of a host\'s apps, or all, would go at once without their rows saying why, nothing is removed without --allow-removals.',
      ],
    },
  ],
  examples: [
    { command: 'fc-sync plan', doc: 'what the next run would do' },
    { command: 'fc-sync migrate --url mysql://admin@db1/fastcontainer --password-file admin.password', doc: 'upgrade the tables by an account that may' },
  ],
  seeAlso: ['fastcontainer.ini(5)', 'fastcontainer-cmdb(5)', 'fastcontainer-units(7)', 'fc-proxy(8)'],
};

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'migrate'; readonly config: string; readonly addresses: readonly CmdbAddress[] | null; readonly passwordFile: string | null }
  | { readonly kind: 'sync'; readonly config: string; readonly dryRun: boolean; readonly json: boolean; readonly watch: boolean; readonly allowRemovals: boolean; readonly acceptOlder: boolean };

/** Options that go with each form; --config goes with all. */
const GO_WITH = {
  migrate: ['url', 'password-file'],
  plan: ['json', 'allow-removals', 'accept-older'],
  sync: ['dry-run', 'json', 'watch', 'allow-removals', 'accept-older'],
} as const;

/** @throws UsageError */
export function parseCommand(args: readonly string[]): Command {
  const given = readArguments(FC_SYNC, args);
  if (given.has('help')) return { kind: 'help' };
  const config = configFile(given);
  const [verb, ...rest] = given.words;
  if (verb !== undefined && ((verb !== 'migrate' && verb !== 'plan') || rest.length > 0)) {
    throw new UsageError(`'${rest[0] ?? verb}' is not understood; the commands are plan and migrate`);
  }
  const allowed: readonly string[] = ['config', ...GO_WITH[verb ?? 'sync']];
  const stray = given.given.find((name) => !allowed.includes(name));
  if (stray !== undefined) throw new UsageError(`--${stray} does not go with fc-sync${verb === undefined ? '' : ` ${verb}`}`);
  if (verb === 'migrate') {
    const url = given.value('url');
    return { kind: 'migrate', config, addresses: url === null ? null : addresses(url), passwordFile: given.value('password-file') };
  }
  const flags = {
    dryRun: verb === 'plan' || given.has('dry-run'), json: given.has('json'), watch: given.has('watch'),
    allowRemovals: given.has('allow-removals'), acceptOlder: given.has('accept-older'),
  };
  if (flags.watch && (flags.dryRun || flags.json)) throw new UsageError('--watch goes with neither --dry-run nor --json');
  if (flags.watch && flags.acceptOlder) throw new UsageError('--watch does not go with --accept-older: run that once, while fc-sync --watch goes on');
  return { kind: 'sync', config, ...flags };
}

function addresses(text: string): readonly CmdbAddress[] {
  try {
    return text.split(',').map((one) => cmdbAddress(one.trim()));
  } catch (cause) {
    throw new UsageError(`--url: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
