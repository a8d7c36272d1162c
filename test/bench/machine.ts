/** What it was measured with. */
import { readFileSync } from 'node:fs';
import type { TestHost } from '../support/host.ts';
import type { Machine } from './result.ts';

/** Debian packages whose versions matter: what runs apps, and the peers. Those that are not there are left out. */
const PACKAGES = ['systemd', 'podman', 'crun', 'conmon', 'netavark', 'mariadb-server', 'nginx-light', 'haproxy', 'caddy', 'busybox-static', 'wrk', 'nghttp2-client'];
const LIBRARIES = ['undici', 'http-proxy', 'dbus-next'];

/** Of the machine that a host runs on, and of the software in it. */
export async function machineOf(host: TestHost): Promise<Machine> {
  const line = async (script: string): Promise<string> => (await host.ok(script)).trim();
  const versions = new Map((await line(`dpkg-query -W -f '\${db:Status-Status} \${Package} \${Version}\\n' ${PACKAGES.join(' ')} 2>/dev/null || true`))
    .split('\n').map((text) => text.split(' ')).filter(([state]) => state === 'installed').map(([, name = '', version = '']) => [name, version]));
  return [
    ['CPU', await line("sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1")],
    ['CPUs', await line('nproc')],
    ['memory', await line("awk '/^MemTotal/ { printf \"%.1f GB\", $2 / 1e6 }' /proc/meminfo")],
    ['Linux', await line('uname -r')],
    ['Debian', await line('cat /etc/debian_version')],
    ['virtualization', await line('systemd-detect-virt || true')],
    ['container storage', await line('stat -f -c %T /var/lib/containers')],
    ...PACKAGES.filter((name) => versions.has(name)).map((name): [string, string] => [name, versions.get(name) ?? '']),
    ['Node', process.version.slice(1)],
    ...LIBRARIES.map((name): [string, string] => [`npm ${name}`, versionOf(name)]),
  ];
}

function versionOf(library: string): string {
  const { version } = JSON.parse(readFileSync(new URL(`../../node_modules/${library}/package.json`, import.meta.url), 'utf8')) as { version: string };
  return version;
}
