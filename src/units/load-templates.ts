/** Reads templates/: the one place of units/ that touches a file. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Templates } from './template.ts';

/** @throws Error naming the template that cannot be read */
export async function loadTemplates(directory: string): Promise<Templates> {
  const read = async (name: string): Promise<string> => {
    const path = join(directory, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      throw new Error(`The unit template ${path} cannot be read; is the installation complete?`, { cause });
    }
  };
  const [socket, gate, container, lease] = await Promise.all([read('fc-app.socket'), read('fc-app.service'), read('fc-ctr.service'), read('fc-lease.timer')]);
  return { socket, gate, container, lease };
}
