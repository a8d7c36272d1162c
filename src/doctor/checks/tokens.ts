import { readFile } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { parseTokens } from '../../proxy/tokens.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding, warning } from '../finding.ts';
import { showUnits, sinceMs } from '../units.ts';

export const TOKENS_FILE = '/etc/fastcontainer/fleet-tokens';

export interface TokenFacts {
  /** Other hosts that fc-proxy knows. */
  readonly others: number;
  /** How many tokens there are, or what is wrong with the file; null: it is not there. */
  readonly tokens: number | string | null;
  readonly changedMs: number;
  /** Since when fc-proxy runs, which reads them when it starts; null: it does not. */
  readonly proxySinceMs: number | null;
}

export function judgeTokens({ others, tokens, changedMs, proxySinceMs }: TokenFacts): readonly Finding[] {
  if (typeof tokens === 'string') {
    const line = /^line ([0-9]+) /.exec(tokens)?.[1];
    return [error(`${TOKENS_FILE}: ${tokens}`, 'fc-proxy reads none of them when it starts: no other host is spoken to, and none gets in',
      line === undefined ? advice('copy the file of another host') : command(`sed -i ${line}d ${TOKENS_FILE} && systemctl restart fc-proxy`))];
  }
  if (tokens === null || tokens === 0) {
    if (others === 0) return [];
    return [error(`there is no token in ${TOKENS_FILE}, and ${others} other ${others === 1 ? 'host' : 'hosts'}`, 'requests for apps on other hosts fail, and other hosts get nothing from this one', advice('copy the file of another host, root:root 0600, then: systemctl restart fc-proxy'))];
  }
  return proxySinceMs !== null && changedMs > proxySinceMs
    ? [warning(`${TOKENS_FILE} has changed since fc-proxy started`, 'fc-proxy goes by what was there then', command('systemctl restart fc-proxy'))] : [];
}

export default check<TokenFacts>({
  id: 'tokens',
  looksAt: "the fleet's tokens: there where there are other hosts, well-formed, and those that fc-proxy has read",
  look: async (host) => {
    const text = await ifThere(readFile(TOKENS_FILE, 'utf8'));
    const [snapshot, shown, found] = await Promise.all([host.snapshot(), showUnits(['fc-proxy.service'], ['ExecMainStartTimestampMonotonic', 'ActiveState']), host.stat(TOKENS_FILE)]);
    const service = shown.get('fc-proxy.service');
    return {
      others: (snapshot?.hosts ?? []).filter(({ name }) => name !== snapshot?.host).length,
      tokens: text === null ? null : counted(text),
      changedMs: found?.mtimeMs ?? 0,
      proxySinceMs: service?.get('ActiveState') === 'active' ? sinceMs(service.get('ExecMainStartTimestampMonotonic')) : null,
    };
  },
  judge: judgeTokens,
});

function counted(text: string): number | string {
  try {
    return parseTokens(text).length;
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    return cause.message;
  }
}
