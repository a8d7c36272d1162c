/** The parts of a start, for its receipt: what systemd says of the units while it is under way, put in order. */
import { netUnit } from '../model/names.ts';
import type { Manager, Step } from '../systemd/manager.ts';

/** A part of `fc-start` (W3C Server Timing), in milliseconds. */
export interface Part {
  readonly name: string;
  readonly ms: number;
}

/**
 * @param askedAt when systemd was asked for the start
 * @param net steps of the network namespace's unit, `container` of the container's, since then
 */
export function partsOf(askedAt: number, net: readonly Step[], container: readonly Step[]): Part[] {
  const enters = (steps: readonly Step[], ...states: readonly string[]): number | null => steps.find(({ subState }) => states.includes(subState))?.at ?? null;
  // systemd.service(5): ExecStartPre=, ExecStart=, ExecStartPost=.
  const begins = enters(container, 'start-pre', 'start');
  const runs = enters(container, 'start');
  const started = enters(container, 'start-post', 'running');
  const ready = enters(container, 'running');
  const makes = enters(net, 'start');
  const made = enters(net, 'exited');
  const parts: [string, number | null, number | null][] = [
    ['fc-systemd', askedAt, makes ?? begins],
    ['fc-net', makes, made],
    ['fc-prepare', begins === runs ? null : begins, runs],
    ['fc-run', runs, started],
    ['fc-ready', started, ready],
  ];
  return parts.flatMap(([name, from, to]) => (from === null || to === null ? [] : [{ name, ms: Math.max(0, to - from) }]));
}

/** Adds up parts of the same name: a retry may have waited for another start. */
export function addParts(sum: readonly Part[], more: readonly Part[]): Part[] {
  const names = new Set([...sum, ...more].map(({ name }) => name));
  return [...names].map((name) => ({ name, ms: [...sum, ...more].reduce((ms, part) => (part.name === name ? ms + part.ms : ms), 0) }));
}

/** Notes down the steps of one start. */
export class StartWatch {
  readonly #net: Step[] = [];
  readonly #container: Step[] = [];
  readonly #stop: readonly (() => void)[];

  constructor(manager: Manager, instance: string, container: string) {
    this.#stop = [
      manager.follow(netUnit(instance), (step) => { this.#net.push(step); }),
      manager.follow(container, (step) => { this.#container.push(step); }),
    ];
  }

  /** Ends the watch. */
  end(): void {
    for (const stop of this.#stop) stop();
  }

  partsSince(askedAt: number): Part[] {
    const since = (steps: readonly Step[]): Step[] => steps.filter(({ at }) => at >= askedAt);
    return partsOf(askedAt, since(this.#net), since(this.#container));
  }
}
