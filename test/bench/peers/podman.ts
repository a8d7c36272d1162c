/** Containers without us: what a person types. */
import type { TestHost } from '../../support/host.ts';
import type { BenchApp } from '../apps.ts';

/** Options of all. `--cgroups=disabled` is what ours has too: machines like a test host let crun make no device filter. */
const OPTIONS = ['--cgroups=disabled', '--pull=never'];

function options(app: BenchApp, name: string, port: number): string[] {
  return [...OPTIONS, '--name', name, '-p', `127.0.0.1:${port}:${app.port}`];
}

/** The command line that runs an app at a port of the host: `podman run -d -p`. */
export function podmanRun(app: BenchApp, name: string, port: number): string[] {
  return ['podman', 'run', '-d', '--rm', ...options(app, name, port), app.image];
}

/** Makes one ahead, for `podman start`. */
export async function podmanCreate(host: TestHost, app: BenchApp, name: string, port: number): Promise<void> {
  await host.ok(`podman create ${options(app, name, port).join(' ')} ${app.image} >/dev/null`);
}

export async function podmanStop(host: TestHost, ...names: readonly string[]): Promise<void> {
  await host.ok(`podman stop --time 0 ${names.join(' ')} >/dev/null`);
}

export async function podmanRemove(host: TestHost, ...names: readonly string[]): Promise<void> {
  await host.ok(`podman rm --force --ignore --time 0 ${names.join(' ')} >/dev/null`);
}
