/** Carries out what `plan-ports.ts` has planned. Each function can be repeated. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { linksAtomic } from '../files-many.ts';
import { portService, portSocket } from '../model/names.ts';
import { type Failed, startUnits, type SyncManager, UNIT_TIMEOUT_MS } from './apply.ts';
import { listeningPorts } from './listeners.ts';
import { type Paths, portWants, STATIC_UNITS } from './paths.ts';
import type { PortPlan } from './plan-ports.ts';

/**
 * Closes, leads, opens, in this order: what is taken away leads nowhere before anything else is done.
 * @param serving what serves now, by app
 */
export async function applyPorts(plan: PortPlan, serving: ReadonlyMap<string, { readonly socketPath: string }>, paths: Paths, manager: SyncManager): Promise<readonly Failed[]> {
  const failed: Failed[] = [];
  for (const { port, app, stop } of plan.close) {
    try {
      await closePort(port, stop, paths, manager);
    } catch (cause) {
      failed.push({ subject: app ?? portSocket(port), what: `its port ${port} could not be closed`, cause });
    }
  }
  if (plan.lead.length > 0) await mkdir(portWants(paths), { recursive: true });
  await linksAtomic(plan.lead.flatMap(({ port, app }) => {
    const target = serving.get(app)?.socketPath;
    if (target === undefined) return [];
    return [
      { target, path: join(paths.ports, String(port)) },
      { target: join(STATIC_UNITS, portSocket('')), path: join(portWants(paths), portSocket(port)) },
    ];
  }));
  return [...failed, ...await openPorts(plan.open, manager)];
}

async function closePort(port: number, stop: boolean, paths: Paths, manager: SyncManager): Promise<void> {
  await rm(join(paths.ports, String(port)), { force: true });
  await rm(join(portWants(paths), portSocket(port)), { force: true });
  if (!stop) return;
  await manager.run('stop', portSocket(port), UNIT_TIMEOUT_MS);
  for (const unit of [portSocket(port), portService(port)]) await manager.resetFailed(unit);
}

/** Looks first who has the port: why it could not bind, systemd says to its journal only, at each try anew. */
async function openPorts(open: PortPlan['open'], manager: SyncManager): Promise<readonly Failed[]> {
  if (open.length === 0) return [];
  const taken = await listeningPorts();
  const free = open.filter(({ port }) => !taken.has(port));
  const refused = new Map((await startUnits(free.map(({ port }) => portSocket(port)), manager)).map(({ unit, cause }) => [unit, cause]));
  return open.flatMap(({ port, app }): Failed[] => {
    const cause = taken.has(port)
      ? new Error(`another program of this host listens on it (ss -ltnp 'sport = :${port}' names it); it opens once that has gone`)
      : refused.get(portSocket(port));
    return cause === undefined ? [] : [{ subject: app, what: `its port ${port} (listen_port) could not be opened`, cause }];
  });
}
