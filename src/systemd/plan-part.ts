/**
 * The plan for a few apps, where the others need not be looked at: what a changed row costs then does not grow with the
 * number of apps. Pure.
 */
import { parseInstance } from '../model/names.ts';
import { type Plan, plan, type PlanInput, type Retirement } from './plan.ts';

/**
 * @param input as for `plan`; of `observed.states`, those of the units of `apps` and of images will do
 * @param ended generations that a plan found to have ended, whosever they are
 * @returns what of the whole plan is about `apps`; null when that depends on others: on what a port leads to, who needs
 *   an image, or how many apps go
 */
export function planPart(input: PlanInput, apps: ReadonlySet<string>, ended: ReadonlySet<string>): Plan | null {
  const { observed } = input;
  const isOurs = (instance: string): boolean => apps.has(parseInstance(instance)?.app ?? '');
  const desired = input.desired.filter(({ app }) => apps.has(app));
  if (desired.length < apps.size) return null;
  if ([...input.ports.values()].some((app) => apps.has(app)) || [...observed.ports.values()].some(({ instance }) => isOurs(instance ?? ''))) return null;
  const part = plan({
    ...input,
    desired,
    ports: new Map(),
    current: only(input.current, (app) => apps.has(app)),
    observed: {
      ...observed,
      onDisk: only(observed.onDisk, isOurs),
      links: only(observed.links, (app) => apps.has(app)),
      ports: new Map(),
    },
  });
  const { images } = part;
  if (images.write.length + images.start.length + images.failed.length > 0) return null;
  return {
    ...part,
    images: { ...images, drop: [] },
    retire: part.write.length === 0 ? part.retire : [...part.retire, ...goesAlong(input, apps, ended)],
  };
}

/** What has ended of others goes now that files change. */
function goesAlong({ observed, desired, current }: PlanInput, apps: ReadonlySet<string>, ended: ReadonlySet<string>): readonly Retirement[] {
  const wanted = new Set([...desired, ...current.values()].map(({ instance }) => instance));
  return [...ended].flatMap((instance) => {
    const app = parseInstance(instance)?.app;
    if (app === undefined || apps.has(app) || wanted.has(instance) || !observed.onDisk.has(instance)) return [];
    return [{ app, instance, closeSocket: false, endLease: null, remove: true, waitingFor: null }];
  });
}

function only<T>(map: ReadonlyMap<string, T>, wanted: (key: string) => boolean): ReadonlyMap<string, T> {
  return new Map([...map].filter(([key]) => wanted(key)));
}
