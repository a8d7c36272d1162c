/** What the part `sync` does on the host, and how long it takes there. */
import type { TestHost } from '../../support/host.ts';
import type { BenchApp } from '../apps.ts';

/** One run of a program. */
export interface Run {
  readonly ms: number;
  /** CPU time that PID 1 took meanwhile, ms. */
  readonly pid1Ms: number;
  /** Most memory it had at a time, MB. */
  readonly mb: number;
}

/** A committed change of one row. */
export interface Effect {
  /** From the commit until the app's door leads to its new generation, ms. */
  readonly ms: number;
  /** CPU time of PID 1 from the commit until the old generation has ended, ms. */
  readonly pid1Ms: number;
}

/** proc(5), /proc/[pid]/schedstat: the first number is its time on a CPU, ns. */
const PID1 = "pid1() { cut -d' ' -f1 /proc/1/schedstat; }";

export function nameOf(n: number): string {
  return `sync-${String(n).padStart(5, '0')}`;
}

/** The rows of `count` apps and of no others of this part, by as many statements as for one. */
export async function setApps(host: TestHost, count: number, { image, port }: BenchApp): Promise<void> {
  await host.sql(`
    DELETE FROM apps WHERE name LIKE 'sync-%';
    START TRANSACTION;
    INSERT INTO apps (name, image, port) SELECT CONCAT('sync-', LPAD(seq, 5, '0')), '${image}', ${port} FROM seq_1_to_${Math.max(1, count)} WHERE seq <= ${count};
    INSERT INTO domains (fqdn, app) SELECT CONCAT(name, '.test'), name FROM apps WHERE name LIKE 'sync-%';
    INSERT INTO placements (app, host) SELECT name, '${host.row}' FROM apps WHERE name LIKE 'sync-%';
    COMMIT;
  `);
}

/** One run of fc-sync, which must succeed. */
export async function timedSync(host: TestHost, ...args: readonly string[]): Promise<Run> {
  const told = await host.ok(`
    ${PID1}
    before=$(pid1) began=$EPOCHREALTIME
    /usr/bin/time --format=%M --output=/run/bench-sync fc-sync ${args.join(' ')} >/dev/null
    echo "$(( (\${EPOCHREALTIME/.} - \${began/.}) / 1000 )) $(( ($(pid1) - before) / 1000 )) $(cat /run/bench-sync)"
  `, { timeoutMs: 600_000 });
  const [ms = NaN, pid1Us = NaN, kb = NaN] = told.trim().split(' ').map(Number);
  return { ms, pid1Ms: pid1Us / 1000, mb: kb / 1024 };
}

/** Changes the row of an app that sleeps, while fc-sync --watch runs. `n` makes the change another one than the last. */
export async function changeOne(host: TestHost, app: string, n: number): Promise<Effect> {
  const told = await host.ok(`
    ${PID1}
    door=/run/fastcontainer/${app}.sock
    old=$(readlink $door) before=$(pid1)
    mariadb fastcontainer -e "UPDATE apps SET memory_max = '${100 + n}M' WHERE name = '${app}'"
    began=$EPOCHREALTIME
    until [[ $(readlink $door) != "$old" ]]; do
      (( \${EPOCHREALTIME/.} - \${began/.} < 60000000 )) || exit 1
      sleep 0.005
    done
    took=$(( \${EPOCHREALTIME/.} - \${began/.} ))
    until ! [[ -e /run/fastcontainer/$old ]]; do
      (( \${EPOCHREALTIME/.} - \${began/.} < 60000000 )) || exit 1
      sleep 0.02
    done
    echo "$took $(( ($(pid1) - before) / 1000 ))"
  `, { timeoutMs: 130_000 });
  const [us = NaN, pid1Us = NaN] = told.trim().split(' ').map(Number);
  return { ms: us / 1000, pid1Ms: pid1Us / 1000 };
}

/** Most memory that fc-sync --watch has had since its start, MB. proc(5), /proc/[pid]/status. */
export async function memoryOfWatch(host: TestHost): Promise<number> {
  return Number(await host.ok("sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$(systemctl show -P MainPID fc-sync-watch)/status")) / 1024;
}
