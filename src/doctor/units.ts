/** What systemctl(1) says of units: it works for root when the system bus does not. */
import { type Ran, lastLine, run } from './run.ts';
import { NotLooked } from './check.ts';

export interface UnitRow {
  readonly unit: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

/** Lines of `systemctl list-units --plain --no-legend`: name, load, active, sub, description. */
export function parseUnitList(text: string): ReadonlyMap<string, UnitRow> {
  return new Map(text.split('\n').flatMap((line): [string, UnitRow][] => {
    const [unit = '', load = '', active = '', sub = ''] = line.trim().split(/\s+/);
    return unit === '' ? [] : [[unit, { unit, load, active, sub }]];
  }));
}

/** Every unit that systemd has loaded and whose name matches one of the globs. @throws NotLooked */
export async function listUnits(...globs: readonly string[]): Promise<ReadonlyMap<string, UnitRow>> {
  return parseUnitList(said(await run('systemctl', ['list-units', '--all', '--full', '--plain', '--no-legend', '--no-pager', ...globs])));
}

export type Properties = ReadonlyMap<string, string>;

/** Blocks of `systemctl show`, one for each unit, in the order asked for. */
export function parseShow(text: string): readonly Properties[] {
  return text.trim().split('\n\n').map((block) => new Map(block.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  })));
}

/** So that no command line is too long. */
const AT_ONCE = 500;

/** Properties of units, those that systemd does not know included (LoadState=not-found). @throws NotLooked */
export async function showUnits(units: readonly string[], properties: readonly string[]): Promise<ReadonlyMap<string, Properties>> {
  const found = new Map<string, Properties>();
  for (let at = 0; at < units.length; at += AT_ONCE) {
    const some = units.slice(at, at + AT_ONCE);
    const blocks = parseShow(said(await run('systemctl', ['show', '--no-pager', `--property=${properties.join(',')}`, '--', ...some])));
    some.forEach((unit, index) => found.set(unit, blocks[index] ?? new Map()));
  }
  return found;
}

function said({ code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new NotLooked(`systemd does not answer: ${lastLine(stderr)}`);
  return stdout;
}

/** A …TimestampMonotonic= (µs of CLOCK_MONOTONIC) as ms since the epoch; null: never. */
export function sinceMs(monotonic: string | undefined): number | null {
  if (monotonic === undefined || !/^[1-9][0-9]*$/.test(monotonic)) return null;
  return Date.now() - (Number(process.hrtime.bigint() / 1000n) - Number(monotonic)) / 1000;
}
