import { check } from '../check.ts';
import { command, type Finding, info } from '../finding.ts';

export interface SeccompFacts {
  readonly isCompiled: boolean;
}

export function judgeSeccomp({ isCompiled }: SeccompFacts): readonly Finding[] {
  return isCompiled ? [] : [info('the system call filter of containers is not compiled ahead', 'each start compiles its own, which takes some 30 ms of CPU time', command('systemctl start fc-seccomp.service'))];
}

export default check<SeccompFacts>({
  id: 'seccomp',
  looksAt: 'the system call filter of containers, compiled ahead',
  look: async (host) => ({ isCompiled: await host.stat('/run/fastcontainer/seccomp') !== null }),
  judge: judgeSeccomp,
});
