/**
 * Lets apps fall into deep sleep: closes their doors and gives their network namespaces back, without a connection
 * lost that somebody makes at that moment. Can be repeated: what was cut off is finished, or undone, by the next run.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { containerUnit, deepUnit, gateUnit, netUnit, parseInstance, socketLink, socketPath } from '../model/names.ts';
import { ifThere } from '../files.ts';
import { eachParallel, type Failed, onHost, type SyncManager, UNIT_TIMEOUT_MS } from './apply.ts';
import { isRunning } from './manager.ts';
import { doorWants, type Paths } from './paths.ts';
import type { Sleeper } from './plan-sleep.ts';

/** Sockets that cannot be found at the same time: some 50 ms together. */
const BATCH = 32;

/** Ends the name of a socket that is about to be closed. */
export const CLOSING = '.closing';

/** @param withinMs begins no batch after that: what is left is for the next pass, and a changed row has its turn before */
export async function sink(sleepers: readonly Sleeper[], withinMs: number, paths: Paths, manager: SyncManager): Promise<readonly Failed[]> {
  const failed: Failed[] = [];
  const began = performance.now();
  for (let at = 0; at < sleepers.length && performance.now() - began <= withinMs; at += BATCH) {
    const batch = sleepers.slice(at, at + BATCH);
    const quiet = await closeDoors(batch, paths, manager, failed);
    await eachParallel(batch.filter(({ app }) => quiet.has(app)), async (sleeper) => {
      try {
        await forget(sleeper, paths, manager);
      } catch (cause) {
        failed.push({ subject: sleeper.app, what: 'could not fall into deep sleep', cause });
      }
    });
  }
  return failed;
}

/**
 * Closes the sockets on which nobody has come. A socket that is closed while a connection waits on it loses that; so
 * its name is taken away first, and who comes then finds no socket at all. Who came before has made systemd start the
 * gate by the second answer: it looks at its sockets at least once between two questions.
 * @returns the apps whose sockets are closed
 */
async function closeDoors(batch: readonly Sleeper[], paths: Paths, manager: SyncManager, failed: Failed[]): Promise<ReadonlySet<string>> {
  const closed = new Set<string>();
  for (const { instance } of batch) await ifThere(rename(doorOf(instance, paths), doorOf(instance, paths) + CLOSING));
  try {
    const units = batch.flatMap(({ instance, socket }) => [socket, gateUnit(instance), containerUnit(instance)]);
    await manager.statesOf(units);
    const states = new Map((await manager.statesOf(units)).map((state) => [state.unit, state]));
    const quiet = batch.filter(({ instance, socket }) =>
      states.get(socket)?.subState !== 'running'
      && ![gateUnit(instance), containerUnit(instance)].some((unit) => isRunning(states.get(unit)?.activeState)));
    await eachParallel(quiet, async ({ app, socket }) => {
      try {
        // fc-proxy opens a door that it needs and does not find; that takes this job back if it comes before its end.
        if (await manager.run('stop', socket, UNIT_TIMEOUT_MS) !== 'done') return;
        // A socket that hit its trigger limit is failed, and stays so when stopped.
        await manager.resetFailed(socket);
        closed.add(app);
      } catch (cause) {
        failed.push({ subject: app, what: 'its socket could not be closed', cause });
      }
    });
  } finally {
    for (const { app, instance } of batch) {
      const door = doorOf(instance, paths);
      if (closed.has(app)) await rm(door + CLOSING, { force: true });
      else await ifThere(rename(door + CLOSING, door));
    }
  }
  return closed;
}

/** What leads to the door goes with it; so does the namespace, unless somebody wakes the app. */
async function forget({ app, instance, socket, namespace }: Sleeper, paths: Paths, manager: SyncManager): Promise<void> {
  await rm(onHost(socketLink(app), paths), { force: true });
  await rm(join(doorWants(paths), socket), { force: true });
  if (namespace) await manager.run('start', deepUnit(instance), UNIT_TIMEOUT_MS);
  for (const unit of [containerUnit(instance), gateUnit(instance), netUnit(instance)]) await manager.resetFailed(unit);
  await rm(join(paths.visits, instance), { force: true });
}

/** Gives sockets their names back that a run which was cut off has left without. */
export async function reopen(closing: readonly string[], paths: Paths): Promise<void> {
  for (const name of closing) await ifThere(rename(join(paths.run, name), join(paths.run, name.slice(0, -CLOSING.length))));
}

function doorOf(instance: string, paths: Paths): string {
  const generation = parseInstance(instance);
  if (generation === null) throw new Error(`${instance} is no instance of an app`);
  return onHost(socketPath(generation.app, generation.gen), paths);
}
