import { readFile } from 'node:fs/promises';
import { check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { showUnits } from '../units.ts';

export interface DescriptorFacts {
  /** Apps on this host. */
  readonly apps: number;
  /** Of this host ([proxy] max_waiting). */
  readonly maxWaiting: number;
  /** What fc-proxy may have open; null: not known. */
  readonly proxyLimit: number | null;
  /** What systemd may. */
  readonly systemdLimit: number | null;
  /** fs.nr_open: the highest limit that any process may be given. */
  readonly mostEach: number;
  /** fs.file-nr: open on this host, and at most. */
  readonly open: number;
  readonly most: number;
}

/** What the unit of fc-proxy says. */
const LIMIT = 524_288;

/** Of its own: snapshot, bus, log, and connections that ask for nothing. */
const PROXY_OWN = 1_024;
const SYSTEMD_OWN = 512;

/** A client's connection, and the one to the app or to another host. */
const EACH_REQUEST = 2;
/** A door, and what systemd has open of a container that runs. */
const EACH_APP = 2;

export function judgeDescriptors({ apps, maxWaiting, proxyLimit, systemdLimit, mostEach, open, most }: DescriptorFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const proxyNeeds = PROXY_OWN + EACH_REQUEST * maxWaiting;
  if (proxyLimit !== null && proxyLimit < proxyNeeds) {
    const limit = Math.min(LIMIT, mostEach, systemdLimit ?? Infinity);
    findings.push(warning(`fc-proxy may have ${proxyLimit} descriptors open, and needs up to ${proxyNeeds} for ${maxWaiting} requests that wait (max_waiting)`, 'clients past that are not let in',
      command(`mkdir -p /etc/systemd/system/fc-proxy.service.d && printf '[Service]\\nLimitNOFILE=${limit}\\n' >/etc/systemd/system/fc-proxy.service.d/zz-descriptors.conf && systemctl daemon-reload && systemctl restart fc-proxy`)));
  }
  const systemdNeeds = SYSTEMD_OWN + EACH_APP * apps;
  if (systemdLimit !== null && systemdLimit < systemdNeeds) {
    findings.push(error(`systemd may have ${systemdLimit} descriptors open, and needs up to ${systemdNeeds} for ${apps} apps`, 'doors of apps do not open',
      command(`echo 'fs.nr_open = ${Math.max(2 * systemdNeeds, 1_048_576)}' >/etc/sysctl.d/60-fastcontainer-descriptors.conf && sysctl --load=/etc/sysctl.d/60-fastcontainer-descriptors.conf && systemctl daemon-reexec`)));
  }
  if (open > 0.8 * most) {
    findings.push(warning(`${open} files are open on this host, of ${most} at most`, 'past that nothing opens a file', command(`echo 'fs.file-max = ${most * 2}' >/etc/sysctl.d/60-fastcontainer-files.conf && sysctl --load=/etc/sysctl.d/60-fastcontainer-files.conf`)));
  }
  return findings;
}

export default check<DescriptorFacts>({
  id: 'descriptors',
  looksAt: 'how many descriptors fc-proxy, systemd and the whole host may have open, for so many apps and requests',
  look: async (host) => {
    const [snapshot, config, shown] = await Promise.all([host.snapshot(), host.config(), showUnits(['fc-proxy.service'], ['MainPID', 'LimitNOFILESoft'])]);
    const service = shown.get('fc-proxy.service');
    const pid = Number(service?.get('MainPID') ?? 0);
    const [open = 0, , most = Infinity] = (await readFile('/proc/sys/fs/file-nr', 'utf8')).trim().split(/\s+/).map(Number);
    return {
      apps: (snapshot?.apps ?? []).filter(({ here }) => here !== null).length,
      maxWaiting: config.proxy.maxWaiting,
      proxyLimit: pid > 0 ? await limitOf(pid) : Number(service?.get('LimitNOFILESoft')) || null,
      systemdLimit: await limitOf(1),
      mostEach: Number(await readFile('/proc/sys/fs/nr_open', 'utf8')),
      open, most,
    };
  },
  judge: judgeDescriptors,
});

async function limitOf(pid: number): Promise<number | null> {
  return limitIn(await readFile(`/proc/${pid}/limits`, 'utf8').catch(() => ''));
}

/** The soft limit in /proc/PID/limits, proc(5). */
export function limitIn(text: string): number | null {
  const soft = /^Max open files +([0-9]+|unlimited)/m.exec(text)?.[1];
  return soft === undefined ? null : soft === 'unlimited' ? Infinity : Number(soft);
}
