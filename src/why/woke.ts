/** What woke the app the last time. Pure. */
import type { HostEvent, StartTimes } from '../admin/state.ts';
import type { Facts, GenerationFacts } from './facts.ts';
import { valueOf } from './facts.ts';
import { clientText, requestText } from './requests.ts';
import { say, type Section, type Sentence } from './say.ts';
import { isElsewhere, isUp, routeOf, servingOf, systemdOf } from './standing.ts';
import { ago, duration } from './words.ts';

/** systemd says a container is up, and what woke it is told, not in the same moment. */
const SAME_MS = 2_500;

export function whyWoken(facts: Facts): Section | null {
  if (facts.app === null || isElsewhere(facts) === true) return null;
  const serving = servingOf(facts);
  const up = serving !== null && isUp(serving.container.activeState);
  // An app that is down for want of a start has not been woken; what woke it before is of no interest then.
  if (serving?.container.activeState === 'failed') return null;
  const sentence = reason(facts, serving, up);
  return sentence === null ? null : { title: up ? 'Why did it wake?' : 'What woke it the last time?', wrong: false, sentences: [sentence] };
}

function reason(facts: Facts, serving: GenerationFacts | null, up: boolean): Sentence | null {
  const { app, at } = facts;
  const events = (valueOf(facts.status)?.events ?? []).filter((event) => event.app === app);
  const since = up ? serving?.container.activeSince ?? null : null;
  const isOfNow = (event: HostEvent): boolean => since === null || event.at >= since - SAME_MS;
  const woke = events.findLast((event) => event.kind === 'woke');
  if (woke?.kind === 'woke' && isOfNow(woke) && woke.request !== null) {
    return say(`A request woke it ${ago(woke.at, at)}, and waited ${duration(woke.times.queue + woke.times.start)} for it.`,
      requestText(woke.request), `from ${clientText(woke.request)}`, timesText(woke.times));
  }
  const handedOver = events.findLast((event) => event.kind === 'handed-over' && event.generation === routeOf(facts)?.here?.id);
  if (handedOver?.kind === 'handed-over' && isOfNow({ ...handedOver, at: handedOver.at + SAME_MS })) {
    return say(`fc-sync started it ${ago(handedOver.at, at)} to take over from generation ${handedOver.from}, which was awake: its row has changed, or its lifetime was over.`);
  }
  if (serving === null || since === null) return null;
  if (routeOf(facts)?.here?.leaseS === null) return say('fc-sync started it, as it never sleeps (apps.idle_timeout_s of its row is NULL).');
  const door = doorOf(facts, serving, since);
  if (door !== null) return door;
  if (woke?.kind === 'woke' && isOfNow(woke)) return say(`It woke ${ago(woke.at, at)}, and no request through fc-proxy is known that asked for it: a program connected to its socket or port, or somebody started its unit.`, timesText(woke.times));
  if (valueOf(facts.status) === null) return null;
  return say(`It woke ${ago(since, at)}; what asked for it is not known any more.`, `journalctl -u 'fc-proxy*' --since @${Math.floor(since / 1000) - 60}`);
}

/** The gate is up as long as somebody is connected there; it came up with the container if that is what woke it. */
function doorOf(facts: Facts, { gate, instance }: GenerationFacts, since: number): Sentence | null {
  const near = (from: number | null): boolean => from !== null && Math.abs(from - since) < SAME_MS;
  const port = (systemdOf(facts)?.ports ?? []).find((one) => near(one.gate.activeSince));
  if (port !== undefined) return say(`A connection to port ${port.port} of the host woke it ${ago(since, facts.at)}.`, ...port.clients.slice(0, 5).map((client) => `from ${client}`), port.gate.unit);
  return near(gate.activeSince) ? say(`A program on the host connected to its socket, and woke it ${ago(since, facts.at)}.`, `/run/fastcontainer/${instance}.sock`, gate.unit) : null;
}

function timesText({ queue, start, network, podman, ready }: StartTimes): string {
  const parts = [['network', network], ['podman', podman], ['until it listened', ready]] as const;
  const said = parts.flatMap(([name, ms]) => (ms === undefined ? [] : [`${name} ${Math.round(ms)}`]));
  return `ms: ${Math.round(queue)} in the queue, ${Math.round(start)} to start${said.length === 0 ? '' : ` (${said.join(', ')})`}`;
}
