/** Writes the snapshot for fc-proxy: in one step, and only when it says something else. */
import { writeFileAtomic } from '../files.ts';
import type { Snapshot } from './format.ts';
import { snapshotText } from './text.ts';

/**
 * @param previous what the file says
 * @param gid group that may read it
 * @returns whether it was written
 */
export async function writeSnapshot(path: string, snapshot: Snapshot, previous: Snapshot | null, gid: number): Promise<boolean> {
  if (previous !== null && saysTheSame(snapshot, previous)) return false;
  await writeFileAtomic(path, snapshotText(snapshot), { mode: 0o640, owner: { uid: process.getuid?.() ?? 0, gid } });
  return true;
}

/** Apps that say the same are the same objects: buildSnapshot() has seen to it. */
function saysTheSame(one: Snapshot, other: Snapshot): boolean {
  const head = ({ format, host, revision, hosts }: Snapshot): string => JSON.stringify({ format, host, revision, hosts });
  return head(one) === head(other) && one.apps.length === other.apps.length && one.apps.every((app, index) => app === other.apps[index]);
}
