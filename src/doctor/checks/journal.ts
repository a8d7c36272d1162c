import { check } from '../check.ts';
import { command, type Finding, info } from '../finding.ts';

export interface JournalFacts {
  /** Kept over a reboot, journald.conf(5). */
  readonly isPersistent: boolean;
}

export function judgeJournal({ isPersistent }: JournalFacts): readonly Finding[] {
  if (isPersistent) return [];
  return [info('the journal is gone after a reboot', 'why an app failed before it cannot be seen then', command('mkdir -p /var/log/journal && systemd-tmpfiles --create --prefix /var/log/journal && journalctl --flush'))];
}

export default check<JournalFacts>({
  id: 'journal',
  looksAt: 'whether the journal is kept over a reboot',
  look: async (host) => ({ isPersistent: await host.stat('/var/log/journal') !== null }),
  judge: judgeJournal,
});
