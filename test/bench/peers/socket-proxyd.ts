/**
 * The recipe of systemd-socket-proxyd(8), "Examples": a socket, the proxy behind it, and the service that the proxy
 * requires; here a container, as podman-generate-systemd(1) writes it with and without `--new`.
 */
import type { TestHost } from '../../support/host.ts';
import type { BenchApp } from '../apps.ts';
import { podmanCreate, podmanRemove, podmanRun } from './podman.ts';

export interface Recipe {
  /** Of the container and of its units. */
  readonly name: string;
  /** Runs a new container each time, or starts one that was made ahead. */
  readonly container: 'new' | 'kept';
  /** Of the container on the host, and of the door before it. */
  readonly port: number;
  readonly door: number;
}

export async function installRecipe(host: TestHost, app: BenchApp, recipe: Recipe): Promise<void> {
  const { name, port, door } = recipe;
  if (recipe.container === 'kept') await podmanCreate(host, app, name, port);
  const service = recipe.container === 'new' ? newContainer(app, recipe) : await keptContainer(host, recipe);
  const units = {
    [`${name}-proxy.socket`]: `[Socket]\nListenStream=127.0.0.1:${door}`,
    [`${name}-proxy.service`]: `[Unit]\nRequires=${name}.service ${name}-proxy.socket\nAfter=${name}.service ${name}-proxy.socket\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=/lib/systemd/systemd-socket-proxyd 127.0.0.1:${port}`,
    [`${name}.service`]: `[Unit]\nStartLimitIntervalSec=0\n[Service]\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\n${service}\nExecStop=/usr/bin/podman stop --ignore --time 0 ${name}\nSuccessExitStatus=143 137`,
  };
  const files = Object.entries(units).map(([unit, text]) => `cat >/etc/systemd/system/${unit} <<'UNIT'\n${text}\nUNIT`);
  await host.ok(`${files.join('\n')}\nsystemctl daemon-reload\nsystemctl start ${name}-proxy.socket`);
}

function newContainer(app: BenchApp, { name, port }: Recipe): string {
  const [podman = '', run = '', ...rest] = podmanRun(app, name, port);
  return `Type=notify\nNotifyAccess=all\nExecStart=/usr/bin/${podman} ${run} --sdnotify=conmon --replace ${rest.join(' ')}`;
}

async function keptContainer(host: TestHost, { name }: Recipe): Promise<string> {
  const pidFile = (await host.ok(`podman inspect --format '{{.ConmonPidFile}}' ${name}`)).trim();
  return `Type=forking\nPIDFile=${pidFile}\nExecStart=/usr/bin/podman start ${name}`;
}

/** Back to sleep: the socket goes on listening. */
export async function restRecipe(host: TestHost, { name }: Recipe): Promise<void> {
  await host.ok(`systemctl stop ${name}-proxy.service ${name}.service`);
}

export async function removeRecipe(host: TestHost, { name }: Recipe): Promise<void> {
  await host.ok(`systemctl stop ${name}-proxy.socket ${name}-proxy.service ${name}.service; rm /etc/systemd/system/${name}{-proxy.socket,-proxy.service,.service}; systemctl daemon-reload`);
  await podmanRemove(host, name);
}
