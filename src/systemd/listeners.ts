/** TCP ports of this host that somebody listens on, proc(5), /proc/net/tcp. */
import { readFile } from 'node:fs/promises';
import { ifThere } from '../files.ts';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;

export async function listeningPorts(): Promise<ReadonlySet<number>> {
  const tables = await Promise.all(TABLES.map(async (path) => (await ifThere(readFile(path, 'latin1'))) ?? ''));
  return new Set(tables.flatMap(listeners));
}

/** `  0: 0100007F:1538 00000000:0000 0A …`: slot, local address and port, remote ones, state; 0A is LISTEN. */
export function listeners(table: string): readonly number[] {
  return [...table.matchAll(/^ *[0-9]+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /gm)].map(([, port = '']) => Number.parseInt(port, 16));
}
