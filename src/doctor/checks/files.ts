import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere, namesIn } from '../../files.ts';
import { HOST_PATHS } from '../../systemd/paths.ts';
import { check } from '../check.ts';
import { atMost, command, error, type Finding, warning } from '../finding.ts';
import type { Host } from '../host.ts';
import { shellWord } from '../shell.ts';

/** What a file or folder should be like. `mode`: permission bits. */
export interface Wanted {
  readonly path: string;
  readonly mode: number;
  readonly user: string;
  readonly group: string;
  /** One that is not there is missing: a folder that everything stands on. */
  readonly required: boolean;
}

export interface FoundFile {
  readonly wanted: Wanted;
  /** Null: it is not there. `user` and `group` are the wanted ones' names where the ids are theirs. */
  readonly actual: { readonly mode: number; readonly user: string; readonly group: string } | null;
}

const TMPFILES = '/usr/lib/tmpfiles.d/fastcontainer.conf';

/** Folders and files that systemd-tmpfiles(8) is told to make; those it is only to make, and not to keep as they are, come without a mode. */
export function parseTmpfiles(text: string): readonly Wanted[] {
  return text.split('\n').flatMap((line): Wanted[] => {
    const [type = '', path = '', mode = '', user = '', group = ''] = line.trim().split(/\s+/);
    if (!/^[dDf][!+=~^-]*$/.test(type) || !path.startsWith('/') || !/^[0-7]{3,4}$/.test(mode)) return [];
    return [{ path, mode: Number.parseInt(mode, 8), user, group, required: true }];
  });
}

export function judgeFiles(found: readonly FoundFile[]): readonly Finding[] {
  return atMost(20, found.flatMap(({ wanted, actual }) => {
    const { path, mode, user, group, required } = wanted;
    if (actual === null) {
      return required ? [error(`${path} is not there`, 'the program needs it', command(`systemd-tmpfiles --create ${TMPFILES}`))] : [];
    }
    const remedy = command(`chown ${user}:${group} ${shellWord(path)} && chmod ${octal(mode)} ${shellWord(path)}`);
    if (actual.user !== user || actual.group !== group) {
      return [error(`${path} belongs to ${actual.user}:${actual.group}, and should to ${user}:${group}`, 'who must not may use it, or who must cannot', remedy)];
    }
    if (actual.mode === mode) return [];
    const seen = `${path} has mode ${octal(actual.mode)}, and should have ${octal(mode)}`;
    // More for the group or for everyone than they should have.
    if ((actual.mode & ~mode & 0o077) !== 0) return [error(seen, 'other users of this host may see or change what is not theirs', remedy)];
    return [warning(seen, 'who must use it may not be able to', remedy)];
  }));
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

export default check<readonly FoundFile[]>({
  id: 'files',
  looksAt: 'owners and modes of our folders, and of the files that hold secrets',
  look: async (host) => {
    const tmpfiles = await ifThere(readFile(TMPFILES, 'utf8'));
    const { uid, gid } = await host.proxyAccount();
    const ids: Ids = { users: new Map([[0, 'root'], [uid, 'fc-proxy']]), groups: new Map([[0, 'root'], [gid, 'fc-proxy']]) };
    const wanted = [...parseTmpfiles(tmpfiles ?? ''), ...await secrets(host)];
    return await Promise.all(wanted.map(async (one): Promise<FoundFile> => ({ wanted: one, actual: await actualOf(one.path, ids) })));
  },
  judge: judgeFiles,
});

interface Ids {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

async function secrets(host: Host): Promise<readonly Wanted[]> {
  const of = (path: string, mode: number, group: string): Wanted => ({ path, mode, user: 'root', group, required: false });
  const { cmdb } = await host.config();
  // Only root enters the folder of environment files.
  const env = host.isRoot ? await namesIn(HOST_PATHS.env) : [];
  return [
    of(host.configFile, 0o640, 'fc-proxy'),
    ...(cmdb.passwordFile === null ? [] : [of(cmdb.passwordFile, 0o600, 'root')]),
    of('/etc/fastcontainer/fleet-tokens', 0o600, 'root'),
    of('/etc/fastcontainer/registry-auth.json', 0o600, 'root'),
    ...[HOST_PATHS.snapshot, HOST_PATHS.report].map((path) => of(path, 0o640, 'fc-proxy')),
    ...[HOST_PATHS.state, HOST_PATHS.standing, HOST_PATHS.settled].map((path) => of(path, 0o600, 'root')),
    ...env.map((name) => of(join(HOST_PATHS.env, name), 0o600, 'root')),
  ];
}

async function actualOf(path: string, { users, groups }: Ids): Promise<FoundFile['actual']> {
  const found = await ifThere(stat(path));
  return found === null ? null : { mode: found.mode & 0o7777, user: users.get(found.uid) ?? String(found.uid), group: groups.get(found.gid) ?? String(found.gid) };
}
