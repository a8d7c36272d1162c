/** Density: what an app that sleeps costs its host, and whether the others notice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bootHost, type TestHost } from '../../support/host.ts';
import { InHost } from '../agent/in-host.ts';
import { TINY, importTiny } from '../apps.ts';
import { putToSleep, wake } from '../cold/ours.ts';
import type { BenchContext } from '../context.ts';
import { appAt, clear, deepAfter, grow, open, reloadS, sink } from '../density/fleet.ts';
import { besideApps, dropCaches, memoryOf, perApp, sumOf, type Memory } from '../density/memory.ts';
import { interleaved } from '../interleave.ts';
import type { Measured } from '../result.ts';
import { median, ratio } from '../statistics.ts';

const AWAKE = 10;

/** At one number of apps. */
interface Stage {
  readonly apps: number;
  /** Every socket listens, nobody was ever there. `reloadS`: null where it was not measured. */
  readonly open: { readonly memory: Memory; readonly reloadS: number | null };
  readonly deep: { readonly memory: Memory; readonly reloadS: number };
}

type Latency = Readonly<Record<'deep' | 'cold' | 'warm', { readonly few: readonly number[]; readonly many: readonly number[] }>>;

export async function run(context: BenchContext): Promise<Measured> {
  const { host, toy, log, size } = context;
  const sizes = size([10, 1000, 4000, 10_000], [10, 20]);
  // With more, PID 1 of a test host has too few descriptors to hand its sockets over (20 000), and does not reload at all.
  const mostReloaded = 4000;
  await importTiny(host);
  if (!toy) await anew(host);
  const before = await memoryNow(context);
  const stages: Stage[] = [];
  let apps = 0;
  for (const next of sizes) {
    log(`${next} apps`);
    await grow(host, apps, next);
    apps = next;
    await open(host);
    const opened = { memory: perApp(await memoryNow(context), before, apps), reloadS: apps <= mostReloaded ? await reloadsOf(host, size(3, 1)) : null };
    log(`${apps} apps fall into deep sleep`);
    await sink(host);
    if (!toy) await anew(host);
    stages.push({ apps, open: opened, deep: { memory: perApp(await memoryNow(context), before, apps), reloadS: await reloadsOf(host, size(3, 1)) } });
  }
  const few = toy ? host : await fewApps(sizes[0] ?? 0);
  try {
    log('latency, beside a host with few apps');
    const latency = await latencies(context, few);
    log('awake apps, and namespaces that are kept');
    return report(stages, latency, await awakeApps(host), await namespaces(context, size(200, 5)));
  } finally {
    if (few !== host) await few.kill();
    await deepAfter(host, null);
    if (toy) await clear(host);
  }
}

/**
 * What PID 1 has given back is not yet what the kernel has got back: a boot begins with what is needed. Node keeps what
 * its own start needed for half a minute.
 */
async function anew(host: TestHost): Promise<void> {
  await host.reboot();
  await sleep(60_000);
}

/** At full size without what the kernel would give back if it were asked; it is asked of the whole machine. */
async function memoryNow({ host, toy }: BenchContext): Promise<Memory> {
  if (!toy) await dropCaches();
  return await memoryOf(host);
}

async function fewApps(count: number): Promise<TestHost> {
  const few = await bootHost('few');
  await importTiny(few);
  await grow(few, 0, count);
  await sink(few);
  return few;
}

async function reloadsOf(host: TestHost, times: number): Promise<number> {
  const seconds: number[] = [];
  for (let n = 0; n < times; n++) seconds.push(await reloadS(host));
  return median(seconds);
}

