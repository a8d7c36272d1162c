import { readFile } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { PROGRAM } from '../program.ts';
import { run } from '../run.ts';

/** Of a lease longer than any may be: nothing of that name can ever be started. */
const LEASE = 'fc-lease-99999999s@fc_doctor-00000000.timer';
/** What fc-proxy has no business with, and is not there either. */
const OTHER = 'fc-doctor-nothing.service';

export interface PolkitFacts {
  /** The rule that is in force is: ours, another, or none. */
  readonly rule: 'same' | 'different' | 'missing';
  /** What systemd said when the user fc-proxy asked for a lease that is not there; null: it could not be asked, not being root. */
  readonly lease: string | null;
  /** The same for a unit that is none of its business. */
  readonly other: string | null;
}

const RESTORE = command(`install -m 0644 ${PROGRAM}/units/fastcontainer.rules /usr/share/polkit-1/rules.d/50-fastcontainer.rules`);

export function judgePolkit({ rule, lease, other }: PolkitFacts): readonly Finding[] {
  const findings: Finding[] = [];
  if (rule === 'missing') findings.push(error('polkit has no rule for fc-proxy', 'no visitor wakes an app', RESTORE));
  if (rule === 'different') findings.push(warning("polkit's rule for fc-proxy is not the one of this program", 'fc-proxy may do less than it must, or more than it should', RESTORE));
  if (lease !== null && !isNotThere(lease) && rule !== 'missing') {
    findings.push(error(`systemd does not let the user fc-proxy start a lease: ${lease}`, 'no visitor wakes an app', command('systemctl restart polkit && systemctl --no-pager status polkit')));
  }
  if (other !== null && isNotThere(other)) {
    findings.push(error('systemd would let the user fc-proxy start any unit', 'whoever takes over fc-proxy has this host: another rule of polkit says so', command('grep -ls fc-proxy /etc/polkit-1/rules.d/* /usr/share/polkit-1/rules.d/*')));
  }
  return findings;
}

/** Whoever may not is told that first; who may, that there is no such unit. */
function isNotThere(answer: string): boolean {
  return /not found/i.test(answer);
}

export default check<PolkitFacts>({
  id: 'polkit',
  looksAt: 'what the user fc-proxy may ask of systemd: the rule, and what systemd answers it (asked for units that cannot be)',
  look: async (host) => {
    const ours = await readFile(`${PROGRAM}/units/fastcontainer.rules`, 'utf8');
    const found = (await Promise.all(['/etc/polkit-1/rules.d', '/usr/share/polkit-1/rules.d'].map((folder) => ifThere(readFile(`${folder}/50-fastcontainer.rules`, 'utf8'))))).filter((text) => text !== null);
    const [first] = found;
    const rule = first === undefined ? 'missing' : first === ours ? 'same' : 'different';
    if (!host.isRoot) return { rule, lease: null, other: null };
    const account = await host.proxyAccount();
    const ask = async (unit: string): Promise<string> => {
      const { stderr, stdout } = await run('busctl', ['call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', 'StartUnit', 'ss', unit, 'fail'], { as: account });
      return `${stdout}${stderr}`.trim().replace(/\.$/, '');
    };
    return { rule, lease: await ask(LEASE), other: await ask(OTHER) };
  },
  judge: judgePolkit,
});
