/** Why the app is awake, or why it sleeps. Pure. */
import type { InFlight } from '../admin/state.ts';
import type { Facts, GenerationFacts, PortFacts, UnitFacts } from './facts.ts';
import { valueOf } from './facts.ts';
import { clientText, requestText } from './requests.ts';
import { say, type Section, type Sentence } from './say.ts';
import { hostName, isElsewhere, isUp, oldOnes, routeOf, servingOf, systemdOf } from './standing.ts';
import { ago, ahead, counted, duration } from './words.ts';

export function whyAwake(facts: Facts): Section | null {
  if (facts.app === null || isElsewhere(facts) === true) return null;
  const serving = servingOf(facts);
  if (serving === null) return null;
  const up = isUp(serving.container.activeState);
  // Why it did not start is a section of its own.
  if (!up && (serving.container.activeState === 'failed' || serving.failedAt !== null || facts.state?.state === 'quarantined')) return null;
  const sentences = [...(up ? holders(facts, serving) : asleep(facts, serving)), ...leftovers(facts)];
  return { title: up ? 'Why is it awake?' : 'Why is it not awake?', wrong: false, sentences };
}

/** What keeps it awake, what ends last first. */
function holders(facts: Facts, serving: GenerationFacts): readonly Sentence[] {
  const { at } = facts;
  const ports = systemdOf(facts)?.ports ?? [];
  const held = [...inFlight(facts), ...throughGate(facts, serving), ...ports.flatMap((port) => throughPort(port, at))];
  const never = routeOf(facts)?.here?.leaseS === null;
  const leases = serving.leases.filter(({ activeState }) => activeState === 'active').map((lease) => leaseSentence(facts, lease));
  const first = never ? [say('It never sleeps: apps.idle_timeout_s of its row is NULL.', ...serving.leases.map(({ unit }) => unit))] : [];
  const said = [...first, ...held, ...(never ? [] : leases)];
  if (said.length > 0) return [...said, ...lastRequest(facts)];
  if (serving.container.activeState !== 'active') return [];
  return [say('Nothing of FastContainer holds it awake: systemd stops it, unless somebody else requires its unit.',
    `systemctl list-dependencies --reverse ${serving.container.unit}`), ...lastRequest(facts)];
}

const SHOWN = 8;

const DOING: Readonly<Record<InFlight['requests'][number]['doing'], string>> = { waiting: 'waiting for the start: ', request: '', upgrade: 'WebSocket or the like: ' };

function inFlight({ inFlight: seen, at }: Facts): readonly Sentence[] {
  const { count, requests } = valueOf(seen) ?? { count: 0, requests: [] };
  if (count === 0) return [];
  const sockets = requests.filter(({ doing }) => doing === 'upgrade').length;
  // Of many, the first are told.
  const what = count > requests.length || sockets === 0 ? counted(count, 'request')
    : [...(count > sockets ? [counted(count - sockets, 'request')] : []), counted(sockets, 'WebSocket')].join(' and ');
  return [say(`${what} ${count === 1 ? 'is' : 'are'} in flight through fc-proxy; while ${count === 1 ? 'it is' : 'any is'}, the app stays awake.`,
    ...requests.slice(0, SHOWN).map(({ request, doing }) => `${DOING[doing]}${requestText(request)} since ${ago(request.at, at)}, from ${clientText(request)}`),
    count > SHOWN && `and ${count - SHOWN} more`)];
}

function throughGate(facts: Facts, { gate, connections, instance }: GenerationFacts): readonly Sentence[] {
  const { at } = facts;
  // What comes in at a port goes through the socket, too.
  const byPort = (systemdOf(facts)?.ports ?? []).reduce((sum, { clients }) => sum + clients.length, 0);
  if (!isUp(gate.activeState) || (byPort > 0 && byPort >= (connections ?? 0))) return [];
  const what = connections === null ? 'Somebody has, or had just now, a connection' : connections === 0 ? 'Somebody had a connection just now' : `${counted(connections, 'connection')} ${connections === 1 ? 'is' : 'are'} open`;
  return [say(`${what} through its socket, past fc-proxy: its gate holds it awake.`,
    `${gate.unit}: ${gate.activeState}${gate.activeSince === null ? '' : ` since ${ago(gate.activeSince, at)}`}`,
    `/run/fastcontainer/${instance}.sock${connections === null ? '' : `: ${counted(connections, 'connection')}`}`)];
}

