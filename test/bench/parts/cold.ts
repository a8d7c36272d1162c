/** Cold starts: the first byte of an app that sleeps. */
import { NODE, TINY, importTiny, type BenchApp } from '../apps.ts';
import { InHost } from '../agent/in-host.ts';
import type { Answer } from '../agent/visit.ts';
import { anatomyOf, middleOf, type Piece } from '../cold/anatomy.ts';
import { addApps, putToSleep, receiptOf, wake, type OurApp } from '../cold/ours.ts';
import { timestampsOf } from '../cold/timestamps.ts';
import type { BenchContext } from '../context.ts';
import { interleaved } from '../interleave.ts';
import { podmanCreate, podmanRemove, podmanRun, podmanStop } from '../peers/podman.ts';
import { installRecipe, removeRecipe, restRecipe, type Recipe } from '../peers/socket-proxyd.ts';
import type { Measured, Target } from '../result.ts';
import { median, ratio, summarize } from '../statistics.ts';

const OURS = 'fc-proxy';
const RUN = 'podman run -d -p, polled';
const SUBJECTS = [OURS, RUN, 'podman start, polled', 'socket-proxyd, podman run', 'socket-proxyd, podman start'] as const;
type Subject = (typeof SUBJECTS)[number];
const KINDS = { tiny: TINY, node: NODE } as const;
/** The part's own ports: 10 for each kind of app. */
const PORTS = { tiny: 18010, node: 18020 } as const;
const SLOW_MS = 1000;
const PLAIN_PORT = 18030;

type Times = Record<Subject, number[]>;

export async function run(context: BenchContext): Promise<Measured> {
  const { host, log, size } = context;
  await importTiny(host);
  const slow = { START_DELAY_MS: String(SLOW_MS) };
  const [tiny, node, slowNode] = await addApps(host, { 'cold-tiny': { app: TINY }, 'cold-node': { app: NODE }, 'cold-slow': { app: NODE, row: { env: slow } } });
  if (tiny === undefined || node === undefined || slowNode === undefined) throw new Error('three apps were made');
  const inHost = new InHost(host);
  try {
    const rounds = size(20, 1);
    const cold = { tiny: await startsOf(context, inHost, 'tiny', tiny, rounds), node: await startsOf(context, inHost, 'node', node, rounds) };
    log('an app that takes a second to start');
    const over = await interleaved(size(20, 1), {
      ours: async () => {
        const { firstMs } = await wake(inHost, slowNode);
        await putToSleep(host, slowNode);
        return firstMs;
      },
      plain: async () => {
        const ms = await inHost.call('start', { command: NODE.plain(PLAIN_PORT), env: slow, ends: false, visit: { port: PLAIN_PORT } });
        await inHost.call('end', null);
        return ms;
      },
    }, { warmUps: size(1, 0) });
    return report(cold, over);
  } finally {
    await inHost.close();
  }
}

interface Starts {
  readonly times: Times;
  readonly anatomy: readonly Piece[];
  /** Medians of the receipt's entries. */
  readonly receipt: readonly (readonly [string, number])[];
}

async function startsOf({ host, log, size }: BenchContext, inHost: InHost, kind: keyof typeof KINDS, ours: OurApp, rounds: number): Promise<Starts> {
  const app = KINDS[kind];
  const port = PORTS[kind];
  const names = { run: `cold-${kind}-run`, start: `cold-${kind}-start` };
  const recipes = [
    { name: `cold-${kind}-new`, container: 'new', port: port + 2, door: port + 3 },
    { name: `cold-${kind}-kept`, container: 'kept', port: port + 4, door: port + 5 },
  ] as const satisfies readonly Recipe[];
  const answers: Answer[] = [];
  const anatomies: Piece[][] = [];
  await podmanCreate(host, app, names.start, port + 1);
  for (const recipe of recipes) await installRecipe(host, app, recipe);
  const byRecipe = (recipe: Recipe) => async (): Promise<number> => {
    const ms = await inHost.call('start', { command: null, ends: true, visit: { port: recipe.door } });
    await restRecipe(host, recipe);
    return ms;
  };
  const warmUps = size(1, 0);
  const times = await interleaved<Subject, number>(rounds, {
    [OURS]: async () => {
      const answer = await wake(inHost, ours);
      const stamps = await timestampsOf(host, ours.unit, ours.unit.replace(/^fc-ctr-(.*)\.service$/, 'fc-$1'));
      answers.push(answer);
      anatomies.push(anatomyOf({ sentUs: answer.beganUs, firstMs: answer.firstMs, appMs: receiptOf(answer).get('fc-app') ?? 0 }, stamps));
      await putToSleep(host, ours);
      return answer.firstMs;
    },
    [RUN]: async () => {
      const ms = await inHost.call('start', { command: podmanRun(app, names.run, port), ends: true, visit: { port } });
      await podmanStop(host, names.run);
      await podmanRemove(host, names.run);
      return ms;
    },
    'podman start, polled': async () => {
      const ms = await inHost.call('start', { command: ['podman', 'start', names.start], ends: true, visit: { port: port + 1 } });
      await podmanStop(host, names.start);
      return ms;
    },
    'socket-proxyd, podman run': byRecipe(recipes[0]),
    'socket-proxyd, podman start': byRecipe(recipes[1]),
  }, { warmUps, onRound: (round) => { log(`${app.title}, round ${round + 1} of ${rounds}`); } });
  await podmanRemove(host, names.start);
  for (const recipe of recipes) await removeRecipe(host, recipe);
  const receipts = answers.slice(warmUps).map(receiptOf);
  const entries = [...(receipts[0]?.keys() ?? [])];
  return {
    times,
    anatomy: middleOf(anatomies.slice(warmUps)),
    receipt: entries.map((name) => [name, median(receipts.map((receipt) => receipt.get(name) ?? 0))] as const),
  };
}

