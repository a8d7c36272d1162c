import { readFile } from 'node:fs/promises';
import { namesIn } from '../../files.ts';
import { parsePort, portSocket } from '../../model/names.ts';
import { HOST_PATHS } from '../../systemd/paths.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding } from '../finding.ts';
import { output } from '../run.ts';
import { shellWord } from '../shell.ts';
import { showUnits } from '../units.ts';
import { portsIn } from './host-row.ts';

/** Who listens on a port. */
export interface Holder {
  readonly program: string;
  readonly pid: number;
  /** The unit it is of; null: none. */
  readonly unit: string | null;
}

export interface PortFacts {
  readonly socket: string;
  readonly port: number;
  readonly active: boolean;
  /** Null: nobody, or nobody that can be seen. */
  readonly holder: Holder | null;
}

export function judgePorts(ports: readonly PortFacts[]): readonly Finding[] {
  return ports.filter(({ active }) => !active).map(({ socket, port, holder }) => {
    const means = socket.startsWith('fc-port@') ? 'the app behind that port is not reached there' : 'nobody is reached there';
    const start = `systemctl restart ${shellWord(socket)}${socket === 'fc-proxy.socket' || socket === 'fc-proxy-internal.socket' ? ' fc-proxy.service' : ''}`;
    if (holder === null) return error(`${socket} does not listen on port ${port}`, means, command(start));
    const who = `${holder.program} (pid ${holder.pid}${holder.unit === null ? '' : ` of ${holder.unit}`})`;
    return error(`port ${port}, which ${socket} is for, is taken by ${who}`, means,
      holder.unit === null ? advice(`end it, then: ${start}`) : command(`systemctl disable ${shellWord(holder.unit)}; systemctl stop ${shellWord(holder.unit)} && ${start}`));
  });
}

export default check<readonly PortFacts[]>({
  id: 'ports',
  looksAt: "fc-proxy's ports and those of apps (listen_port): systemd listens there, and nobody else",
  look: async () => {
    const sockets = ['fc-proxy.socket', 'fc-proxy-internal.socket', 'fc-admin.socket'];
    const doors = (await namesIn(HOST_PATHS.ports)).map(parsePort).filter((port) => port !== null);
    const shown = await showUnits([...sockets, ...doors.map(portSocket)], ['LoadState', 'ActiveState', 'Listen']);
    const wanted = [...shown].flatMap(([socket, properties]) => {
      const active = properties.get('ActiveState') === 'active';
      const door = doors.find((port) => portSocket(port) === socket);
      const ports = door !== undefined ? [door] : properties.get('LoadState') === 'loaded' ? portsIn(properties.get('Listen') ?? '') : [];
      return ports.map((port) => ({ socket, port, active }));
    });
    if (wanted.every(({ active }) => active)) return wanted.map((one) => ({ ...one, holder: null }));
    const listeners = parseListeners(await output('ss', ['--no-header', '--listening', '--tcp', '--numeric', '--processes']));
    return await Promise.all(wanted.map(async (one) => {
      const found = listeners.get(one.port);
      return { ...one, holder: one.active || found === undefined ? null : { ...found, unit: await unitOf(found.pid) } };
    }));
  },
  judge: judgePorts,
});

/** `LISTEN 0 128 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=6))`, ss(8); port → who has it. */
export function parseListeners(text: string): ReadonlyMap<number, Omit<Holder, 'unit'>> {
  return new Map([...text.matchAll(/^\S+ +[0-9]+ +[0-9]+ +\S+:([0-9]+) .*users:\(\("([^"]*)",pid=([0-9]+)/gm)]
    .map(([, port, program = '', pid]) => [Number(port), { program, pid: Number(pid) }]));
}

/** The innermost unit of a process's cgroup, cgroups(7). */
async function unitOf(pid: number): Promise<string | null> {
  return unitIn(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''));
}

export function unitIn(cgroup: string): string | null {
  const unit = /^0::.*\/([^/\n]+\.service)(?:\/|$)/m.exec(cgroup)?.[1];
  return unit ?? null;
}
