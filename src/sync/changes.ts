/** What has changed of an app, in the words of the CMDB: what its row says against what it said. Pure. */
import type { App, Placement } from '../model/app.ts';
import { TABLES } from '../model/columns.ts';
import type { Said } from '../model/said.ts';
import type { SnapshotApp } from '../snapshot/format.ts';

/** A column's value; or one of the several things that it, or a table, holds of the app. */
export type Change =
  | { readonly column: string; readonly from: string | null; readonly to: string | null }
  | { readonly column: 'env' | 'domains' | 'placements'; readonly name: string; readonly what: 'added' | 'removed' | 'changed'; readonly detail?: string };

/** Of what makes its generation. */
export function rowChanges(from: Said, to: Said): readonly Change[] {
  const columns = [...new Set([...from.columns.keys(), ...to.columns.keys()])];
  return [
    ...columns.flatMap((column): Change[] => {
      const [before, after] = [from.columns.get(column) ?? null, to.columns.get(column) ?? null];
      return before === after ? [] : [{ column, from: before, to: after }];
    }),
    ...[...new Set([...from.env.keys(), ...to.env.keys()])].sort().flatMap((name): Change[] => {
      const [before, after] = [from.env.get(name), to.env.get(name)];
      return before === after ? [] : [{ column: 'env', name, what: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed' }];
    }),
  ];
}

const DEFAULTS: ReadonlyMap<string, string | null> = new Map(TABLES.apps.map((column) => [column.name, column.default]));

/** What a new app's row says beyond what any says. */
export function newRow(said: Said): readonly Change[] {
  return [
    ...[...said.columns].flatMap(([column, to]): Change[] => (column === 'uid_base' || to === (DEFAULTS.get(column) ?? null) ? [] : [{ column, from: null, to }])),
    ...[...said.env.keys()].map((name): Change => ({ column: 'env', name, what: 'added' })),
  ];
}

/** Of where its requests go: nothing of that touches its container. `before` null: it was not known. */
export function routeChanges(before: SnapshotApp | null, app: Pick<App, 'domains' | 'placements' | 'waitingPageS'>): readonly Change[] {
  const known: Pick<SnapshotApp, 'domains' | 'placements' | 'waitingPageS'> = before ?? { domains: [], placements: [], waitingPageS: null };
  const page = (seconds: number | null): string | null => (seconds === null ? null : String(seconds));
  return [
    ...app.domains.filter((domain) => !known.domains.includes(domain)).map((name): Change => ({ column: 'domains', name, what: 'added' })),
    ...known.domains.filter((domain) => !app.domains.includes(domain)).map((name): Change => ({ column: 'domains', name, what: 'removed' })),
    ...placementChanges(known.placements, app.placements),
    ...(known.waitingPageS === app.waitingPageS ? [] : [{ column: 'waiting_page', from: page(known.waitingPageS), to: page(app.waitingPageS) }]),
  ];
}

function placementChanges(before: readonly Placement[], after: readonly Placement[]): readonly Change[] {
  const names = [...new Set([...before, ...after].map(({ host }) => host))].sort();
  return names.flatMap((name): Change[] => {
    const [from, to] = [before, after].map((placements) => placements.find(({ host }) => host === name));
    if (from === undefined) return [{ column: 'placements', name, what: 'added' }];
    if (to === undefined) return [{ column: 'placements', name, what: 'removed' }];
    const details = [
      ...(from.weight === to.weight ? [] : [`weight ${from.weight} -> ${to.weight}`]),
      ...(from.listenPort === to.listenPort ? [] : [`listen_port ${from.listenPort ?? 'NULL'} -> ${to.listenPort ?? 'NULL'}`]),
    ];
    return details.length === 0 ? [] : [{ column: 'placements', name, what: 'changed', detail: details.join(', ') }];
  });
}
