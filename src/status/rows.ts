/** Which apps a table shows, and in what order. Pure. */
import { APP_STATES, type AppState, type AppStateName, type FleetStatus, type HostStatus } from '../admin/state.ts';
import { COLUMNS, type Row } from './columns.ts';

export interface Wish {
  /** Names of apps or domains, in lower case, with `*` and `?` as in a shell; none: any. */
  readonly words: readonly string[];
  /** Null: those that are not asleep; with `words`, any. */
  readonly states: ReadonlySet<AppStateName> | null;
  readonly sort: string;
  readonly reverse: boolean;
}

/** What sleeps, or runs elsewhere: what somebody who does not ask for it does not want to read thousands of times. */
const QUIET: ReadonlySet<AppStateName> = new Set(['asleep', 'deep', 'elsewhere']);

/** What is not left out when nobody says what he wants to see. */
export const NOTABLE: ReadonlySet<AppStateName> = new Set(APP_STATES.filter((state) => !QUIET.has(state)));

/** Everything that is placed where it is told of. */
export const PLACED: ReadonlySet<AppStateName> = new Set(APP_STATES.filter((state) => state !== 'elsewhere'));

/** Keys that a table can be sorted by. */
export const SORT_KEYS: readonly string[] = COLUMNS.filter(({ compare }) => compare !== null).map(({ key }) => key);

/** The states that are shown. */
export function statesOf({ states, words }: Pick<Wish, 'states' | 'words'>): ReadonlySet<AppStateName> {
  return states ?? (words.length > 0 ? PLACED : NOTABLE);
}

/** Whether some apps are asked for, rather than how all of it is. */
export function isNarrow({ states, words }: Pick<Wish, 'states' | 'words'>): boolean {
  return words.length > 0 || (states !== null && states !== PLACED);
}

export function rowsOfHost({ host, at, apps }: HostStatus): Row[] {
  return apps.map((app) => ({ host, at, app }));
}

export function rowsOfFleet({ hosts }: FleetStatus): Row[] {
  return hosts.flatMap(({ status }) => (status === null ? [] : rowsOfHost(status)));
}

/** The rows that are wanted, in order: the one that `sort` names, then by name and host. */
export function select(rows: readonly Row[], wish: Wish): readonly Row[] {
  const states = statesOf(wish);
  const patterns = wish.words.map(patternOf);
  const wanted = rows.filter(({ app }) => states.has(app.state) && (patterns.length === 0 || patterns.some((pattern) => pattern(app))));
  const compare = COLUMNS.find(({ key }) => key === wish.sort)?.compare ?? (() => 0);
  const sign = wish.reverse ? -1 : 1;
  return wanted.sort((a, b) => sign * compare(a, b) || order(a.app.name, b.app.name) || order(a.host, b.host));
}

/** The words that no app goes by. */
export function unmatched(rows: readonly Row[], words: readonly string[]): readonly string[] {
  return words.filter((word) => {
    const pattern = patternOf(word);
    return !rows.some(({ app }) => pattern(app));
  });
}

function patternOf(word: string): (app: AppState) => boolean {
  const source = word.replace(/[\\^$.|+()[\]{}]/g, '\\$&').replaceAll(/\*+/g, '.*').replaceAll('?', '.');
  const pattern = new RegExp(`^${source}$`, 'u');
  return ({ name, domains }) => pattern.test(name) || domains.some((domain) => pattern.test(domain) || covers(domain, word));
}

/** Whether requests for a name go to the app with this domain. */
function covers(domain: string, name: string): boolean {
  return domain.startsWith('*.') && name.length > domain.length - 1 && name.endsWith(domain.slice(1));
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
