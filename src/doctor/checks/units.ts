import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifThere, namesIn } from '../../files.ts';
import { NotLooked, check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { PROGRAM } from '../program.ts';
import { shellWord } from '../shell.ts';
import { showUnits } from '../units.ts';

export interface StaticUnit {
  readonly unit: string;
  /** Where systemd has it from; null: it knows none of that name. */
  readonly path: string | null;
  readonly sameText: boolean;
  /** systemd has read another text than the file's, or its drop-ins'. */
  readonly needsReload: boolean;
  /** It is to start with the host; null: others start it. */
  readonly enabled: boolean | null;
  /** Null: it need not be. */
  readonly active: boolean | null;
}

export interface UnitFacts {
  readonly units: readonly StaticUnit[];
  /** Names of fc-net@.service that are missing, of 256: one for each slice of apps. */
  readonly netTemplates: readonly string[];
}

export function judgeUnits({ units, netTemplates }: UnitFacts): readonly Finding[] {
  const [first] = netTemplates;
  const source = units.find(({ unit }) => unit === 'fc-net@.service')?.path ?? null;
  const findings = units.flatMap(({ unit, path, sameText, needsReload, enabled, active }): Finding[] => {
    const ours = `${PROGRAM}/units/${unit}`;
    const word = shellWord(unit);
    if (path === null) return [error(`systemd knows no ${unit}`, 'the program needs it', command(`install -m 0644 ${ours} /usr/lib/systemd/system/ && systemctl daemon-reload`))];
    return [
      ...(sameText ? [] : [warning(`${path} is not the one of this program`, 'it is of another version, or somebody has edited it; what should last belongs into a drop-in', command(`diff ${shellWord(path)} ${ours}; ${restore(path, ours)} && systemctl daemon-reload`))]),
      ...(needsReload ? [warning(`${unit} has changed since systemd read it`, 'what is written there is not in force', command('systemctl daemon-reload'))] : []),
      ...(enabled === false ? [warning(`${unit} does not start with the host`, 'it is missing after the next boot', command(`systemctl enable ${word}`))] : []),
      ...(active === false ? [error(`${unit} is not active`, 'what it is for does not work', command(`systemctl start ${word}`))] : []),
    ];
  });
  if (first === undefined || source === null) return findings;
  const folder = shellWord(source.slice(0, -'/fc-net@.service'.length));
  return [...findings, error(`${netTemplates.length} names of fc-net@.service are missing, ${first} among them`, 'apps of those slices get no network, and do not start',
    command(`cd ${folder} && for digits in {0..9}{{0..9},{a..f}} {a..f}{{0..9},{a..f}}; do ln -f fc-net@.service fc-net-$digits@.service; done; systemctl daemon-reload`))];
}

/** What lies in /etc hides the program's own, systemd.unit(5). */
function restore(path: string, ours: string): string {
  return path.startsWith('/etc/') ? `mv ${shellWord(path)} ${shellWord(`${path}.hidden`)}` : `install -m 0644 ${ours} ${shellWord(path)}`;
}

export default check<UnitFacts>({
  id: 'units',
  looksAt: "the program's own units: as it brought them, as systemd has them, started with the host and active",
  look: async () => {
    const names = (await namesIn(`${PROGRAM}/units`)).filter((name) => /\.(service|socket|timer|target|path|slice)$/.test(name)).sort();
    if (names.length === 0) throw new NotLooked(`there is no ${PROGRAM}/units (check "program")`);
    // systemd answers for a template only as one of its instances, which it then loads.
    const shown = await showUnits(names.map(instanceOf), ['LoadState', 'FragmentPath', 'NeedDaemonReload', 'UnitFileState', 'ActiveState']);
    const units = await Promise.all(names.map(async (unit): Promise<StaticUnit> => {
      const text = await readFile(`${PROGRAM}/units/${unit}`, 'utf8');
      const properties = shown.get(instanceOf(unit)) ?? new Map<string, string>();
      const path = properties.get('FragmentPath') ?? '';
      // Which of the two follows the CMDB is the operator's choice, and the business of another check.
      const starts = /^\[Install\]$/m.test(text) && !unit.startsWith('fc-sync');
      return {
        unit,
        path: path === '' ? null : path,
        sameText: path !== '' && await ifThere(readFile(path, 'utf8')) === text,
        needsReload: properties.get('NeedDaemonReload') === 'yes',
        enabled: starts ? properties.get('UnitFileState')?.startsWith('enabled') === true : null,
        // Sockets and services are the business of other checks, which say more.
        active: starts && /\.(target|path)$/.test(unit) ? ['active', 'reloading', 'activating'].includes(properties.get('ActiveState') ?? '') : null,
      };
    }));
    const net = units.find(({ unit }) => unit === 'fc-net@.service')?.path ?? null;
    const there = new Set(net === null ? [] : await namesIn(dirname(net)));
    return { units, netTemplates: net === null ? [] : NET_TEMPLATES.filter((name) => !there.has(name)) };
  },
  judge: judgeUnits,
});

const NET_TEMPLATES = Array.from({ length: 256 }, (_, slice) => `fc-net-${slice.toString(16).padStart(2, '0')}@.service`);

function instanceOf(unit: string): string {
  return unit.replace('@.', '@fc_doctor.');
}
