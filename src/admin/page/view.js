/** What the reader has chosen to see; kept in the address, so that it can be passed on and survives a reload. */

/** @typedef {import('../state.ts').AppStateName} AppStateName */
/** @typedef {import('../select.ts').Sort} Sort */
/**
 * @typedef {object} View
 * @property {string} text
 * @property {readonly AppStateName[]} states empty: all
 * @property {Sort} sort
 * @property {number} limit
 */

export const STATES = /** @type {const} */ (['quarantined', 'rejected', 'starting', 'handing-over', 'awake', 'stopping', 'asleep', 'deep', 'elsewhere']);
/** @type {readonly Sort[]} */
const SORTS = ['state', 'name', 'since', 'requests', 'in-flight', 'starts', 'memory'];
export const LIMITS = [100, 300, 1000];

/** @type {View} */
export const DEFAULT_VIEW = { text: '', states: [], sort: 'state', limit: LIMITS[0] ?? 100 };

/**
 * The view that an address's fragment says; what is wrong with it is left out. Pure.
 * @param {string} fragment with or without its `#`
 * @returns {View}
 */
export function viewOf(fragment) {
  const said = new URLSearchParams(fragment.replace(/^#/, ''));
  return {
    text: (said.get('q') ?? '').slice(0, 200),
    states: STATES.filter((state) => said.get('state')?.split(',').includes(state)),
    sort: SORTS.find((sort) => sort === said.get('sort')) ?? DEFAULT_VIEW.sort,
    limit: DEFAULT_VIEW.limit,
  };
}

/**
 * Pure.
 * @param {View} view
 */
export function fragmentOf({ text, states, sort }) {
  const said = new URLSearchParams();
  if (text !== '') said.set('q', text);
  if (states.length > 0) said.set('state', states.join(','));
  if (sort !== DEFAULT_VIEW.sort) said.set('sort', sort);
  return said.toString();
}

/**
 * The query of state.json for it. Pure.
 * @param {View} view
 * @param {number} events
 */
export function queryOf(view, events) {
  const query = new URLSearchParams(fragmentOf(view));
  query.set('limit', String(view.limit));
  query.set('events', String(events));
  return query.toString();
}
