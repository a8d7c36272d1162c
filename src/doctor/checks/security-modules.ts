import { readFile } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { check } from '../check.ts';
import { advice, command, type Finding, info, warning } from '../finding.ts';

export interface ModuleFacts {
  readonly selinuxEnforcing: boolean;
  /** Profiles of AppArmor in force, `name (mode)` a line; null: it is off, or may not be seen. */
  readonly profiles: string | null;
}

/** Programs that we run. */
const OURS = /^(?:\/usr\/bin\/)?(?:podman|crun|conmon|skopeo|node|fc-[a-z]+) \((?:enforce|kill)\)$/;

export function judgeModules({ selinuxEnforcing, profiles }: ModuleFacts): readonly Finding[] {
  const confined = (profiles ?? '').split('\n').filter((line) => OURS.test(line)).map((line) => line.replace(/ \(.*/, ''));
  return [
    ...(selinuxEnforcing ? [warning('SELinux is enforcing', 'nobody has tried it: volumes and sockets may not be reached', advice('see what is denied (ausearch -m avc), and allow it; or setenforce 0'))] : []),
    ...confined.map((name) => info(`AppArmor confines ${name}`, 'what the profile does not allow fails', command(`journalctl --no-pager --dmesg --grep='apparmor="DENIED".*${name}'`))),
  ];
}

export default check<ModuleFacts>({
  id: 'security-modules',
  looksAt: 'SELinux and AppArmor, where they may stand in the way',
  look: async () => ({
    selinuxEnforcing: (await ifThere(readFile('/sys/fs/selinux/enforce', 'utf8')))?.trim() === '1',
    profiles: await readFile('/sys/kernel/security/apparmor/profiles', 'utf8').catch(() => null),
  }),
  judge: judgeModules,
});
