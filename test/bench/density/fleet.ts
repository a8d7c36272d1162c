/** A host with many apps that sleep, and how deep. */
import { setTimeout as sleep } from 'node:timers/promises';
import { quote, type TestHost } from '../../support/host.ts';
import { TINY } from '../apps.ts';
import type { OurApp } from '../cold/ours.ts';

export const nameOf = (index: number): string => `density-${index}`;

/** Makes apps number `from` to `to`, the latter not included, and runs fc-sync. */
export async function grow(host: TestHost, from: number, to: number): Promise<void> {
  const rows = (row: (name: string) => string): string => Array.from({ length: to - from }, (_, n) => row(quote(nameOf(from + n)))).join(',');
  await host.sql(`
    START TRANSACTION;
    INSERT INTO apps (name, image, port, idle_timeout_s) VALUES ${rows((name) => `(${name}, ${quote(TINY.image)}, ${TINY.port}, 600)`)};
    INSERT INTO domains (fqdn, app) VALUES ${rows((name) => `(CONCAT(${name}, '.test'), ${name})`)};
    INSERT INTO placements (app, host) VALUES ${rows((name) => `(${name}, ${quote(host.row)})`)};
    COMMIT`);
  await runSync(host);
}

/** Takes them away again. */
export async function clear(host: TestHost): Promise<void> {
  await host.sql("DELETE FROM apps WHERE name LIKE 'density-%'");
  await runSync(host, '--allow-removals');
}

/** After how many seconds, or never, an app falls into deep sleep; null: as it is by default. */
export async function deepAfter(host: TestHost, value: string | null): Promise<void> {
  await host.ok(`
    sed -i '/^deep_sleep_s = /d' /etc/fastcontainer/fastcontainer.ini
    ${value === null ? '' : `sed -i 's/^\\[host\\]$/&\\ndeep_sleep_s = ${value}/' /etc/fastcontainer/fastcontainer.ini`}`);
}

/** Opens the door of every app. */
export async function open(host: TestHost): Promise<void> {
  await deepAfter(host, 'never');
  await runSync(host);
}

/** Lets every app that sleeps fall into deep sleep. */
export async function sink(host: TestHost): Promise<void> {
  await deepAfter(host, '1');
  await sleep(1100);
  for (;;) {
    const report: unknown = JSON.parse(await runSync(host, '--json'));
    if (typeof report !== 'object' || report === null || !('deepAsleep' in report)) throw new Error('fc-sync says nothing of deep sleep');
    const { deepAsleep } = report;
    if (typeof deepAsleep !== 'object' || deepAsleep === null || !('falling' in deepAsleep) || !Array.isArray(deepAsleep.falling)) throw new Error('fc-sync does not say who falls');
    if (deepAsleep.falling.length === 0) return;
  }
}

/** An app by its files: one in deep sleep has no link. */
export async function appAt(host: TestHost, index: number): Promise<OurApp> {
  const name = nameOf(index);
  const unit = (await host.ok(`cd /etc/systemd/system && ls fc-ctr-${name.replaceAll('-', '_')}-*.service`)).trim();
  return { name, unit };
}

/** Seconds that somebody's daemon-reload takes. */
export async function reloadS(host: TestHost): Promise<number> {
  return Number(await host.ok('began=$(date +%s%N); systemctl daemon-reload; echo $((($(date +%s%N) - began) / 1000000))', { timeoutMs: 300_000 })) / 1000;
}

async function runSync(host: TestHost, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await host.sh(`fc-sync ${args.join(' ')}`, { timeoutMs: 600_000 });
  if (code !== 0) throw new Error(`fc-sync ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
