import { namesIn } from '../../files.ts';
import { check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { PROGRAM } from '../program.ts';
import { output, run } from '../run.ts';
import { shellWord } from '../shell.ts';

export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

export interface FirewallFacts {
  /** The rules that are in force; null: none. */
  readonly actual: string | null;
  /** Those that fc-firewall would make; null: no app has had a network since the boot. */
  readonly expected: string | null;
  /** Preferences of our routing rules that are missing. */
  readonly missingRules: readonly number[];
  /** Apps reach out. */
  readonly egress: boolean;
  /** Interfaces that lead out of the host and do not forward. */
  readonly notForwarding: readonly string[];
  /** Of other tables: chains that drop what is forwarded, and do not know apps. */
  readonly foreign: readonly ForeignChain[];
}

const RESTORE = command('systemctl restart fc-firewall.service');

export function judgeFirewall({ actual, expected, missingRules, egress, notForwarding, foreign }: FirewallFacts): readonly Finding[] {
  if (expected === null) return [];
  const findings: Finding[] = [];
  if (actual === null) findings.push(error('the nftables rules of fc-firewall are gone', 'the wall of each app stands by its other half alone, and no app reaches out', RESTORE));
  else if (actual !== expected) findings.push(error('the nftables rules of fc-firewall are not those that it makes', 'an app may reach what it should not, or not what it should', RESTORE));
  if (missingRules.length > 0) findings.push(error(`routing rules are missing (preferences ${missingRules.join(', ')})`, 'apps are not reached, or their wall has a hole where nftables rules are flushed', RESTORE));
  if (egress && notForwarding.length > 0) findings.push(error(`${notForwarding.join(', ')} ${notForwarding.length === 1 ? 'does' : 'do'} not forward`, 'no app reaches out that way', RESTORE));
  if (!egress) return findings;
  return [...findings, ...foreign.map(({ family, table, chain }) => {
    const where = [family, table, chain].map(shellWord).join(' ');
    return warning(`the chain ${chain} of table ${family} ${table} drops what is forwarded, and does not know apps (fcv*)`, 'no app reaches out; what makes these rules has to let apps through, too, or its next run takes them away again',
      command(`nft insert rule ${where} iifname '"fcv*"' accept && nft insert rule ${where} oifname '"fcv*"' ct state established,related accept`));
  })];
}

const STATE = '/run/fastcontainer-net';
/** Of IPv4, ip-rule(8); fc-firewall makes them. */
const PREFERENCES = [7780, 7781, 7782, 7783, 7784, 7785, 7786, 7787, 7789];

export default check<FirewallFacts>({
  id: 'firewall',
  looksAt: 'the wall around apps (nftables and routing rules): as fc-firewall makes it, and not in the way of another firewall',
  look: async (host) => {
    host.needRoot();
    const names = await namesIn(STATE);
    if ((await namesIn(`${STATE}/range`)).length === 0) return { actual: null, expected: null, missingRules: [], egress: false, notForwarding: [], foreign: [] };
    const [actual, expected, rules, uplinks, ruleset] = await Promise.all([
      run('nft', ['list', 'table', 'inet', 'fastcontainer']),
      expectedRules(),
      output('ip', ['-4', 'rule', 'list']),
      output('ip', ['-o', '-4', 'route', 'show', 'table', 'main']),
      output('nft', ['--json', 'list', 'ruleset']),
    ]);
    return {
      actual: actual.code === 0 ? actual.stdout : null,
      expected,
      missingRules: PREFERENCES.filter((preference) => !new RegExp(`^${preference}:`, 'm').test(rules)),
      egress: names.includes('egress'),
      notForwarding: await notForwarding(uplinks),
      foreign: foreignChains(ruleset),
    };
  },
  judge: judgeFirewall,
});

/** Made in a network namespace that nobody else sees, so that both are listed by the same nft. */
async function expectedRules(): Promise<string> {
  const input = await output(`${PROGRAM}/libexec/fc-firewall`, ['rules']);
  return await output('unshare', ['--net', 'sh', '-c', 'nft -f - && nft list table inet fastcontainer'], { input });
}

async function notForwarding(routes: string): Promise<readonly string[]> {
  const devices = [...new Set([...routes.matchAll(/ dev (\S+)/g)].map(([, device = '']) => device))].filter((device) => device !== 'lo' && !/^fcv[0-9]+$/.test(device));
  const on = await Promise.all(devices.map((device) => run('cat', [`/proc/sys/net/ipv4/conf/${device}/forwarding`])));
  return devices.filter((_device, at) => on[at]?.stdout.trim() === '0');
}

/** Base chains for what is forwarded, with policy drop, in tables none of whose rules names our interfaces; libnftables-json(5). */
export function foreignChains(json: string): readonly ForeignChain[] {
  const value: unknown = JSON.parse(json);
  const entries = field(value, 'nftables');
  const list: readonly unknown[] = Array.isArray(entries) ? entries : [];
  const aware = new Set(list.map((entry) => field(entry, 'rule')).filter((rule) => JSON.stringify(rule ?? null).includes('fcv')).map((rule) => `${text(rule, 'family')} ${text(rule, 'table')}`));
  return list.map((entry) => field(entry, 'chain'))
    .filter((chain) => field(chain, 'hook') === 'forward' && field(chain, 'policy') === 'drop')
    .map((chain) => ({ family: text(chain, 'family'), table: text(chain, 'table'), chain: text(chain, 'name') }))
    .filter(({ family, table }) => table !== 'fastcontainer' && !aware.has(`${family} ${table}`));
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function text(value: unknown, key: string): string {
  const found = field(value, key);
  return typeof found === 'string' ? found : '';
}
