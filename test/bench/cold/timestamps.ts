/** What systemd and podman noted down of the start of a container that runs. */
import { basename } from 'node:path';
import type { TestHost } from '../../support/host.ts';
import type { Command, Timestamps } from './anatomy.ts';

/** `a(sasbttttuii)` of org.freedesktop.systemd1(5): path, arguments, …, begin and end, each by the wall's clock and by the monotonic one. */
type Exec = readonly [path: string, argv: readonly string[], ignore: boolean, startWall: number, startUs: number, stopWall: number, stopUs: number, ...rest: number[]];

export async function timestampsOf(host: TestHost, unit: string, container: string): Promise<Timestamps> {
  const said = await host.ok(`
    object=$(busctl --json=short call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager GetUnit s ${unit} | grep -o '/org/[^"]*')
    busctl --json=short get-property org.freedesktop.systemd1 "$object" org.freedesktop.systemd1.Service ExecStartPre ExecStart ExecStartPost
    systemctl show --property InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic ${unit}
    podman inspect --format 'created={{.Created.UnixMicro}}
started={{.State.StartedAt.UnixMicro}}' ${container}
  `);
  const lines = said.trim().split('\n');
  const execs = lines.slice(0, 3).flatMap((line) => (JSON.parse(line) as { data: Exec[] }).data);
  const values = new Map(lines.slice(3).map((line) => [line.slice(0, line.indexOf('=')), Number(line.slice(line.indexOf('=') + 1))]));
  const value = (name: string): number => {
    const us = values.get(name);
    if (us === undefined || !Number.isFinite(us)) throw new Error(`no ${name} of ${unit} in:\n${said}`);
    return us;
  };
  // What the clock on the wall is ahead: podman has no other.
  const ahead = (execs[0]?.[3] ?? 0) - (execs[0]?.[4] ?? 0);
  return {
    beganUs: value('InactiveExitTimestampMonotonic'),
    mainUs: value('ExecMainStartTimestampMonotonic'),
    activeUs: value('ActiveEnterTimestampMonotonic'),
    commands: execs.map(([path, , , , startUs, , stopUs]): Command => ({ name: basename(path), startUs, stopUs })),
    createdUs: value('created') - ahead,
    startedUs: value('started') - ahead,
  };
}
