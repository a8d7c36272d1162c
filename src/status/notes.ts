/** What stands below the table: what is wrong, and why, and how many apps are not shown. Pure. */
import type { AppState, HostStatus } from '../admin/state.ts';
import type { Paint } from '../cli/paint.ts';
import { wrap } from '../cli/width.ts';
import { printable } from '../model/printable.ts';
import { age } from './measure.ts';
import { isNarrow, statesOf, type Wish } from './rows.ts';
import { total } from './summary.ts';

/** A heading, and what is told under it. */
export interface Section {
  readonly title: string;
  readonly entries: readonly string[];
}

/** Where what is told of several hosts has to say of which. */
type Where = (text: string) => string;

function troubles(status: HostStatus, where: Where): { readonly failing: string[]; readonly rejected: string[]; readonly failed: string[] } {
  const rows = status.sync?.rejections ?? [];
  const told = new Set(rows.map(({ app }) => app));
  return {
    failing: status.apps.filter(({ state }) => state === 'quarantined').map((app) => where(`${app.name}: ${failureText(app, status.at)}`)),
    rejected: [
      // All hosts read the same rows.
      ...rows.map(({ table, key, column, why, app }) => `${table} '${key}', column ${column}: ${why}${app === null || key === app ? '' : ` (app ${app})`}`),
      ...status.apps.filter(({ name, state }) => state === 'rejected' && !told.has(name)).map(({ name, why }) => `${name}: ${why ?? 'no reason is known'}`),
    ],
    failed: (status.sync?.failed ?? []).map(({ subject, what, why }) => where(`${subject}: ${what}: ${why}`)),
  };
}

function failureText({ why, retryAt }: AppState, at: number): string {
  const again = retryAt === null ? '' : retryAt > at ? `; not tried again for ${age(retryAt - at)}` : '; tried again at the next request';
  return `${why ?? 'no reason is known'}${again}`;
}

/** @param several whether each must say of which host it is */
export function sectionsOf(statuses: readonly HostStatus[], several: boolean): readonly Section[] {
  const all = statuses.map((status) => troubles(status, several ? (text) => `${status.host}: ${text}` : (text) => text));
  return [
    { title: 'Apps that do not start', entries: all.flatMap(({ failing }) => failing) },
    { title: 'Rows that were not applied', entries: [...new Set(all.flatMap(({ rejected }) => rejected))] },
    { title: 'What fc-sync could not do', entries: all.flatMap(({ failed }) => failed) },
  ].filter(({ entries }) => entries.length > 0);
}

/**
 * The sections as lines, each of at most `most` entries and the number of those that are left out.
 * @param width Infinity: an entry is a line
 */
export function sectionLines(sections: readonly Section[], most: number, width: number, paint: Paint): readonly string[] {
  return sections.flatMap(({ title, entries }) => {
    const shown = entries.slice(0, most);
    const more = entries.length - shown.length;
    return [
      '',
      paint('red', `${title}:`),
      ...shown.flatMap((entry) => wrap(printable(entry, 1000), width - 4).map((line, at) => `${at === 0 ? '  ' : '    '}${line}`)),
      ...(more > 0 ? [`  and ${more} more: --json has all of them`] : []),
    ];
  });
}

/** That nothing, or not all, is shown; null: everything is. */
export function hiddenText(statuses: readonly HostStatus[], shown: number, wish: Wish): string | null {
  if (isNarrow(wish)) return shown === 0 && wish.words.length === 0 ? 'No app is in such a state.' : null;
  const sum = (state: 'asleep' | 'deep'): number => statuses.reduce((count, { counts }) => count + counts[state], 0);
  const [asleep, deep] = [sum('asleep'), sum('deep')];
  if (asleep + deep > 0 && !statesOf(wish).has('asleep')) return `${asleep + deep} asleep${deep === 0 ? '' : `, ${deep} of them deeply`}: --all shows them`;
  return statuses.length > 0 && statuses.every(({ counts }) => total(counts) === 0) ? 'No app is placed here: rows in the CMDB make one.' : null;
}
