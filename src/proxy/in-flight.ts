/** Who is in flight of an app: found when somebody asks, by a walk over the connections, so that no request pays for it. */
import type { InFlight } from '../admin/state.ts';
import type { Connection } from './connection.ts';
import type { Entry } from './entry.ts';

/** More than this nobody reads. */
const MOST = 200;

/** The oldest first. @param epoch ms since the epoch at the beginning of the proxy's clock */
export function inFlightOf(app: string, connections: Iterable<Connection>, epoch: number): Pick<InFlight, 'count' | 'requests'> {
  const found: Entry[] = [];
  for (const { activities } of connections) {
    for (const { entry } of activities) if (entry !== null && entry.app === app) found.push(entry);
  }
  found.sort((a, b) => a.arrivedAt - b.arrivedAt);
  return { count: found.length, requests: found.slice(0, MOST).map((entry) => ({ app, request: entry.sketch(epoch), doing: entry.doing })) };
}
