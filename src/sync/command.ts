/** The command line of fc-sync. Pure. */
import { parseArgs } from 'node:util';
import { type CmdbAddress, cmdbAddress } from '../config/cmdb-address.ts';
import { DEFAULT_CONFIG_FILE } from '../config/config.ts';

/** The command line makes no sense. */
export class UsageError extends Error {}

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'migrate'; readonly config: string; readonly addresses: readonly CmdbAddress[] | null; readonly passwordFile: string | null }
  | { readonly kind: 'sync'; readonly config: string; readonly dryRun: boolean; readonly json: boolean; readonly watch: boolean; readonly allowRemovals: boolean; readonly acceptOlder: boolean };

export const HELP = `Usage: fc-sync [OPTION]...
       fc-sync migrate [--url URL] [--password-file FILE] [--config FILE]

Makes this host do what its rows in the CMDB say: writes the units of its apps,
opens and closes their sockets, and hands running apps over to what changed.

  --dry-run           print what would be done, and do nothing
  --json              print it as JSON
  --watch             keep running and apply each committed change
  --allow-removals    remove apps even if most of this host's would go at once
  --accept-older      take the CMDB as it is, although it lacks changes that were
                      applied here: it was put back from a backup
  --config FILE       instead of ${DEFAULT_CONFIG_FILE}
  --help              print this

fc-sync migrate creates or upgrades the tables. It needs an account that may do
that: --url (and --password-file) name one other than the configuration's.

Exit status: 0 done; 1 something was rejected or failed, the rest is applied;
2 usage or configuration; 3 the CMDB cannot be used, nothing was changed.`;

const OPTIONS = {
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  watch: { type: 'boolean' },
  'allow-removals': { type: 'boolean' },
  'accept-older': { type: 'boolean' },
  config: { type: 'string' },
  url: { type: 'string' },
  'password-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: 'help' };
  const config = values.config ?? DEFAULT_CONFIG_FILE;
  const [verb, ...rest] = positionals;
  if (verb !== undefined && (verb !== 'migrate' || rest.length > 0)) {
    throw new UsageError(`'${rest[0] ?? verb}' is not understood; the only command is migrate`);
  }
  const given = Object.keys(values).filter((name) => name !== 'config');
  const allowed = verb === 'migrate' ? ['url', 'password-file'] : ['dry-run', 'json', 'watch', 'allow-removals', 'accept-older'];
  const stray = given.find((name) => !allowed.includes(name));
  if (stray !== undefined) throw new UsageError(`--${stray} does not go with fc-sync${verb === undefined ? '' : ` ${verb}`}`);
  if (verb === 'migrate') {
    return { kind: 'migrate', config, addresses: values.url === undefined ? null : addresses(values.url), passwordFile: values['password-file'] ?? null };
  }
  const flags = {
    dryRun: values['dry-run'] === true, json: values.json === true, watch: values.watch === true,
    allowRemovals: values['allow-removals'] === true, acceptOlder: values['accept-older'] === true,
  };
  if (flags.watch && (flags.dryRun || flags.json)) throw new UsageError('--watch goes with neither --dry-run nor --json');
  if (flags.watch && flags.acceptOlder) throw new UsageError('--watch does not go with --accept-older: run that once, while fc-sync --watch goes on');
  return { kind: 'sync', config, ...flags };
}

function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true; args: string[] }>> {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function addresses(text: string): readonly CmdbAddress[] {
  try {
    return text.split(',').map((one) => cmdbAddress(one.trim()));
  } catch (cause) {
    throw new UsageError(`--url: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
