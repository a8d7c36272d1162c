/** Carries out the part of a plan that is about images. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { imageUnit } from '../model/names.ts';
import { writeFileAtomic } from '../files.ts';
import type { Failed, SyncManager } from './apply.ts';
import type { Paths } from './paths.ts';
import type { ImagePlan } from './plan-images.ts';

/** A stop kills what is being fetched. */
const STOP_TIMEOUT_MS = 30_000;

/** Tells the units what to fetch; they are not started here. */
export async function writeImages({ write }: ImagePlan, paths: Paths): Promise<void> {
  for (const { id, file } of write) await writeFileAtomic(join(paths.images, id), file, { mode: 0o600 });
}

/** Lets go of images that nothing here needs. */
export async function dropImages({ drop }: ImagePlan, paths: Paths, manager: SyncManager): Promise<readonly Failed[]> {
  const failed: Failed[] = [];
  for (const id of drop) {
    const unit = imageUnit(id);
    try {
      await manager.run('stop', unit, STOP_TIMEOUT_MS);
      await manager.resetFailed(unit);
      await rm(join(paths.images, id), { force: true });
      await rm(join(paths.imageFailures, id), { force: true });
    } catch (cause) {
      failed.push({ subject: unit, what: 'could not be stopped', cause });
    }
  }
  return failed;
}