function throughPort({ port, gate, clients }: PortFacts, at: number): readonly Sentence[] {
  if (!isUp(gate.activeState) && clients.length === 0) return [];
  const what = clients.length === 0 ? 'Somebody had a connection just now' : `${counted(clients.length, 'connection')} ${clients.length === 1 ? 'is' : 'are'} open`;
  return [say(`${what} at port ${port} of the host (placements.listen_port): that holds it awake.`,
    ...clients.slice(0, SHOWN).map((client) => `from ${client}`), clients.length > SHOWN && `and ${clients.length - SHOWN} more`,
    `${gate.unit}: ${gate.activeState}${gate.activeSince === null ? '' : ` since ${ago(gate.activeSince, at)}`}`)];
}

function leaseSentence(facts: Facts, lease: UnitFacts): Sentence {
  const { at } = facts;
  const leaseS = routeOf(facts)?.here?.leaseS ?? null;
  const length = leaseS === null ? '' : ` of ${duration(leaseS * 1000)}`;
  if (lease.elapsesAt === null) return say(`Its lease${length} holds it.`, `${lease.unit}: ${lease.activeState}`);
  return say(`Its lease${length} runs out ${ahead(lease.elapsesAt, at)}, unless somebody asks for it before then.`,
    `${lease.unit}: ${lease.activeState} (${lease.subState})`);
}

function lastRequest({ state, at }: Facts): readonly Sentence[] {
  const last = state?.last ?? null;
  return last === null ? [] : [say(`The last request came ${ago(last.at, at)}.`, `${requestText(last)} from ${clientText(last)}`)];
}

function asleep(facts: Facts, serving: GenerationFacts): readonly Sentence[] {
  const { app, at, state } = facts;
  const events = valueOf(facts.status)?.events ?? [];
  const slept = events.findLast((event) => event.kind === 'slept' && event.app === app);
  const leaseS = routeOf(facts)?.here?.leaseS ?? null;
  const said: Sentence[] = [];
  if (facts.imageFailure === null) {
    if (routeOf(facts) === null) return lastRequest(facts);
    said.push(say(leaseS === null ? 'It should never sleep (apps.idle_timeout_s of its row is NULL), and will be started by fc-sync.'
      : slept === undefined && serving.container.since === null ? 'Nobody has asked for it of late; the next request wakes it.'
        : `Nobody asked for it for ${duration(leaseS * 1000)} (apps.idle_timeout_s), so it was stopped; the next request wakes it.`,
    slept?.kind === 'slept' && `fell asleep ${ago(slept.at, at)}, after ${duration(slept.awakeMs)} awake`,
    `${serving.container.unit}: ${serving.container.activeState} (${serving.container.subState})`));
  }
  if (state?.state === 'deep') said.push(say('Nobody has visited it for so long that it is in deep sleep: its socket is closed, and fc-proxy alone wakes it ([host] deep_sleep_s, apps.socket).'));
  return [...said, ...lastRequest(facts)];
}

/** Old generations that still run. */
function leftovers(facts: Facts): readonly Sentence[] {
  return oldOnes(facts).map(({ instance, container, leases, gate, connections }) => {
    const why = [
      ...(isUp(gate.activeState) ? [`${connections === null ? 'connections' : counted(connections, 'connection')} through its socket`] : []),
      ...leases.filter(({ activeState }) => activeState === 'active').map(({ elapsesAt }) => (elapsesAt === null ? 'a lease' : `a lease that runs out ${ahead(elapsesAt, facts.at)}`)),
    ];
    return say(`Another generation of it runs on ${hostName(facts)}, too, and gets no new requests.`,
      `${container.unit}: ${container.activeState}${why.length === 0 ? '' : `, held by ${why.join(' and ')}`}`,
      `journalctl -u ${container.unit} (${instance})`);
  });
}
