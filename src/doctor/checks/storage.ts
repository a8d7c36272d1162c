import { check } from '../check.ts';
import { advice, command, error, type Finding, warning } from '../finding.ts';
import { output } from '../run.ts';

export interface StorageFacts {
  /** podman's storage driver, and where it keeps images. */
  readonly driver: string;
  readonly root: string;
  /** What file system that is on, as stat(1) calls it. */
  readonly fileSystem: string;
  readonly runtime: string;
}

const NETWORK_FILE_SYSTEMS: ReadonlySet<string> = new Set(['nfs', 'nfs4', 'cifs', 'smb', 'smb2', 'fuseblk', 'fuse', 'ceph', 'gfs/gfs2', 'ocfs2', 'overlayfs']);

export function judgeStorage({ driver, root, fileSystem, runtime }: StorageFacts): readonly Finding[] {
  const move = advice(`give ${root} a file system of this host's own: ext4, XFS or Btrfs`);
  return [
    ...(driver === 'vfs' ? [error("podman's storage driver is vfs", 'each start copies the whole image', advice("say driver = \"overlay\" in /etc/containers/storage.conf, then: podman system reset, and fc-sync has the images fetched again"))] : []),
    ...(driver !== 'vfs' && driver !== 'overlay' ? [warning(`podman's storage driver is ${driver}`, 'nobody has tried it', advice('say driver = "overlay" in /etc/containers/storage.conf'))] : []),
    ...(NETWORK_FILE_SYSTEMS.has(fileSystem) ? [error(`podman's storage ${root} lies on ${fileSystem}`, 'no file there can be given to an app (idmapped mounts), so images do not run', move)] : []),
    ...(runtime === 'crun' ? [] : [warning(`podman runs containers by ${runtime}, not by crun`, 'starts take longer, and nobody has tried it', command("mkdir -p /etc/containers/containers.conf.d && printf '[engine]\\nruntime = \"crun\"\\n' >/etc/containers/containers.conf.d/50-crun.conf"))]),
  ];
}

export default check<StorageFacts>({
  id: 'storage',
  looksAt: "podman's storage: overlay, on a file system of this host's own; and what runs the containers",
  look: async (host) => {
    host.needRoot();
    const [driver = '', root = '', runtime = ''] = (await output('podman', ['info', '--format', '{{.Store.GraphDriverName}}\n{{.Store.GraphRoot}}\n{{.Host.OCIRuntime.Name}}'])).trim().split('\n');
    return { driver, root, runtime, fileSystem: (await output('stat', ['--file-system', '--format=%T', root])).trim() };
  },
  judge: judgeStorage,
});
