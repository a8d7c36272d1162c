/** Cold starts: the first byte of an app that sleeps. */
import { NODE, TINY, importTiny } from '../apps.ts';
import { InHost } from '../agent/in-host.ts';
import type { Answer } from '../agent/visit.ts';
import { anatomyOf, middleOf, type Piece } from '../cold/anatomy.ts';
import { addApps, putToSleep, receiptOf, wake, type OurApp } from '../cold/ours.ts';
import { KINDS, OURS, RUN, SLOW_MS, report, type Starts, type Times } from '../cold/report.ts';
import { timestampsOf } from '../cold/timestamps.ts';
import type { BenchContext } from '../context.ts';
import { interleaved } from '../interleave.ts';
import { podmanCreate, podmanRemove, podmanRun, podmanStop } from '../peers/podman.ts';
import { installRecipe, removeRecipe, restRecipe, type Recipe } from '../peers/socket-proxyd.ts';
import type { Measured } from '../result.ts';
import { median } from '../statistics.ts';

const START = 'podman start, polled';
const RECIPES = { 'socket-proxyd, podman run': 'new', 'socket-proxyd, podman start': 'kept' } as const;
/** The part's own ports: 10 for each kind of app. */
const PORTS = { tiny: 18010, node: 18020 } as const;
const PLAIN_PORT = 18030;

export async function run(context: BenchContext): Promise<Measured> {
  const { host, log, size } = context;
  await importTiny(host);
  const slow = { START_DELAY_MS: String(SLOW_MS) };
  const [tiny, node, slowNode] = await addApps(host, { 'cold-tiny': { app: TINY }, 'cold-node': { app: NODE }, 'cold-slow': { app: NODE, row: { env: slow } } });
  if (tiny === undefined || node === undefined || slowNode === undefined) throw new Error('three apps were made');
  const inHost = new InHost(host);
  try {
    const rounds = size(20, 1);
    // What the recipe costs more than podman alone is the same for all apps.
    const cold = { tiny: await startsOf(context, inHost, 'tiny', tiny, rounds, RECIPES), node: await startsOf(context, inHost, 'node', node, rounds, {}) };
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
    }, { warmUps: size(1, 0), budget: { ms: 45_000, least: 7 } });
    return report(cold, over);
  } finally {
    await inHost.close();
  }
}

async function startsOf({ host, log, size }: BenchContext, inHost: InHost, kind: keyof typeof KINDS, ours: OurApp, rounds: number, recipes: Readonly<Record<string, Recipe['container']>>): Promise<Starts> {
  const app = KINDS[kind];
  const port = PORTS[kind];
  const names = { run: `cold-${kind}-run`, start: `cold-${kind}-start` };
  const installed = Object.entries(recipes).map(([subject, container], index): readonly [string, Recipe] =>
    [subject, { name: `cold-${kind}-${container}`, container, port: port + 2 + 2 * index, door: port + 3 + 2 * index }]);
  const answers: Answer[] = [];
  const anatomies: Piece[][] = [];
  await podmanCreate(host, app, names.start, port + 1);
  for (const [, recipe] of installed) await installRecipe(host, app, recipe);
  const warmUps = size(1, 0);
  const times: Times = await interleaved(rounds, {
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
      await podmanRemove(host, names.run);
      return ms;
    },
    [START]: async () => {
      const ms = await inHost.call('start', { command: ['podman', 'start', names.start], ends: true, visit: { port: port + 1 } });
      await podmanStop(host, names.start);
      return ms;
    },
    ...Object.fromEntries(installed.map(([subject, recipe]) => [subject, async () => {
      const ms = await inHost.call('start', { command: null, ends: true, visit: { port: recipe.door } });
      await restRecipe(host, recipe);
      return ms;
    }])),
  }, { warmUps, budget: { ms: 90_000, least: 7 }, onRound: (round) => { log(`${app.title}, round ${round + 1} of ${rounds}`); } });
  await podmanRemove(host, names.start);
  for (const [, recipe] of installed) await removeRecipe(host, recipe);
  const receipts = answers.slice(warmUps).map(receiptOf);
  const entries = [...(receipts[0]?.keys() ?? [])];
  return {
    times,
    anatomy: middleOf(anatomies.slice(warmUps)),
    receipt: entries.map((name) => [name, median(receipts.map((receipt) => receipt.get(name) ?? 0))] as const),
  };
}
