/**
 * Reverse proxies before one app, each as its makers advise for many small requests: connections to the app are kept, one
 * process or thread, nothing logged. They run as the user that the firewall lets through to apps, as transient units.
 */
import type { TestHost } from '../../support/host.ts';

/** A proxy that runs. */
export interface Proxy {
  readonly name: string;
  /** It listens on 127.0.0.1. */
  readonly port: number;
  /** Its units: what runs in them is what it costs. */
  readonly units: readonly string[];
}

interface Peer {
  readonly name: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** What more systemd-run is told. */
  readonly run?: readonly string[];
}

const FOLDER = '/run/warm';

type Make = (port: number, app: string, folder: string) => Peer;

const nginx: Make = (port, app, folder) => ({
  name: 'nginx',
  files: { 'nginx.conf': `
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream app { server ${app}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;
      proxy_request_buffering off; proxy_max_temp_file_size 0; proxy_buffer_size 16k; proxy_buffers 16 64k; proxy_busy_buffers_size 128k; client_body_buffer_size 128k;
    }
  }
}` },
  command: ['/usr/sbin/nginx', '-c', `${folder}/nginx.conf`],
});

const haproxy: Make = (port, app, folder) => ({
  name: 'HAProxy',
  files: { 'haproxy.cfg': `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
  option forwardfor
frontend front
  bind 127.0.0.1:${port}
  default_backend app
backend app
  server app ${app}
` },
  command: ['/usr/sbin/haproxy', '-db', '-q', '-f', `${folder}/haproxy.cfg`],
});

const caddy: Make = (port, app, folder) => ({
  name: 'Caddy',
  files: { Caddyfile: `
{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${app} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
` },
  run: ['--setenv=GOMAXPROCS=1', `--setenv=HOME=${folder}`],
  command: ['/usr/bin/caddy', 'run', '--adapter', 'caddyfile', '--config', `${folder}/Caddyfile`],
});

/** The library that fc-proxy has, too, as its README has it and with connections kept. */
const httpProxy: Make = (port, app, folder) => ({
  name: 'http-proxy',
  files: { 'proxy.cjs': `
const { Agent } = require('node:http');
const { createServer } = require('/usr/lib/fastcontainer/node_modules/http-proxy');
createServer({ target: 'http://${app}', agent: new Agent({ keepAlive: true }), xfwd: true }).listen(${port}, '127.0.0.1');
` },
  command: [process.execPath, `${folder}/proxy.cjs`],
});

/** No HTTP proxy: it copies bytes, which is what every other door to a sleeping app costs. */
const socketProxyd: Make = (port, app) => ({
  name: 'socket-proxyd',
  run: [`--socket-property=ListenStream=127.0.0.1:${port}`, '--socket-property=Backlog=4096'],
  command: ['/lib/systemd/systemd-socket-proxyd', '--connections-max=8192', app],
});

export const HTTP_PEERS: readonly Make[] = [nginx, haproxy, caddy, httpProxy];
export const ALL_PEERS: readonly Make[] = [...HTTP_PEERS, socketProxyd];

/** Starts peers before an app, on one CPU, on ports from `from` on; `tag` keeps their names from those before another app. */
export async function startPeers(host: TestHost, makes: readonly Make[], { tag, app, cpu, from }: { readonly tag: string; readonly app: string; readonly cpu: string; readonly from: number }): Promise<Proxy[]> {
  const proxies: Proxy[] = [];
  for (const [index, make] of makes.entries()) {
    const port = from + index;
    const folder = `${FOLDER}/${port}`;
    const { name, files = {}, command, run = [] } = make(port, app, folder);
    const unit = `warm-${tag}-${name.toLowerCase()}`;
    const writes = Object.entries(files).map(([file, text]) => `cat >${folder}/${file} <<'FILE'\n${text}\nFILE`);
    await host.ok(`
      install -d -o fc-proxy ${FOLDER} ${folder}
      ${writes.join('\n')}
      systemd-run --quiet --unit=${unit} --uid=fc-proxy --property=CPUAffinity=${cpu} --property=LimitNOFILE=65536 ${run.join(' ')} -- ${command.join(' ')}
    `);
    await host.until(async () => {
      const { code } = await host.exec('curl', '--silent', '--max-time', '5', '--output', '/dev/null', '--header', 'Host: warm.test', `http://127.0.0.1:${port}/`);
      return code === 0 || `curl ends with ${code}`;
    }, { timeoutMs: 20_000, what: `${name} answers` });
    proxies.push({ name, port, units: [`${unit}.service`] });
  }
  return proxies;
}

export async function stopPeers(host: TestHost): Promise<void> {
  await host.ok(`systemctl stop 'warm-*.socket' 'warm-*.service'; rm -rf ${FOLDER}`);
}
