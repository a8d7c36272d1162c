/** What the part `burst` says of what it has measured. */
import { TINY } from '../apps.ts';
import type { Answer } from '../agent/visit.ts';
import type { Measured } from '../result.ts';
import { median, ratio, summarize } from '../statistics.ts';
import { overtaken } from './fairness.ts';

export const OURS = 'fc-proxy';
export const PEER = 'podman start, four at a time';

/** Milliseconds until each of the apps has answered. */
export type Burst = readonly number[];
export type Bursts = Readonly<Record<typeof OURS | typeof PEER, readonly Burst[]>>;

/** From the first request to the last answer. */
export function totalOf(answers: readonly Answer[]): number {
  const last = answers.at(-1);
  return last === undefined ? 0 : (last.beganUs - (answers[0]?.beganUs ?? 0)) / 1000 + last.firstMs;
}

/**
 * @param many of each of the crowd on a host as it is by default, what it was told, and told when it came again
 * @param sent the same on a host where only `room` may wait
 */
export function report({ count, crowd, room }: { readonly count: number; readonly crowd: number; readonly room: number }, bursts: Bursts, many: readonly (readonly Answer[])[], sent: readonly (readonly Answer[])[]): Measured {
  const lasts = { [OURS]: bursts[OURS].map((burst) => Math.max(...burst)), [PEER]: bursts[PEER].map((burst) => Math.max(...burst)) };
  const manyFirst = many.flatMap(([first]) => first ?? []);
  const answered = many.filter((all) => all.at(-1)?.status === 200);
  const unserved = [...many, ...sent].filter((all) => all.at(-1)?.status !== 200);
  const sentAway = sent.filter((all) => all[0]?.status === 503);
  const overtakers = overtaken(manyFirst.map(({ beganUs, firstMs }) => beganUs / 1000 + firstMs));
  return {
    title: 'Bursts',
    about: [
      `${count} different apps (${TINY.title}) sleep and are asked for at the same moment; the time runs until the last of them has answered. ${PEER}: \`xargs -P4\` over ${count} containers that were made ahead, each with a published port, which is asked as soon as \`podman start\` has ended, until it answers 200. ${bursts[OURS].length} rounds, in turns.`,
      `Then ${crowd} at once, on a host as it is by default, ${crowd - count} of them for the first time; and once more on a host where only ${room} requests may wait (\`[proxy] max_waiting\`), so that the others are told 503: each comes again after the time that its \`Retry-After\` named, and must be served then.`,
      `Fair is who is served in the order in which it came. Starts run beside each other and take differently long; counted is by how many that came later a request was overtaken.`,
    ],
    targets: [
      { what: `${count} sleeping apps at once`, measure: `last answer ÷ \`podman start\` of ${count}, four at a time`, measured: ratio(lasts[OURS], lasts[PEER]), unit: '', reach: { atMost: 1.2 }, stretch: { atMost: 1 } },
      { what: `${crowd} at once`, measure: 'requests that were neither answered nor told by 503 when they would be', measured: unserved.length, unit: '', reach: { atMost: 0 }, stretch: null },
      { what: `${crowd} at once, order`, measure: 'requests that came later and were answered before, at most', measured: Math.max(...overtakers), unit: '', reach: { atMost: Math.ceil(crowd / 10) }, stretch: null },
    ],
    plots: [
      {
        kind: 'lines', name: 'answers', title: `${count} sleeping apps at once: answers over time (the median round)`, x: { label: 'since they were asked', unit: 's' }, y: { label: 'answered', unit: 'apps' },
        series: ([OURS, PEER] as const).map((subject) => ({ name: subject, points: curveOf(medianBurst(bursts[subject])) })),
      },
      {
        kind: 'lines', name: 'crowd', title: `${crowd} at once: how long each waited, in the order in which they came`, x: { label: 'place in the order of requests', unit: '' }, y: { label: 'first byte after', unit: 's' },
        series: [{ name: OURS, points: manyFirst.map(({ firstMs }, index) => [index + 1, firstMs / 1000] as const) }],
      },
    ],
    tables: [
      {
        title: `${count} at once, until the last answer`,
        columns: ['subject', '÷ podman start', 'median, ms', 'min, ms', 'max, ms'],
        rows: ([OURS, PEER] as const).map((subject) => {
          const { median: middle, min, max } = summarize(lasts[subject]);
          return [subject, ratio(lasts[subject], lasts[PEER]), middle, min, max];
        }),
      },
      {
        title: `${crowd} at once`,
        columns: ['host', 'answered at once', 'told 503', 'served when they came again', 'neither', 'median wait, s', 'longest wait, s'],
        rows: [crowdRow('as by default', many), crowdRow(`${room} may wait`, sent)],
      },
      {
        title: `${crowd} at once, overtaken by later ones`,
        columns: ['median', 'p99', 'most'],
        rows: [[median(overtakers), summarize(overtakers).p99, Math.max(...overtakers)]],
      },
    ],
    findings: [
      `Of ${crowd}, ${answered.length} were answered, one app every ${(Math.max(...manyFirst.map(({ firstMs }) => firstMs)) / crowd).toFixed(0)} ms. Of those sent away, ${sentAway.filter((all) => all[1]?.status === 200).length} of ${sentAway.length} were served when they came again as told.`,
    ],
  };
}

function crowdRow(name: string, all: readonly (readonly Answer[])[]): (string | number)[] {
  const first = all.filter((answers) => answers[0]?.status === 200);
  const told = all.filter((answers) => answers[0]?.status === 503);
  const again = told.filter((answers) => answers[1]?.status === 200);
  const waits = all.map((answers) => totalOf(answers) / 1000);
  return [name, first.length, told.length, again.length, all.length - first.length - again.length, median(waits), Math.max(...waits)];
}

/** The round whose last answer is the one in the middle. */
function medianBurst(bursts: readonly Burst[]): Burst {
  return [...bursts].sort((a, b) => Math.max(...a) - Math.max(...b))[Math.floor(bursts.length / 2)] ?? [];
}

function curveOf(burst: Burst): (readonly [number, number])[] {
  return [...burst].sort((a, b) => a - b).map((ms, index) => [ms / 1000, index + 1] as const);
}
