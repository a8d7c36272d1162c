/** The apps behind everyone: nginx with a small page and a large file, and one that takes bodies. */
import { fileURLToPath } from 'node:url';
import { TEST_ROOTFS, type TestHost } from '../../support/host.ts';
import { instanceOf } from '../../support/units.ts';
import { pin } from './cpu.ts';

export interface WarmApps {
  /** Where each listens: what peers forward to. */
  readonly page: string;
  readonly sink: string;
}

const ROOT = '/srv/fastcontainer/warm-app';
const SINK = fileURLToPath(new URL('sink.mjs', import.meta.url));
const PORT = 8080;

const NGINX_CONF = `
daemon off; master_process off; pid /tmp/nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=10;
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen ${PORT} backlog=4096; root /www; }
}`;

/** Makes, wakes and pins the apps `warm` and `warm-sink`, whose domains are `<name>.test`. `bytes`: of /big. */
export async function startApps(host: TestHost, cpu: string, bytes: number): Promise<WarmApps> {
  await host.ok(`
    rm -rf ${ROOT} && cp -a ${TEST_ROOTFS} ${ROOT}
    mkdir -p ${ROOT}/www ${ROOT}/var/lib/nginx ${ROOT}/var/log/nginx ${ROOT}/usr/sbin
    ldd /usr/sbin/nginx | grep -o '/[^ ]*' | while read -r file; do
      mkdir -p "${ROOT}$(dirname "$(realpath "$file")")" && cp "$(realpath "$file")" "${ROOT}$(realpath "$file")"
      [[ -e ${ROOT}$file ]] || { mkdir -p "${ROOT}$(dirname "$file")" && cp "$(realpath "$file")" "${ROOT}$file"; }
    done
    cp /usr/sbin/nginx ${ROOT}/usr/sbin/ && cp ${SINK} ${ROOT}/sink.mjs
    head -c 100 /dev/zero | tr '\\0' x >${ROOT}/www/index.html
    truncate -s ${bytes} ${ROOT}/www/big
    cat >${ROOT}/nginx.conf <<'CONF'\n${NGINX_CONF}\nCONF
  `);
  const row = { rootfs: ROOT, port: PORT, idle_timeout_s: 3600 };
  await host.addApp('warm', { ...row, command: ['/usr/sbin/nginx', '-c', '/nginx.conf'] });
  await host.addApp('warm-sink', { ...row, command: ['/usr/bin/node', '/sink.mjs'] });
  const { code, stdout, stderr } = await host.sync();
  if (code !== 0) throw new Error(`fc-sync ended with ${code}:\n${stdout}${stderr}`);
  const [page, sink] = [await start(host, 'warm', cpu), await start(host, 'warm-sink', cpu)];
  return { page, sink };
}

/** @returns the address that it listens at */
async function start(host: TestHost, name: string, cpu: string): Promise<string> {
  const { status, body } = await host.request(`${name}.test`, '/');
  if (status !== 200) throw new Error(`${name} answered ${status}: ${body}`);
  const instance = await instanceOf(host, name);
  await pin(host, `fc-ctr-${instance}.service`, cpu);
  const snapshot = JSON.parse(await host.ok('cat /var/lib/fastcontainer/snapshot.json')) as { apps: { here: { instance: string; address: string; port: number } | null }[] };
  const here = snapshot.apps.map((app) => app.here).find((generation) => generation?.instance === instance);
  if (here === null || here === undefined) throw new Error(`${name} is not in the snapshot`);
  return `${here.address}:${here.port}`;
}
