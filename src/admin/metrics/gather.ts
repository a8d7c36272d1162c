/** What fc-admin knows → the figures of /metrics. */
import { COUNT, LATENCY_MS } from '../../report/counts.ts';
import type { Metering } from '../meter/metering.ts';
import { usageOf } from '../meter/meter.ts';
import type { HostModel } from '../model.ts';
import type { HostEvent } from '../state.ts';
import { type Answers, type Distribution, type Figures, together, withValue } from './figures.ts';
import type { KeptCounts } from './kept-counts.ts';
import { LATENCY_S, START_PARTS, START_S } from './table.ts';

/** Where the time of cold starts went, since fc-admin began. */
export class StartTally {
  readonly #parts = new Map<string, Distribution>(Object.keys(START_PARTS).map((part) => [part, together([], START_S)]));

  heard(event: HostEvent): void {
    if (event.kind !== 'woke') return;
    const { queue, start, systemd, network, prepare, podman, ready } = event.times;
    for (const [part, ms] of Object.entries({ total: queue + start, queue, systemd, network, prepare, podman, ready })) {
      const before = this.#parts.get(part);
      if (ms !== undefined && before !== undefined) this.#parts.set(part, withValue(before, ms / 1000));
    }
  }

  get parts(): ReadonlyMap<string, Distribution> {
    return this.#parts;
  }
}

export function gather(model: HostModel, metering: Metering, counts: KeptCounts, starts: StartTally): Figures {
  const { version, proxy, counts: states, apps, sync } = model.status();
  const { kept } = counts;
  const known = [...new Set([...kept.apps.keys(), ...model.ledger.apps.keys()])].filter((app) => model.has(app) || metering.knows(app)).sort();
  return {
    version, proxy, states, sync,
    quarantined: apps.filter(({ state }) => state === 'quarantined').map(({ name }) => name),
    apps: known.map((name) => {
      const of = kept.apps.get(name) ?? NONE;
      return {
        name, answers: answersOf(of), latency: latencyOf(of), started: of[COUNT.started] ?? 0, failed: of[COUNT.failed] ?? 0,
        inFlight: model.ledger.apps.get(name)?.inFlight ?? 0,
      };
    }),
    passed: answersOf(kept.passed), unrouted: answersOf(kept.unrouted),
    starts: starts.parts,
    usage: usageOf(metering.kept), memory: metering.memory(),
  };
}

const NONE: ArrayLike<number> = [];

function answersOf(counts: ArrayLike<number>): Answers {
  return Array.from({ length: COUNT.started - COUNT.status }, (_none, digit) => counts[COUNT.status + digit] ?? 0);
}

function latencyOf(counts: ArrayLike<number>): Distribution {
  return { bounds: LATENCY_S, counts: Array.from({ length: LATENCY_MS.length + 1 }, (_none, at) => counts[COUNT.latency + at] ?? 0), sumS: (counts[COUNT.sumMs] ?? 0) / 1000 };
}
