import { check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { output, run } from '../run.ts';

export interface AccountFacts {
  /** Its line in passwd(5); null: there is none. */
  readonly passwd: string | null;
  readonly groups: readonly string[];
}

export function judgeAccount({ passwd, groups }: AccountFacts): readonly Finding[] {
  if (passwd === null) {
    return [error('there is no user fc-proxy', 'fc-proxy and the doors of apps do not start', command('systemd-sysusers /usr/lib/sysusers.d/fastcontainer.conf && systemctl restart fc-proxy'))];
  }
  const [, , uid, , , , shell = ''] = passwd.split(':');
  const others = groups.filter((group) => group !== 'fc-proxy');
  return [
    ...(uid === '0' ? [error('the user fc-proxy is root', 'the process that faces the internet may do everything', command('userdel --force fc-proxy; systemd-sysusers /usr/lib/sysusers.d/fastcontainer.conf'))] : []),
    ...(others.length > 0 ? [warning(`the user fc-proxy is in the groups ${others.join(', ')}, too`, 'the process that faces the internet may do what they may', command(`usermod --groups '' fc-proxy && systemctl restart fc-proxy`))] : []),
    ...(/\/(nologin|false)$/.test(shell) ? [] : [warning(`the user fc-proxy has the shell ${shell}`, 'nobody logs in as it', command('usermod --shell /usr/sbin/nologin fc-proxy'))]),
  ];
}

export default check<AccountFacts>({
  id: 'account',
  looksAt: 'the user that fc-proxy runs as: there, and nobody else',
  look: async () => {
    const { code, stdout } = await run('getent', ['passwd', 'fc-proxy']);
    if (code !== 0) return { passwd: null, groups: [] };
    return { passwd: stdout.trim(), groups: (await output('id', ['-nG', 'fc-proxy'])).trim().split(' ') };
  },
  judge: judgeAccount,
});
