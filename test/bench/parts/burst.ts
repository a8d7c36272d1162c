/** Bursts: many apps that sleep are asked for at once. */
import { InHost } from '../agent/in-host.ts';
import type { Answer } from '../agent/visit.ts';
import { TINY, importTiny } from '../apps.ts';
import { overtaken } from '../burst/fairness.ts';
import { addApps, putToSleep, type OurApp } from '../cold/ours.ts';
import type { BenchContext } from '../context.ts';
import { interleaved } from '../interleave.ts';
import { podmanCreate, podmanRemove, podmanStop } from '../peers/podman.ts';
import type { Measured } from '../result.ts';
import { median, ratio, summarize } from '../statistics.ts';

const OURS = 'fc-proxy';
const PEER = 'podman start, four at a time';
const FIRST_PORT = 18100;
const CONFIG = '/etc/fastcontainer/fastcontainer.ini';

export async function run(context: BenchContext): Promise<Measured> {
  const { host, size, log } = context;
  const count = size(40, 3);
  const crowd = size(200, 6);
  const room = size(100, 3);
  await importTiny(host);
  log(`makes ${crowd} apps, and ${count} containers`);
  const apps = await addApps(host, Object.fromEntries(numbers(crowd).map((n) => [`burst-${n}`, { app: TINY }])));
  const inHost = new InHost(host);
  try {
    const bursts = await sideBySide(context, inHost, apps.slice(0, count));
    log(`${crowd} at once`);
    const many = await crowdOf(context, inHost, apps);
    log(`${crowd} at once, of which ${room} may wait`);
    await host.ok(`cp ${CONFIG} ${CONFIG}.bench && printf '\\n[proxy]\\nmax_waiting = ${room}\\n' >>${CONFIG} && systemctl restart fc-proxy`);
    const sent = await crowdOf(context, inHost, apps);
    await host.ok(`mv ${CONFIG}.bench ${CONFIG} && systemctl restart fc-proxy`);
    return report(count, crowd, room, bursts, many, sent);
  } finally {
    await inHost.close();
  }
}

/** Milliseconds until each of the apps has answered. */
type Burst = readonly number[];

async function sideBySide({ host, size, log }: BenchContext, inHost: InHost, apps: readonly OurApp[]): Promise<Record<typeof OURS | typeof PEER, Burst[]>> {
  const names = apps.map(({ name }) => `bench-${name}`);
  for (const [index, name] of names.entries()) await podmanCreate(host, TINY, name, FIRST_PORT + index);
  const command = `seq 0 ${apps.length - 1} | xargs -P4 -I{} sh -c 'podman start bench-burst-{} >/dev/null && echo {}'`;
  const rounds = size(8, 1);
  const bursts = await interleaved<typeof OURS | typeof PEER, Burst>(rounds, {
    [OURS]: async () => {
      const answers = await crowdOf({ host }, inHost, apps);
      const failed = answers.flat().filter(({ status }) => status !== 200);
      if (failed.length > 0) throw new Error(`${failed.length} of ${apps.length} were not answered with 200: ${JSON.stringify(failed[0])}`);
      return answers.map((all) => totalOf(all));
    },
    [PEER]: async () => {
      const burst = await inHost.call('startMany', { command: ['sh', '-c', command], visits: names.map((_, index) => ({ port: FIRST_PORT + index })) });
      await podmanStop(host, ...names);
      return burst;
    },
  }, { warmUps: size(1, 0), onRound: (round) => { log(`${apps.length} at once, round ${round + 1} of ${rounds}`); } });
  await podmanRemove(host, ...names);
  return bursts;
}

/** One visit of each, all at once; afterwards they sleep again. @returns what each was told, and told when it came again */
async function crowdOf({ host }: Pick<BenchContext, 'host'>, inHost: InHost, apps: readonly OurApp[]): Promise<Answer[][]> {
  const answers = await inHost.call('crowd', apps.map(({ name }) => ({ port: 80, domain: `${name}.test` })));
  // A few at a time: each end is a podman of its own.
  for (let first = 0; first < apps.length; first += 20) await putToSleep(host, ...apps.slice(first, first + 20));
  return answers;
}

/** From the first request to the last answer. */
function totalOf(answers: readonly Answer[]): number {
  const last = answers.at(-1);
  return last === undefined ? 0 : (last.beganUs - (answers[0]?.beganUs ?? 0)) / 1000 + last.firstMs;
}

function report(count: number, crowd: number, room: number, bursts: Record<typeof OURS | typeof PEER, Burst[]>, many: Answer[][], sent: Answer[][]): Measured {
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
        rows: [['as by default', many], [`${room} may wait`, sent]].map(([name, all]) => crowdRow(name as string, all as Answer[][])),
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

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
