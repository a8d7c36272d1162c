/** `/state.json`: what a host says of itself, HostStatus; of its apps and events those that its query chooses (select.ts). */
import type { HostModel } from './model.ts';
import { AdminProblem } from './problem.ts';
import { readSelection, SelectionError, selectStatus, type Selection } from './select.ts';
import { json, type Handler } from './server.ts';

/** 404 for `app=` of an app that this host does not know. */
export function stateJson(model: HostModel): Handler {
  return ({ query }) => {
    const selection = selectionOf(query);
    if (selection.app !== null && !model.has(selection.app)) throw new AdminProblem(404, `This host knows no app ${selection.app}.`);
    const status = model.status();
    return json(selectStatus(selection.app === null ? status : { ...status, events: model.events.of(selection.app) }, selection));
  };
}

/** @throws AdminProblem 400 */
export function selectionOf(query: URLSearchParams): Selection {
  try {
    return readSelection(query);
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    throw new AdminProblem(400, `The query makes no sense: ${error.message}.`);
  }
}
