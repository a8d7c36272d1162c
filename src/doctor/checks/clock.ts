import { NotLooked, check } from '../check.ts';
import { advice, command, type Finding, warning } from '../finding.ts';
import { run } from '../run.ts';

export interface ClockFacts {
  /** Whether the kernel's clock follows another one; null: not known. */
  readonly synchronized: boolean | null;
  /** By address of the CMDB, how far its clock is ahead, in seconds. */
  readonly ahead: readonly { readonly address: string; readonly seconds: number }[];
}

const MOST_S = 5;

export function judgeClock({ synchronized, ahead }: ClockFacts): readonly Finding[] {
  const findings: Finding[] = [];
  if (synchronized === false) {
    findings.push(warning("this host's clock is not synchronized", 'times in logs of several hosts do not fit together, and certificates end early or late', command('apt-get install --yes systemd-timesyncd && timedatectl set-ntp true')));
  }
  for (const { address, seconds } of ahead) {
    if (Math.abs(seconds) <= MOST_S) continue;
    const by = `${Math.round(Math.abs(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'}`;
    findings.push(warning(`the clock of the CMDB at ${address} is ${by} this host's`, 'one of the two is wrong', advice('timedatectl on both shows which; synchronize it')));
  }
  return findings;
}

export default check<ClockFacts>({
  id: 'clock',
  looksAt: "this host's clock: synchronized, and the same as the CMDB's",
  look: async (host) => {
    const { code, stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
    const said = stdout.trim();
    const cmdb = await host.cmdb().catch((cause: unknown) => {
      // Where it cannot be asked, another check says so.
      if (cause instanceof NotLooked) return null;
      throw cause;
    });
    return {
      synchronized: code === 0 && (said === 'yes' || said === 'no') ? said === 'yes' : null,
      ahead: (cmdb?.addresses ?? []).flatMap(({ text, aheadS }) => (aheadS === null ? [] : [{ address: text, seconds: aheadS }])),
    };
  },
  judge: judgeClock,
});
