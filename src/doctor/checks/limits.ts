import { readFile } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { check } from '../check.ts';
import { command, type Finding, info, warning } from '../finding.ts';

/** A limit of the kernel's (sysctl), and how much of it this host needs. */
interface Limit {
  readonly key: string;
  /** What can need it is all awake at once; `rare`: what most apps never use. */
  readonly rare: boolean;
  readonly needs: (apps: number) => number;
  readonly means: string;
}

/** Two mounts and a namespace or two for each generation; a container is a handful of processes. */
export const LIMITS: readonly Limit[] = [
  { key: 'net.core.somaxconn', rare: false, needs: () => 4_096, means: 'of clients that come at once, those past that are turned away' },
  { key: 'user.max_user_namespaces', rare: false, needs: (apps) => 64 + 2 * apps, means: 'containers past that do not start' },
  { key: 'user.max_net_namespaces', rare: false, needs: (apps) => 64 + 2 * apps, means: 'apps past that get no network' },
  { key: 'user.max_mnt_namespaces', rare: false, needs: (apps) => 64 + 4 * apps, means: 'containers past that do not start' },
  { key: 'fs.mount-max', rare: false, needs: (apps) => 1_000 + 4 * apps, means: 'network namespaces and volumes past that cannot be mounted' },
  { key: 'kernel.pid_max', rare: false, needs: (apps) => 4_096 + 16 * apps, means: 'past that no process starts' },
  { key: 'kernel.threads-max', rare: false, needs: (apps) => 4_096 + 16 * apps, means: 'past that no process or thread starts' },
  { key: 'fs.inotify.max_user_watches', rare: false, needs: (apps) => 1_024 + 8 * apps, means: 'systemd does not see the end of services, past that' },
  { key: 'fs.inotify.max_user_instances', rare: true, needs: (apps) => 64 + apps, means: 'apps that watch files fail, past that: those of all containers count together' },
];

export interface LimitFacts {
  readonly apps: number;
  /** By key; those that this kernel does not have are not there. */
  readonly values: ReadonlyMap<string, number>;
  /** Connections that are tracked, and at most; null: none are. */
  readonly conntrack: { readonly count: number; readonly most: number } | null;
}

export function judgeLimits({ apps, values, conntrack }: LimitFacts): readonly Finding[] {
  const findings = LIMITS.flatMap(({ key, rare, needs, means }): Finding[] => {
    const [value, need] = [values.get(key), needs(apps)];
    if (value === undefined || value >= need) return [];
    const seen = `${key} is ${value}, and ${apps} ${apps === 1 ? 'app' : 'apps'} may need ${need}`;
    return [(rare ? info : warning)(seen, means, setting(key, need))];
  });
  if (conntrack === null || conntrack.count <= 0.75 * conntrack.most) return findings;
  return [...findings, warning(`${conntrack.count} connections are tracked, of ${conntrack.most} at most`, 'past that packets are dropped', setting('net.netfilter.nf_conntrack_max', 2 * conntrack.most))];
}

function setting(key: string, value: number): Finding['remedy'] {
  const file = `/etc/sysctl.d/60-fastcontainer-${key}.conf`;
  return command(`echo '${key} = ${value}' >${file} && sysctl --load=${file}`);
}

export default check<LimitFacts>({
  id: 'limits',
  looksAt: 'limits of the kernel (sysctl) for so many apps: namespaces, mounts, processes, inotify, backlog, tracked connections',
  look: async (host) => {
    const snapshot = await host.snapshot();
    const values = await Promise.all(LIMITS.map(async ({ key }) => [key, await sysctl(key)] as const));
    const [count, most] = await Promise.all(['net.netfilter.nf_conntrack_count', 'net.netfilter.nf_conntrack_max'].map(sysctl));
    return {
      apps: (snapshot?.apps ?? []).filter(({ here }) => here !== null).length,
      values: new Map(values.flatMap(([key, value]) => (value === null ? [] : [[key, value] as const]))),
      conntrack: count === undefined || count === null || most === undefined || most === null ? null : { count, most },
    };
  },
  judge: judgeLimits,
});

async function sysctl(key: string): Promise<number | null> {
  const text = await ifThere(readFile(`/proc/sys/${key.replaceAll('.', '/')}`, 'utf8'));
  return text === null ? null : Number(text);
}
