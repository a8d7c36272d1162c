/** Starts whose desk is in the same process. */
import type { Logger } from '../log.ts';
import type { Manager, UnitState } from '../systemd/manager.ts';
import type { Clock } from './clock.ts';
import { StartDesk } from './start-desk.ts';
import { Starts } from './starts.ts';

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
      const units = await manager.list(instances.map((instance) => `fc-ctr-${instance}.service`));
      return new Set(startingOf(units));
    },
  });
}

/** The instances whose containers are starting. */
export function startingOf(units: readonly UnitState[]): string[] {
  return units.flatMap(({ unit, activeState }) => {
    const instance = /^fc-ctr-(.*)\.service$/.exec(unit)?.[1];
    return activeState === 'activating' && instance !== undefined ? [instance] : [];
  });
}

export function ownStarts(options: OwnDeskOptions): Starts {
  const starts = new Starts(options.clock);
  starts.attach(ownDesk(options));
  return starts;
}
