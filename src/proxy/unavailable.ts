/** What is told of an app that there is and that cannot be had. Pure. */
import { Problem } from './problem.ts';
import type { Route } from './route.ts';

/** Nobody answers. `moving`: hosts said that it is not theirs; `able`: this host can ask others at all. */
export function nowhere({ app, tiers }: Route, moving: boolean, able: boolean): Problem {
  const hosts = tiers.flat().length;
  if (moving) return new Problem('no-host', `The app ${app} is being moved, and no host has it at the moment.`, { retryAfterS: 1 });
  if (hosts === 0) return new Problem('no-host', `The app ${app} is placed on no host that takes requests.`, { retryAfterS: 1 });
  if (!able) return new Problem('no-host', `The app ${app} is on another host, and this one has no fleet token to ask it with.`, { retryAfterS: 30 });
  return new Problem('no-host', `The app ${app} cannot be reached: ${hosts === 1 ? 'its host does not answer' : 'none of its hosts answers'}.`, { retryAfterS: 1 });
}

/** Hosts answer, and it cannot be had there: what each says, by host. `silent`: hosts that it has beside them. */
export function declined(app: string, problems: ReadonlyMap<string, Problem>, silent: number): Problem {
  const all = [...problems.values()];
  const [first] = all;
  if (first !== undefined && all.length === 1 && silent === 0) return first;
  const reasons = [...problems].map(([host, { message }]) => `on ${host}: ${message}`);
  if (silent > 0) reasons.push(silent === 1 ? 'its other host does not answer.' : `its ${silent} other hosts do not answer.`);
  const retries = all.flatMap(({ retryAfterS }) => retryAfterS ?? []);
  const kind = first !== undefined && silent === 0 && all.every((problem) => problem.kind === first.kind) ? first.kind : 'no-host';
  return new Problem(kind, `The app ${app} cannot be had anywhere; ${reasons.join(' And ')}`, retries.length === 0 ? {} : { retryAfterS: Math.min(...retries) });
}
