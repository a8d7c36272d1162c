/** `/fleet.json`: the state of all hosts of the fleet, FleetStatus; each is asked what the query chooses (select.ts). */
import type { Fleet } from './fleet.ts';
import type { HostModel } from './model.ts';
import { selectStatus } from './select.ts';
import { json, type Handler } from './server.ts';
import { selectionOf } from './state-json.ts';

export function fleetJson(model: HostModel, fleet: Fleet): Handler {
  return async ({ query }) => {
    const selection = selectionOf(query);
    return json(await fleet.status(query, () => selectStatus(model.status(), selection)));
  };
}
