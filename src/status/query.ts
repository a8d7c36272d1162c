/** What has to be asked of fc-admin for what is to be shown: no more. Pure. */
import { jsonStates } from './json.ts';
import { statesOf, type Wish } from './rows.ts';

/** See src/admin/select.ts. */
export function queryOf(wish: Wish, json: boolean): URLSearchParams {
  if (json) return new URLSearchParams({ state: [...jsonStates(wish)].join(',') });
  const query = new URLSearchParams({ events: '0' });
  // Which apps go by a word, or that none does, is found out here.
  if (wish.words.length === 0) query.set('state', [...statesOf(wish)].join(','));
  return query;
}
