import { readFile } from 'node:fs/promises';
import { NotLooked, check } from '../check.ts';
import { advice, atMost, command, error, type Finding, info, warning } from '../finding.ts';
import type { Host } from '../host.ts';
import { run } from '../run.ts';
import { shellWord } from '../shell.ts';

/** A folder that apps use. */
export interface FolderFacts {
  readonly path: string;
  /** A root of volumes; or the app that has it, and how: a writable one is made when it is needed. */
  readonly use: 'root' | { readonly app: string; readonly as: 'rootfs' | 'ro' | 'rw'; readonly uidBase: number };
  readonly state: 'there' | 'missing' | 'silent';
  /** Its type, as mount(8) calls it, and who owns it. */
  readonly fileSystem: string;
  readonly uid: number;
}

export interface VolumeFacts {
  readonly folders: readonly FolderFacts[];
  /** Mount points of fstab(5) that folders of apps lie below, and that are not mounted. */
  readonly unmounted: readonly string[];
}

export function judgeVolumes({ folders, unmounted }: VolumeFacts): readonly Finding[] {
  const mounts = unmounted.map((path) => error(`nothing is mounted at ${path}, where /etc/fstab has something`, 'apps with volumes there do not start', command(`mount ${shellWord(path)}`)));
  return [...mounts, ...atMost(20, folders.flatMap((folder) => judgeFolder(folder)))];
}

function judgeFolder({ path, use, state, fileSystem, uid }: FolderFacts): readonly Finding[] {
  const word = shellWord(path);
  if (state === 'silent') return [error(`the storage at ${path} does not answer`, 'apps with volumes there do not start, and those that run may hang', command(`findmnt --target ${word}; systemctl --no-pager list-units --type=mount`))];
  if (use === 'root') {
    return state === 'missing' ? [info(`${path}, of [volumes] roots, is not there`, 'no app has a volume there yet', command(`mkdir -p --mode=0700 ${word}`))] : [];
  }
  const { app, as, uidBase } = use;
  if (state === 'missing' && as !== 'rw') return [error(`${path}, which ${app} uses as ${as === 'rootfs' ? 'its root file system' : 'a volume to read'}, is not there`, `${app} does not start`, advice('put it there, mount the storage that it lies on, or change the row'))];
  if (state === 'there' && as === 'rootfs' && /^nfs/.test(fileSystem) && uid !== uidBase) {
    return [error(`${path}, the root file system of ${app}, lies on NFS and is not ${app}'s`, `${app} does not start`, command(`/usr/lib/fastcontainer/libexec/fc-own ${uidBase} ${word}`))];
  }
  if (state === 'there' && as === 'rw' && uid !== uidBase && uid !== 0) {
    return [warning(`${path}, which ${app} writes to, belongs to user ${uid}`, `${app} may not be able to write there`, command(`/usr/lib/fastcontainer/libexec/fc-own ${uidBase} ${word}`))];
  }
  return [];
}

export default check<VolumeFacts>({
  id: 'volumes',
  looksAt: '[volumes] roots, and the volumes and root file systems of apps here: mounted, there, answering, and whose they are',
  look: async (host) => {
    host.needRoot();
    const uses = [...(await host.config()).volumes.roots.map((path) => ({ path, use: 'root' as const })), ...await usesOfApps(host)];
    const roots = (await host.config()).volumes.roots;
    const looks = new Map((await Promise.all(roots.map((root) => lookBelow(root, uses.map(({ path }) => path).filter((path) => path === root || path.startsWith(`${root}/`)))))).flat());
    const folders = uses.map((one): FolderFacts => ({ ...one, ...(looks.get(one.path) ?? MISSING) }));
    const [fstab, mounted] = await Promise.all([readFile('/etc/fstab', 'utf8').catch(() => ''), readFile('/proc/self/mountinfo', 'utf8')]);
    return { folders, unmounted: unmountedOf(fstab, mounted, uses.map(({ path }) => path)) };
  },
  judge: judgeVolumes,
});

/** Of the apps that are placed here; none where the CMDB cannot be asked, which another check says. */
async function usesOfApps(host: Host): Promise<readonly Pick<FolderFacts, 'path' | 'use'>[]> {
  try {
    const [{ apps }, { host: { name } }] = await Promise.all([host.fleet(), host.config()]);
    return apps.filter(({ placements }) => placements.some((placement) => placement.host === name)).flatMap(({ name: app, uidBase, source, volumes }) => [
      ...(source.kind === 'rootfs' ? [{ path: source.path, use: { app, as: 'rootfs' as const, uidBase } }] : []),
      ...volumes.map(({ host: path, readOnly }) => ({ path, use: { app, as: readOnly ? 'ro' as const : 'rw' as const, uidBase } })),
    ]);
  } catch (cause) {
    if (cause instanceof NotLooked) return [];
    throw cause;
  }
}

const ANSWER_MS = 3_000;

type Look = Pick<FolderFacts, 'state' | 'fileSystem' | 'uid'>;

const MISSING: Look = { state: 'missing', fileSystem: '', uid: 0 };

/**
 * Paths of one root, by a program of its own: one that waits for a dead file server cannot be ended, and would hold up
 * this one. When it is silent, so are all of them.
 */
async function lookBelow(root: string, paths: readonly string[]): Promise<readonly (readonly [string, Look])[]> {
  try {
    const { stdout } = await run('find', ['-L', '-files0-from', '-', '-maxdepth', '0', '-printf', '%p\\0%U\\0%F\\0'], { input: paths.map((path) => `${path}\0`).join(''), timeoutMs: ANSWER_MS });
    const fields = stdout.split('\0');
    return Array.from({ length: Math.floor(fields.length / 3) }, (_, at) => [fields[3 * at] ?? '', { state: 'there', uid: Number(fields[3 * at + 1]), fileSystem: fields[3 * at + 2] ?? '' }] as const);
  } catch (cause) {
    if (cause instanceof NotLooked) return [root, ...paths].map((path) => [path, { ...MISSING, state: 'silent' }] as const);
    throw cause;
  }
}

/** Mount points of fstab(5) at, above or below one of `paths` (but not /) that proc(5) mountinfo does not have. */
export function unmountedOf(fstab: string, mountinfo: string, paths: readonly string[]): readonly string[] {
  // Both write blanks as \040.
  const decode = (text: string): string => text.replace(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  const mounted = new Set(mountinfo.split('\n').map((line) => decode(line.split(' ')[4] ?? '')));
  const points = fstab.split('\n').filter((line) => !line.trim().startsWith('#')).map((line) => line.trim().split(/\s+/)).filter(([, , , options = '']) => !options.split(',').includes('noauto')).map(([, point = '']) => decode(point));
  const concerns = (point: string): boolean => paths.some((path) => path === point || path.startsWith(`${point}/`));
  return points.filter((point) => point.startsWith('/') && point !== '/' && concerns(point) && !mounted.has(point));
}