async function latencies({ host, size, toy }: BenchContext, few: TestHost): Promise<Latency> {
  const agents = { few: new InHost(few), many: new InHost(host) };
  const hosts = { few, many: host };
  const names = ['few', 'many'] as const;
  const measure = (rounds: number, one: (which: (typeof names)[number], round: number) => Promise<number>): Promise<Record<(typeof names)[number], number[]>> => {
    let now = 0;
    return interleaved(rounds, { few: () => one('few', now), many: () => one('many', now) }, { warmUps: 0, onRound: (round) => { now = round; } });
  };
  try {
    // Each wakes from deep sleep once. (A host that is both has apps for both.)
    const deep = await measure(size(10, 2), async (which, round) =>
      (await wake(agents[which], await appAt(hosts[which], round + (toy && which === 'many' ? 10 : 0)))).firstMs);
    const apps = { few: await appAt(few, 0), many: await appAt(host, 0) };
    const cold = await measure(size(20, 1), async (which) => {
      await putToSleep(hosts[which], apps[which]);
      return (await wake(agents[which], apps[which])).firstMs;
    });
    const warm = await measure(size(400, 5), async (which) => (await wake(agents[which], apps[which])).firstMs);
    return { deep, cold, warm };
  } finally {
    for (const name of names) await agents[name].close();
  }
}

/** Kilobytes, PSS, of what stands beside each app that is awake, by the program's name. */
async function awakeApps(host: TestHost): Promise<ReadonlyMap<string, number>> {
  const agent = new InHost(host);
  try {
    const apps = await Promise.all(Array.from({ length: AWAKE }, (_, index) => appAt(host, index)));
    for (const app of apps) await wake(agent, app);
    const beside = await besideApps(host, apps.map(({ unit }) => unit), 'busybox');
    await putToSleep(host, ...apps);
    return beside;
  } finally {
    await agent.close();
  }
}

/** Kilobytes for each app that was awake and sleeps, with its namespace kept; and what is left of them in deep sleep. */
async function namespaces(context: BenchContext, count: number): Promise<{ readonly kept: number; readonly deep: number; readonly left: number }> {
  const { host } = context;
  await sink(host);
  const before = sumOf(await memoryNow(context));
  await deepAfter(host, 'never');
  const agent = new InHost(host);
  try {
    for (let index = 0; index < count; index++) {
      const app = await appAt(host, index);
      await wake(agent, app);
      await putToSleep(host, app);
    }
  } finally {
    await agent.close();
  }
  const kept = sumOf(await memoryNow(context));
  await sink(host);
  const left = Number(await host.ok("ls /run/netns | grep -c '^fc-density_' || true"));
  return { kept: (kept - before) / count, deep: (sumOf(await memoryNow(context)) - before) / count, left };
}

