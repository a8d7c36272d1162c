import { readFile } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding } from '../finding.ts';
import { lastLine, run } from '../run.ts';

/** What the kernel must be able to do, tried in namespaces that nobody else sees and that end with the try. */
interface Feature {
  readonly name: string;
  readonly means: string;
  /** Of modprobe(8); null: it is built in or not there. */
  readonly module: string | null;
  readonly program: readonly string[];
  readonly input?: string;
}

/** Whatever the rules of fc-firewall and fc-net use. */
const RULES = `table inet t {
	set s { type ipv4_addr; flags interval; auto-merge; }
	chain a { type filter hook input priority -10; policy accept; meta skuid 0 accept; ip saddr @s drop; meta mark & 0x1 == 0x1 reject with icmpx admin-prohibited; }
	chain b { type filter hook prerouting priority mangle; ct direction reply meta mark set meta mark | 0x1; }
	chain c { type nat hook postrouting priority srcnat; oifname "lo" masquerade; }
}`;

export const FEATURES: readonly Feature[] = [
  { name: 'user namespaces', means: 'no container starts', module: null, program: ['unshare', '--user', '--map-root-user', 'true'] },
  { name: 'network namespaces', means: 'no app gets a network', module: null, program: ['unshare', '--net', 'true'] },
  { name: 'veth interfaces', means: 'no app gets a network', module: 'veth', program: ['unshare', '--net', 'ip', 'link', 'add', 'fcdoctor0', 'type', 'veth', 'peer', 'name', 'fcdoctor1'] },
  { name: 'nftables', means: 'the wall between the apps and the host is not whole, and no app reaches out', module: 'nf_tables', program: ['unshare', '--net', 'nft', '-f', '-'], input: RULES },
  { name: 'overlay file systems', means: 'no container starts', module: 'overlay', program: ['grep', '-qw', 'overlay', '/proc/filesystems'] },
];

export interface KernelFacts {
  /** Why each feature of that name cannot be had; null: it can. */
  readonly features: ReadonlyMap<string, string | null>;
  readonly seccomp: boolean;
}

export function judgeKernel({ features, seccomp }: KernelFacts): readonly Finding[] {
  const findings = FEATURES.flatMap(({ name, means, module }): Finding[] => {
    const why = features.get(name) ?? null;
    if (why === null) return [];
    const remedy = module === null ? advice("use Debian's own kernel, and see that sysctl has not switched it off (user.max_user_namespaces)") : command(`modprobe ${module} && echo ${module} >/etc/modules-load.d/fastcontainer-${module}.conf`);
    return [error(`the kernel does not let root use ${name}: ${why}`, means, remedy)];
  });
  return seccomp ? findings : [...findings, error('the kernel has no seccomp filters', 'containers may make every system call, or do not start', advice("use Debian's own kernel"))];
}

export default check<KernelFacts>({
  id: 'kernel',
  looksAt: 'what the kernel must be able to do: namespaces, veth, nftables, overlay, seccomp (tried where nobody else sees it)',
  look: async (host) => {
    host.needRoot();
    return {
      features: new Map(await Promise.all(FEATURES.map(async ({ name, program: [program = '', ...args], input }) => {
        const { code, stderr } = await run(program, args, input === undefined ? {} : { input });
        return [name, code === 0 ? null : lastLine(stderr) || 'it failed'] as const;
      }))),
      seccomp: /\berrno\b/.test((await ifThere(readFile('/proc/sys/kernel/seccomp/actions_avail', 'utf8'))) ?? ''),
    };
  },
  judge: judgeKernel,
});
