/** A desk for this process, or for the whole host when it is the first. */
import type { Logger } from '../log.ts';
import { containerUnit, parseUnitName } from '../model/names.ts';
import type { Manager, UnitState } from '../systemd/manager.ts';
import type { Clock } from './clock.ts';
import { StartDesk } from './start-desk.ts';

export interface OwnDeskOptions {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly log: Logger;
  /** Containers starting at once. */
  readonly maxStarts: number;
}

export function ownDesk({ manager, clock, log, maxStarts }: OwnDeskOptions): StartDesk {
  return new StartDesk({
    places: maxStarts, clock, log,
    starting: async (instances) => {
      const units = await manager.list(instances.map(containerUnit));
      return new Set(startingOf(units));
    },
  });
}

/** The instances whose containers are starting. */
export function startingOf(units: readonly UnitState[]): string[] {
  return units.flatMap(({ unit, activeState }) => {
    const name = parseUnitName(unit);
    return activeState === 'activating' && name?.kind === 'container' ? [name.instance] : [];
  });
}
