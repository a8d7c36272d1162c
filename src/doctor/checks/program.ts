import { access, readFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { ifThere } from '../../files.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding, warning } from '../finding.ts';
import { HELPERS, PROGRAM, TEMPLATES } from '../program.ts';
import { output } from '../run.ts';
import { shellWord } from '../shell.ts';
import { listUnits, showUnits, sinceMs } from '../units.ts';

export interface ProgramFacts {
  /** Its files that are not there, or cannot be executed where they must be. */
  readonly missing: readonly string[];
  /** One that somebody else than root could change; null: none. */
  readonly writable: string | null;
  /** When it was installed, ms since the epoch; null: not known. */
  readonly installedMs: number | null;
  /** Services of ours that run, and since when. */
  readonly running: readonly { readonly unit: string; readonly sinceMs: number | null }[];
}

export function judgeProgram({ missing, writable, installedMs, running }: ProgramFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const [first] = missing;
  if (first !== undefined) {
    const others = missing.length > 1 ? ` and ${missing.length - 1} other ${missing.length === 2 ? 'file' : 'files'}` : '';
    findings.push(error(`${first}${others} of the program cannot be used`, 'what calls it fails', advice('install it again: scripts/provision --no-packages, or apt-get install --reinstall fastcontainer')));
  }
  if (writable !== null) {
    findings.push(error(`others than root may change ${writable}`, 'root runs what they write there', command(`find ${PROGRAM} '(' '!' -user root -o -perm /022 ')' '!' -type l -exec chown root:root {} + -exec chmod go-w {} +`)));
  }
  const old = running.filter(({ sinceMs: since }) => installedMs !== null && since !== null && since < installedMs).map(({ unit }) => unit);
  if (old.length > 0) {
    findings.push(warning(`${old.join(', ')} began before the program was installed last`, 'it is of the version before', command(`systemctl restart ${old.map(shellWord).join(' ')}`)));
  }
  return findings;
}

export default check<ProgramFacts>({
  id: 'program',
  looksAt: `the program in ${PROGRAM}: complete, root's alone, and the version that runs`,
  look: async (host) => {
    const meta = await ifThere(readFile(`${PROGRAM}/package.json`, 'utf8'));
    const { bin, dependencies } = meta === null ? { bin: {}, dependencies: {} } : parsePackage(meta);
    const readable = [
      `${PROGRAM}/package.json`,
      ...Object.values(bin).map((path) => `${PROGRAM}/${path}`),
      ...TEMPLATES.map((name) => `${PROGRAM}/templates/${name}`),
      ...Object.keys(dependencies).map((name) => `${PROGRAM}/node_modules/${name}/package.json`),
      ...HELPERS.filter((name) => !isCalled(name)).map((name) => `${PROGRAM}/libexec/${name}`),
    ];
    const executable = [...Object.keys(bin).map((name) => `/usr/bin/${name}`), ...HELPERS.filter(isCalled).map((name) => `${PROGRAM}/libexec/${name}`)];
    const missing = [...await lacking(readable, constants.R_OK), ...await lacking(executable, constants.X_OK)];
    const writable = meta === null ? '' : await output('find', [PROGRAM, '(', '!', '-user', 'root', '-o', '-perm', '/022', ')', '!', '-type', 'l', '-print', '-quit']);
    // A file's change time is new with each installation, whatever times it brings along.
    return { missing, writable: writable.trim() === '' ? null : writable.trim(), installedMs: (await host.stat(`${PROGRAM}/package.json`))?.ctimeMs ?? null, running: await runningServices() };
  },
  judge: judgeProgram,
});

/** All but what the helpers read. */
function isCalled(helper: string): boolean {
  return !helper.endsWith('.nft') && helper !== 'fc-setting';
}

/** @throws SyntaxError when it is not JSON */
function parsePackage(text: string): { readonly bin: Readonly<Record<string, string>>; readonly dependencies: Readonly<Record<string, string>> } {
  const value: unknown = JSON.parse(text);
  const texts = (key: string): Record<string, string> => {
    const part: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : null;
    return Object.fromEntries(Object.entries(typeof part === 'object' && part !== null ? part : {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  };
  return { bin: texts('bin'), dependencies: texts('dependencies') };
}

async function lacking(paths: readonly string[], mode: number): Promise<readonly string[]> {
  const found = await Promise.all(paths.map((path) => access(path, mode).then(() => null, () => path)));
  return found.filter((path) => path !== null);
}

async function runningServices(): Promise<ProgramFacts['running']> {
  const units = [...(await listUnits('fc-proxy.service', 'fc-proxy@*.service', 'fc-sync-watch.service', 'fc-admin.service')).values()].filter(({ active }) => active === 'active').map(({ unit }) => unit);
  if (units.length === 0) return [];
  const shown = await showUnits(units, ['ExecMainStartTimestampMonotonic']);
  return units.map((unit) => ({ unit, sinceMs: sinceMs(shown.get(unit)?.get('ExecMainStartTimestampMonotonic')) }));
}
