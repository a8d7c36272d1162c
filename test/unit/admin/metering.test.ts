import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Use, useOf } from '../../../src/admin/cgroup.ts';
import { usageOf } from '../../../src/admin/meter/meter.ts';
import { Metering } from '../../../src/admin/meter/metering.ts';
import { readRecords } from '../../../src/admin/meter/records.ts';
import type { WatchedUnit } from '../../../src/systemd/unit-watch.ts';
import { until } from '../../support/until.ts';
import { MemoryLog } from '../proxy/support.ts';

const BOOT = 'a'.repeat(32);
const line = (began: number, instance = 'shop-0000000a'): string => `${BOOT} ${instance} ${began} ${began + 1000} ${began + 3_000_000} 5000000 0\n`;

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fc-metering-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

describe('records of runs', () => {
  test('are read once, a line that is being written once it is whole, and files of other names never', async (t) => {
    const folder = await folderFor(t);
    await writeFile(join(folder, '2026-01-01'), line(1) + line(2).slice(0, 20));
    await writeFile(join(folder, 'notes'), line(9));
    const first = await readRecords(folder, new Map());
    assert.deepEqual(first.records.map(({ began }) => began), [1]);
    assert.deepEqual([...first.positions], [['2026-01-01', line(1).length]]);
    await appendFile(join(folder, '2026-01-01'), line(2).slice(20));
    await writeFile(join(folder, '2026-01-02'), `nonsense\n${line(3)}`);
    const second = await readRecords(folder, first.positions);
    assert.deepEqual([second.records.map(({ began }) => began), second.bad], [[2, 3], 1]);
    assert.deepEqual((await readRecords(folder, second.positions)).records, []);
    // What has been taken away needs no place.
    await rm(join(folder, '2026-01-01'));
    assert.deepEqual([...(await readRecords(folder, second.positions)).positions.keys()], ['2026-01-02']);
  });

  test('are read in steps when there are many, and a file without an end of line is passed by', async (t) => {
    const folder = await folderFor(t);
    const many = Array.from({ length: 20_000 }, (_none, at) => line(at)).join('');
    await writeFile(join(folder, '2026-01-01'), many);
    await writeFile(join(folder, '2026-01-02'), 'x'.repeat(3 << 20));
    let positions: ReadonlyMap<string, number> = new Map();
    let records = 0;
    for (let step = 0; step < 5; step++) {
      const read = await readRecords(folder, positions);
      records += read.records.length;
      positions = read.positions;
    }
    assert.equal(records, 20_000);
    assert.deepEqual([...positions], [['2026-01-01', many.length], ['2026-01-02', 3 << 20]]);
  });

  test('are none where there is no folder', async () => {
    assert.deepEqual((await readRecords('/nonexistent', new Map())).records, []);
  });
});

describe('what a cgroup uses', () => {
  async function cgroup(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
    const root = await folderFor(t);
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(root, name, '..'), { recursive: true });
      await writeFile(join(root, name), text);
    }
    return root;
  }

  test('is what the kernel counts', async (t) => {
    const root = await cgroup(t, { 'u.service/cpu.stat': 'usage_usec 1234\nuser_usec 1000\n', 'u.service/memory.current': '4096\n' });
    assert.deepEqual(useOf('/u.service', root), { bytes: 4096, cpuUs: 1234 });
    assert.equal(useOf('/v.service', root), null);
  });

  test('is, where it does not count memory, what processes have, those further down too', async (t) => {
    const root = await cgroup(t, {
      'u.service/cpu.stat': 'usage_usec 1\n', 'u.service/cgroup.procs': '7\n', 'u.service/libpod/container/cgroup.procs': '8\n9\n', 'u.service/libpod/cgroup.procs': '',
      'proc/7/status': 'Name:\tx\nVmRSS:\t    4 kB\n', 'proc/8/status': 'VmRSS:\t   100 kB\n',
    });
    assert.deepEqual(useOf('/u.service', root, join(root, 'proc')), { bytes: 104 * 1024, cpuUs: 1 });
    // Whose processes are hidden uses memory, but nobody knows how much.
    assert.deepEqual(useOf('/u.service', root, join(root, 'none')), { bytes: null, cpuUs: 1 });
  });
});

describe('metering', () => {
  const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);
  const unit = (activeState: WatchedUnit['activeState'], startedUs: number, endedUs = 0): WatchedUnit =>
    ({ unit: 'fc-ctr-shop-0000000a.service', activeState, startedAt: 0, activeAt: 0, changedAt: 0, startedUs, activeUs: startedUs, endedUs });

  async function meteringFor(t: TestContext, folder: string, use: () => Use | null = () => ({ bytes: 1000, cpuUs: 7 })): Promise<Metering> {
    const metering = new Metering({
      file: join(folder, 'meter.json'), records: join(folder, 'runs'), boot: BOOT, log: new MemoryLog(),
      cgroupOf: (name) => Promise.resolve(`/${name}`), useOf: use, apps: new Set<string>(),
    });
    await metering.start();
    t.after(() => metering.close());
    return metering;
  }

  test('looks at what runs, tells what is on the disk, and goes on from there', async (t) => {
    const folder = await folderFor(t);
    const first = await meteringFor(t, folder);
    const began = monotonic() - 2_000_000;
    first.heard([unit('active', began)]);
    first.told(unit('active', began));
    await until(() => first.of('shop').memoryBytes === 1000 || 'not looked at', { timeoutMs: 5000, what: 'its memory' });
    assert.deepEqual([...first.memory()], [['shop', 1000]]);
    assert.equal(usageOf(first.kept).get('shop'), undefined);
    await first.close();
    const kept = usageOf(first.kept).get('shop');
    assert.ok(kept !== undefined && kept.awakeUs >= 2_000_000 && kept.cpuUs === 7 && kept.byteSeconds >= 2000, JSON.stringify(kept));

    const second = await meteringFor(t, folder);
    assert.deepEqual(usageOf(second.kept).get('shop'), kept);
    second.told(unit('inactive', began, began + 10_000_000));
    assert.deepEqual([second.of('shop').awakeSeconds, second.of('shop').memoryBytes], [10, null]);
  });

  test('says that a run goes on as long as it would hear of its end, and no longer', async (t) => {
    const awake = async (hears: boolean): Promise<{ told: number; now: number; awakeUs: number }> => {
      const metering = await meteringFor(t, await folderFor(t), () => null);
      const began = monotonic() - 2_000_000;
      metering.heard(hears ? [] : null);
      metering.told(unit('active', began));
      const told = monotonic() - began;
      await setTimeout(50);
      const now = monotonic() - began;
      await metering.close();
      return { told, now, awakeUs: usageOf(metering.kept).get('shop')?.awakeUs ?? NaN };
    };
    const hearing = await awake(true);
    assert.ok(hearing.awakeUs >= hearing.now, JSON.stringify(hearing));
    const deaf = await awake(false);
    assert.ok(deaf.awakeUs >= 2_000_000 && deaf.awakeUs <= deaf.told, JSON.stringify(deaf));
  });

  test('reads what ended before it began, and sets a file aside that it cannot read', async (t) => {
    const folder = await folderFor(t);
    await mkdir(join(folder, 'runs'));
    await writeFile(join(folder, 'runs', '2026-01-01'), line(1));
    await writeFile(join(folder, 'meter.json'), '{"format":1,');
    const metering = await meteringFor(t, folder);
    assert.equal(metering.of('shop').awakeSeconds, 2.999);
    assert.equal(await readFile(join(folder, 'meter.json.unreadable'), 'utf8'), '{"format":1,');
  });
});
