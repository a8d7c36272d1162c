import { parseUnitName } from '../../model/names.ts';
import { check } from '../check.ts';
import { atMost, command, error, type Finding, warning } from '../finding.ts';
import { shellWord } from '../shell.ts';
import type { UnitRow } from '../units.ts';

export function judgeFailed(units: readonly UnitRow[]): readonly Finding[] {
  return atMost(20, units.filter(({ active }) => active === 'failed').map(({ unit }) => {
    const word = shellWord(unit);
    const why = `journalctl --no-pager --lines=20 --unit=${word}`;
    const name = parseUnitName(unit);
    switch (name?.kind) {
      case 'container': return warning(`the container of ${name.app} has failed (${unit})`, 'its next visitor has it started again, fc-why says what became of that', command(`${why}; systemctl reset-failed ${word}`));
      case 'gate': return warning(`the gate of ${name.app} has failed (${unit})`, 'its next client has it started again', command(`${why}; systemctl reset-failed ${word}`));
      case 'socket': return warning(`the door of ${name.app} has failed (${unit})`, 'programs on this host find nobody there until fc-sync or fc-proxy opens it again', command(`${why}; systemctl restart ${word}`));
      case undefined: return error(`${unit} has failed`, 'what it is for may not work', command(`${why}; systemctl restart ${word}`));
    }
  }));
}

export default check<readonly UnitRow[]>({
  id: 'failed',
  looksAt: 'units of ours that have failed',
  look: async (host) => [...(await host.units()).values()],
  judge: judgeFailed,
});
