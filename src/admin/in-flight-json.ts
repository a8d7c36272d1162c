/** `/inflight.json?app=NAME`: what of an app is in flight now, asked of each process of fc-proxy. */
import { isAppName } from '../model/names.ts';
import { quoted } from '../model/printable.ts';
import { AdminProblem } from './problem.ts';
import { json, type Handler } from './server.ts';
import { STATE_FORMAT, type InFlight } from './state.ts';

/** @param ask requests of an app, and how many there are, in all processes */
export function inFlightJson(ask: (app: string) => Promise<Pick<InFlight, 'count' | 'requests'>>): Handler {
  return async ({ query }) => {
    const app = query.get('app');
    if (app === null || [...query.keys()].length > 1) throw new AdminProblem(400, 'Of which app? The query is app=NAME, and nothing else.');
    if (!isAppName(app)) throw new AdminProblem(400, `The query makes no sense: app is ${quoted(app)}, and should be the name of an app.`);
    const found: InFlight = { format: STATE_FORMAT, at: Date.now(), ...await ask(app) };
    return json(found);
  };
}
