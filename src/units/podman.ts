/** The command line that runs an app's container. */
import type { App } from '../model/app.ts';
import { ENV_DIR, RESOLV_CONF, containerName, envFileName, netSysfs, pidFile, secretName } from '../model/names.ts';
import { hasNetns } from '../model/network.ts';
import { RANGE } from '../model/uid-base.ts';
import type { SplitEnv } from './envfile.ts';
import { imageOf } from './image.ts';
import { mountPoint } from './libexec.ts';

/** What web servers that start as root need to drop it; nothing more. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'];

/**
 * Arguments of `podman run`. Options have the form `--name=value`, so that no value can be read as an option.
 * @param cgroups `disabled`: the container lives in the unit's own cgroup; `split`: in one below it
 */
export function podmanRun(app: App, instance: string, env: SplitEnv, cgroups: 'disabled' | 'split'): string[] {
  const image = imageOf(app);
  const firstVolume = image === null ? 1 : 0;
  return [
    '--detach', '--rm', '--replace',
    `--name=${containerName(instance)}`,
    `--pidfile=${pidFile(instance)}`,
    `--cgroups=${cgroups}`,
    // The unit's network namespace, whatever that is: a private one is systemd's to join (NetworkNamespacePath=).
    '--network=host',
    // Of the image nothing is copied or changed: its layers are mounted with these ids (Linux 5.19, "idmapped mounts").
    `--uidmap=0:${app.uidBase}:${RANGE}`,
    `--gidmap=0:${app.uidBase}:${RANGE}`,
    // The kernel gives no new one to a user namespace that does not own the network, and podman then takes the host's.
    ...(hasNetns(app.network) ? [`--volume=${netSysfs(instance)}:/sys:ro,nosuid,nodev,noexec`] : []),
    ...(app.network === 'egress' ? [`--volume=${RESOLV_CONF}:/etc/resolv.conf:ro,nosuid,nodev,noexec`] : []),
    '--sdnotify=conmon',
    '--log-driver=passthrough',
    '--pull=never',
    `--hostname=${app.name}`,
    '--systemd=false',
    '--http-proxy=false',
    '--no-healthcheck',
    '--security-opt=no-new-privileges',
    '--cap-drop=all',
    `--cap-add=${CAPABILITIES.join(',')}`,
    ...(env.lines === '' ? [] : [`--env-file=${ENV_DIR}/${envFileName(instance)}`]),
    ...[...env.secrets.keys()].map((key, index) => `--secret=${secretName(instance, index)},type=env,target=${key}`),
    // No devices: whoever fills a volume could make one of the host's disks.
    ...app.volumes.map((volume, index) =>
      `--volume=${mountPoint(instance, firstVolume + index)}:${volume.container}:${volume.readOnly ? 'ro' : 'rw'},nodev,nosuid`),
    // podman reads no options after the first word that is none.
    ...(image !== null ? [image.name] : ['--rootfs', `${mountPoint(instance, 0)}:O`]),
    ...(app.command ?? []),
  ];
}
