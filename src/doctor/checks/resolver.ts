import { readFile } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { RESOLV_CONF } from '../../model/names.ts';
import { check } from '../check.ts';
import { advice, type Finding, warning } from '../finding.ts';

export interface ResolverFacts {
  /** What apps with egress see as their resolv.conf; null: there is none yet. */
  readonly resolvConf: string | null;
}

export function judgeResolver({ resolvConf }: ResolverFacts): readonly Finding[] {
  if (resolvConf === null || /^\s*nameserver\s+\S/m.test(resolvConf)) return [];
  return [warning('apps with egress have no name server: those of /etc/resolv.conf run on this host itself', 'apps resolve no names', advice('write nameservers = ADDRESS below [network] in fastcontainer.ini; it is in force at once'))];
}

export default check<ResolverFacts>({
  id: 'resolver',
  looksAt: 'name servers for apps that reach out',
  look: async () => ({ resolvConf: await ifThere(readFile(RESOLV_CONF, 'utf8')) }),
  judge: judgeResolver,
});