function report(stages: readonly Stage[], latency: Latency, beside: ReadonlyMap<string, number>, namespace: { readonly kept: number; readonly deep: number; readonly left: number }): Measured {
  const last = stages.at(-1);
  if (last === undefined) throw new Error('nothing was measured');
  const { apps, deep } = last;
  const besideKb = [...beside.values()].reduce((sum, kilobytes) => sum + kilobytes, 0);
  const at = `${apps} apps ÷ ${stages[0]?.apps ?? 0} apps`;
  const total = ({ memory }: { readonly memory: Memory }): number => sumOf(memory);
  return {
    title: 'Density',
    about: [
      `Apps that sleep (${TINY.title}), ${stages.map((stage) => stage.apps).join(', ')} on one host. Listening: systemd holds the socket of each, as from its creation on until nobody has visited it for [host] deep_sleep_s. In deep sleep: no socket, no unit loaded; measured a minute after a boot, because a process keeps what it once needed. Memory is that of PID 1 and fc-proxy (PSS) and of the kernel (slab, after it has given back what it keeps of names and inodes that nobody uses), less what it was without any app. The host's disk is in memory here: the inodes of the apps' files count as the kernel's, as those of a disk would not.`,
      `daemon-reload: what anybody's \`systemctl daemon-reload\` takes, PID 1 doing nothing else. With more than ${apps < 4000 ? apps : 4000} sockets the test host's PID 1 has too few descriptors for it (20 000).`,
      'Latency: first byte of an app through fc-proxy, beside a host with the fewest apps, in turns. Beside an app that is awake: PSS of the processes in its unit but the app itself.',
    ],
    targets: [
      { what: `${apps} sleeping apps: memory`, measure: 'PID 1, fc-proxy and kernel for each app in deep sleep', measured: total(deep), unit: 'KB', reach: { atMost: 60 }, stretch: { atMost: 10 } },
      { what: `${apps} sleeping apps: a daemon-reload by somebody else`, measure: 'for each app in deep sleep', measured: deep.reloadS * 1000 / apps, unit: 'ms', reach: { atMost: 1.5 }, stretch: { atMost: 1000 / apps } },
      { what: 'cold latency', measure: `first byte of an app that sleeps, ${at}`, measured: ratio(latency.cold.many, latency.cold.few), unit: '', reach: { atMost: 1.3 }, stretch: { atMost: 1.05 } },
      { what: 'cold latency from deep sleep', measure: `first byte, ${at}`, measured: ratio(latency.deep.many, latency.deep.few), unit: '', reach: { atMost: 1.3 }, stretch: { atMost: 1.05 } },
      { what: 'warm latency', measure: `first byte, ${at}`, measured: ratio(latency.warm.many, latency.warm.few), unit: '', reach: { atMost: 1.3 }, stretch: { atMost: 1.05 } },
      { what: 'an app that is awake', measure: 'memory beside it (PSS)', measured: besideKb / 1024, unit: 'MB', reach: { atMost: 2 }, stretch: { atMost: 1.2 } },
    ],
    plots: [
      {
        kind: 'lines', name: 'memory', title: 'Memory for each sleeping app', x: { label: 'apps', unit: '', log: true }, y: { label: 'memory for each app', unit: 'KB' },
        series: [
          { name: 'listening', points: stages.map((stage) => [stage.apps, Math.max(0, total(stage.open))] as const) },
          { name: 'in deep sleep', points: stages.map((stage) => [stage.apps, Math.max(0, total(stage.deep))] as const) },
        ],
      },
      {
        kind: 'lines', name: 'reload', title: 'A daemon-reload by somebody else', x: { label: 'apps', unit: '', log: true }, y: { label: 'time', unit: 's' },
        series: [
          { name: 'listening', points: stages.flatMap((stage) => (stage.open.reloadS === null ? [] : [[stage.apps, stage.open.reloadS] as const])) },
          { name: 'in deep sleep', points: stages.map((stage) => [stage.apps, stage.deep.reloadS] as const) },
        ],
      },
    ],
    tables: [
      {
        title: 'For each sleeping app',
        columns: ['apps', 'PID 1, KB', 'fc-proxy, KB', 'kernel, KB', 'daemon-reload, s'],
        rows: stages.flatMap((stage) => [
          [`${stage.apps}, listening`, stage.open.memory.pid1, stage.open.memory.proxy, stage.open.memory.kernel, stage.open.reloadS ?? 'not measured'],
          [`${stage.apps}, in deep sleep`, stage.deep.memory.pid1, stage.deep.memory.proxy, stage.deep.memory.kernel, stage.deep.reloadS],
        ]),
      },
      {
        title: 'Latency, medians, milliseconds',
        columns: ['first byte', `${stages[0]?.apps ?? 0} apps`, `${apps} apps`],
        rows: [
          ['from deep sleep', median(latency.deep.few), median(latency.deep.many)],
          ['asleep', median(latency.cold.few), median(latency.cold.many)],
          ['awake', median(latency.warm.few), median(latency.warm.many)],
        ],
      },
      { title: 'Beside an app that is awake', columns: ['program', 'PSS, KB'], rows: [...beside] },
      {
        title: 'An app that was awake once',
        columns: ['it', 'memory more than before, KB', 'namespaces left'],
        rows: [['sleeps, its namespace is kept', namespace.kept, ''], ['is in deep sleep', namespace.deep, namespace.left]],
      },
    ],
    findings: [],
  };
}