function report(cold: Readonly<Record<keyof typeof KINDS, Starts>>, over: { readonly ours: readonly number[]; readonly plain: readonly number[] }): Measured {
  const kinds = Object.entries(KINDS) as [keyof typeof KINDS, BenchApp][];
  const rounds = cold.tiny.times[OURS].length;
  const pieces = [...new Set(kinds.flatMap(([kind]) => cold[kind].anatomy.map(({ name }) => name)))];
  const pieceOf = (kind: keyof typeof KINDS, name: string): number => cold[kind].anatomy.find((piece) => piece.name === name)?.ms ?? 0;
  return {
    title: 'Cold start',
    about: [
      `An app sleeps; a client on the host asks for it, and the time runs until the first byte of its answer. ${OURS}: with everything as it is by default, user ids of its own, dropped capabilities and all. podman: from the command's begin, while the client tries its published port, one connection after the other with 2 ms between them, until the answer is 200. socket-proxyd: the recipe of systemd-socket-proxyd(8) before a unit as podman-generate-systemd(1) writes it, asked in the same way. ${rounds} rounds, all subjects in each, in changing order.`,
      `Two apps: ${TINY.title}, which listens at once, so that what is left is the way there; and ${NODE.title}, as small as such a one can be, with its runtime's own start. The one that takes a second is that one with a pause of ${SLOW_MS} ms before it listens; its own start is that of the same program outside of any container, by the same client.`,
    ],
    targets: [
      ...kinds.map(([kind, { title }]): Target => ({
        what: `cold start, ${title}`, measure: `first byte through fc-proxy ÷ \`podman run -d -p\` and polling until 200`, measured: ratio(cold[kind].times[OURS], cold[kind].times[RUN]), unit: '', reach: { atMost: 0.75 }, stretch: { atMost: 0.5 },
      })),
      { what: 'cold start, an app that takes 1 s', measure: "time over the app's own start", measured: median(over.ours) - median(over.plain), unit: 'ms', reach: { atMost: 150 }, stretch: { atMost: 100 } },
    ],
    plots: [
      {
        kind: 'bars', name: 'peers', title: 'Cold start: time to the first byte, medians', unit: 'ms', groups: SUBJECTS, whisker: 'p99',
        series: kinds.map(([kind, { title }]) => ({ name: title, values: SUBJECTS.map((subject) => median(cold[kind].times[subject])), whiskers: SUBJECTS.map((subject) => summarize(cold[kind].times[subject]).p99) })),
      },
      { kind: 'stacked', name: 'anatomy', title: 'The anatomy of a cold start through fc-proxy', unit: 'ms', bars: kinds.map(([, { title }]) => title), pieces: pieces.map((name) => ({ name, values: kinds.map(([kind]) => pieceOf(kind, name)) })) },
    ],
    tables: [
      ...kinds.map(([kind, { title }]) => ({
        title: `First byte of ${title}`,
        columns: ['subject', '÷ podman run', 'median, ms', 'p99, ms', 'min, ms', 'max, ms'],
        rows: SUBJECTS.map((subject) => {
          const { median: middle, p99, min, max } = summarize(cold[kind].times[subject]);
          return [subject, ratio(cold[kind].times[subject], cold[kind].times[RUN]), middle, p99, min, max];
        }),
      })),
      {
        title: `An app that takes ${SLOW_MS} ms`,
        columns: ['subject', 'median, ms', 'p99, ms'],
        rows: [[OURS, median(over.ours), summarize(over.ours).p99], ['the plain process', median(over.plain), summarize(over.plain).p99]],
      },
      {
        title: 'The anatomy, milliseconds (means of the middle half of the rounds)',
        columns: ['piece', ...kinds.map(([, { title }]) => title)],
        rows: pieces.map((name) => [name, ...kinds.map(([kind]) => pieceOf(kind, name))]),
      },
      {
        title: 'The receipt (`Server-Timing`), medians, milliseconds',
        columns: ['entry', ...kinds.map(([, { title }]) => title)],
        rows: cold.tiny.receipt.map(([name, ms]) => [name, ms, cold.node.receipt.find(([other]) => other === name)?.[1] ?? 0]),
      },
    ],
    findings: [],
  };
}
