/** What stands above the table: how the host is, or each host of the fleet. Pure. */
import { ATTENTION } from '../admin/select.ts';
import { APP_STATES, type AppStateName, type FleetStatus, type HostStatus } from '../admin/state.ts';
import type { Colour, Paint } from '../cli/paint.ts';
import { cut, filler, widthOf, wrap } from '../cli/width.ts';
import { printable } from '../model/printable.ts';
import { stateColour } from './columns.ts';
import { age, rate } from './measure.ts';

const say = (text: string): string => printable(text, 500);

export function many(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}

export function total(counts: HostStatus['counts']): number {
  return APP_STATES.filter((state) => state !== 'elsewhere').reduce((sum, state) => sum + counts[state], 0);
}

/** `12 awake, 1 starting`: the states that there are. */
function countsParts(counts: HostStatus['counts'], paint: Paint): readonly Part[] {
  const present = ATTENTION.filter((state) => counts[state] > 0 && state !== 'elsewhere');
  return present.map((state, at) => {
    const plainText = `${counts[state]} ${NAMES[state] ?? state}${at < present.length - 1 ? ',' : ''}`;
    return { text: plainText, painted: paint(stateColour(state), plainText) };
  });
}

/** Where they read better in a sentence. */
const NAMES: Partial<Record<AppStateName, string>> = { deep: 'in deep sleep', 'handing-over': 'handing over' };

interface Part {
  readonly text: string;
  readonly painted: string;
}

/** Parts one after the other, none of them broken. */
function flow(parts: readonly Part[], width: number): readonly string[] {
  const lines: string[] = [];
  let [line, used] = ['', 0];
  for (const { text, painted } of parts) {
    const fits = used === 0 || used + 1 + text.length <= width;
    if (!fits) lines.push(line);
    [line, used] = fits && used > 0 ? [`${line} ${painted}`, used + 1 + text.length] : [painted, text.length];
  }
  return [...lines, line];
}

/** How far fc-sync is; a colour where somebody should look. */
function syncText({ sync, at }: HostStatus): readonly [string, 'red' | 'yellow' | null] {
  if (sync === null) return ['has said nothing yet: systemctl status fc-sync-watch fc-sync.timer', 'yellow'];
  const last = sync.syncedAt === null ? 'never in step with the CMDB' : `in step with the CMDB ${age(at - sync.syncedAt)} ago`;
  if (sync.error !== null) return [`failed ${age(at - sync.triedAt)} ago: ${say(sync.error)}; ${last}`, 'red'];
  return [`${last}${sync.revision === null ? '' : `, revision ${say(sync.revision)}`}`, sync.syncedAt === null ? 'yellow' : null];
}

function proxyText({ proxy }: HostStatus): readonly [string, 'red' | null] {
  if (proxy.processes === 0) return ['no process of it reports: systemctl status fc-proxy', 'red'];
  const parts = [
    many(proxy.processes, 'process', 'processes'), many(proxy.connections, 'connection'), `${rate(proxy.requestsPerS)} requests/s`, `${proxy.inFlight} in flight`,
    `${many(proxy.startsRunning, 'start')} under way`, `${proxy.startsWaiting} waiting`,
  ];
  return [parts.join(', '), null];
}

/** A few lines about one host. */
export function hostSummary(status: HostStatus, width: number, paint: Paint): readonly string[] {
  const labels = [say(status.host), 'fc-proxy', 'fc-sync'] as const;
  const column = Math.min(24, Math.max(...labels.map(widthOf))) + 2;
  const counted = total(status.counts);
  const [proxy, proxyColour] = proxyText(status);
  const [sync, syncColour] = syncText(status);
  const apps = counted === 0 ? 'no apps' : `${many(counted, 'app')}:`;
  const lines = (label: string, colour: Colour | null, texts: readonly string[]): readonly string[] =>
    texts.map((text, at) => (at === 0 ? `${paint(colour, label)}${filler(label, column)}${text}` : ' '.repeat(column) + text));
  const paragraph = (text: string, colour: Colour | null): readonly string[] => wrap(text, width - column).map((line) => paint(colour, line));
  return [
    ...lines(cut(labels[0], column - 2), 'bold', flow([{ text: apps, painted: apps }, ...countsParts(status.counts, paint)], width - column)),
    ...lines(labels[1], null, paragraph(proxy, proxyColour)),
    ...lines(labels[2], null, paragraph(sync, syncColour)),
  ];
}

const GOING: readonly AppStateName[] = ['awake', 'stopping'];
const WAKING: readonly AppStateName[] = ['starting', 'handing-over'];
const TROUBLED: readonly AppStateName[] = ['quarantined', 'rejected'];

/** A line for each host of the fleet. */
export function fleetSummary({ hosts }: FleetStatus, width: number, paint: Paint): readonly string[] {
  const cells = hosts.map((host) => {
    const { status } = host;
    const head = [say(host.name), host.state];
    if (status === null) return { head, numbers: null, tail: say(host.why), colour: 'red' as const };
    const count = (states: readonly AppStateName[]): string => String(states.reduce((sum, state) => sum + status.counts[state], 0));
    const [sync, syncColour] = syncText(status);
    const numbers = [count(GOING), count(WAKING), count(TROUBLED), String(total(status.counts)), rate(status.proxy.requestsPerS), String(status.proxy.inFlight)];
    return { head, numbers, tail: sync, colour: syncColour };
  });
  const titles = ['HOST', 'STATE', 'AWAKE', 'WAKING', 'TROUBLE', 'APPS', 'REQ/S', 'FLIGHT'];
  const widths = titles.map((title, at) => Math.max(title.length, ...cells.map(({ head, numbers }) => widthOf([...head, ...numbers ?? []][at] ?? ''))));
  const pad = (text: string, at: number): string => (at < 2 ? text + filler(text, widths[at] ?? 0) : filler(text, widths[at] ?? 0) + text);
  const before = widths.reduce((sum, columns) => sum + columns + 1, 0) + 1;
  return [
    paint('bold', cut(`${titles.map(pad).join(' ')}  SYNC`, width)),
    ...cells.map(({ head, numbers, tail, colour }) => {
      // A host that says nothing has no numbers: why it does not is worth their room.
      const [left, room] = numbers === null ? [head.map(pad).join(' '), width - (widths[0] ?? 0) - (widths[1] ?? 0) - 3] : [[...head, ...numbers].map(pad).join(' '), width - before];
      return `${cut(left, width)}${room > 0 ? `  ${paint(colour, cut(tail, room))}` : ''}`;
    }),
  ];
}
