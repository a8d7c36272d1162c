import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Meter, REMEMBERED_MS, type UnitTimes, usageOf } from '../../../src/admin/meter/meter.ts';
import { parseRecord, type RunRecord } from '../../../src/admin/meter/record.ts';
import type { Usage } from '../../../src/admin/meter/run.ts';
import { keptText, parseKept } from '../../../src/admin/meter/text.ts';

const S = 1e6;
const BOOT = 'a'.repeat(32);
const NEXT_BOOT = 'b'.repeat(32);
const SHOP = 'my_shop-0000000a';

/** Seconds in, what systemd says out. */
function unit(state: 'activating' | 'active' | 'deactivating' | 'inactive', began: number, since: number, ended = 0, instance = SHOP): UnitTimes {
  return { instance, runs: state !== 'inactive', began: began * S, since: since * S, ended: ended * S };
}

function record(began: number, since: number, end: number, cpuS: number | null = null, { boot = BOOT, instance = SHOP }: Partial<RunRecord> = {}): RunRecord {
  const found = parseRecord(`${boot} ${instance} ${began * S} ${since * S} ${end * S} ${cpuS === null ? '[not set]' : cpuS * 1e9} 0`);
  assert.ok(found !== null);
  return found;
}

/** In seconds. */
function used(meter: Meter, app = 'my-shop'): Usage & { readonly runs: number } {
  const state = meter.state();
  const usage = usageOf(state).get(app) ?? { awakeUs: 0, byteSeconds: 0, cpuUs: 0 };
  return { awakeUs: usage.awakeUs / S, byteSeconds: usage.byteSeconds, cpuUs: usage.cpuUs / S, runs: state.accounts.get(app)?.runs ?? 0 };
}

describe('the meter', () => {
  test('a run counts from when its unit is active until it is inactive, by systemd\'s timestamps and not by when they are heard', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('activating', 10, 0), 10.5 * S, 0);
    meter.observe(unit('active', 10, 12), 13 * S, 0);
    meter.observe(unit('deactivating', 10, 12), 20.1 * S, 0);
    meter.observe(unit('inactive', 10, 12, 21.25), 25 * S, 0);
    assert.deepEqual(used(meter), { awakeUs: 9.25, byteSeconds: 0, cpuUs: 0, runs: 1 });
  });

  test('a start that fails costs no time awake, but its CPU time', () => {
    const meter = new Meter(BOOT);
    // Since is that of a run before.
    meter.observe(unit('activating', 100, 50), 100 * S, 0);
    meter.sampled(SHOP, 101 * S, 1000, 0.5 * S, 0);
    meter.observe(unit('inactive', 100, 50, 130), 130 * S, 0);
    assert.deepEqual(used(meter), { awakeUs: 0, byteSeconds: 0, cpuUs: 0.5, runs: 1 });
    meter.recorded(record(100, 50, 130, 0.75), 0);
    assert.equal(used(meter).cpuUs, 0.75);
  });

  test('memory counts as lines between looks, from the start on and to the end', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 10), 10 * S, 0);
    meter.sampled(SHOP, 11 * S, 100, null, 0);
    meter.sampled(SHOP, 21 * S, 300, null, 0);
    assert.equal(used(meter).byteSeconds, 100 + 2000);
    meter.observe(unit('inactive', 10, 10, 23), 23 * S, 0);
    assert.equal(used(meter).byteSeconds, 100 + 2000 + 600);
  });

  test('a run that nobody could look at counts the memory that the app had last', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 10), 10 * S, 0);
    meter.sampled(SHOP, 10 * S, 500, null, 0);
    meter.observe(unit('inactive', 10, 10, 10), 11 * S, 0);
    meter.recorded(record(20, 20, 24, 0.1), 0);
    assert.deepEqual(used(meter), { awakeUs: 4, byteSeconds: 2000, cpuUs: 0.1, runs: 2 });
  });

  test('a run is counted once, whether it was seen, recorded, or both in either order', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 11), 11 * S, 0);
    meter.observe(unit('inactive', 10, 11, 20), 20 * S, 0);
    // A little longer, by another clock.
    meter.recorded(record(10, 11, 20.1, 2), 0);
    meter.recorded(record(10, 11, 20.1, 2), 0);
    assert.deepEqual(used(meter), { awakeUs: 9, byteSeconds: 0, cpuUs: 2, runs: 1 });

    meter.observe(unit('active', 30, 31), 31 * S, 0);
    meter.recorded(record(30, 31, 39, 2), 0);
    // Its unit has not quite ended.
    meter.observe(unit('deactivating', 30, 31), 39 * S, 0);
    meter.observe(unit('inactive', 30, 31, 39.01), 40 * S, 0);
    assert.deepEqual(used(meter), { awakeUs: 17, byteSeconds: 0, cpuUs: 4, runs: 2 });

    meter.recorded(record(50, 51, 60, 2), 0);
    meter.observe(unit('inactive', 50, 51, 60), 61 * S, 0);
    assert.deepEqual(used(meter), { awakeUs: 26, byteSeconds: 0, cpuUs: 6, runs: 3 });
  });

  test('a run of which the end was not heard counts until it was known to run, and the rest when its record comes', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 10), 10 * S, 0);
    meter.sampled(SHOP, 12 * S, 100, null, 0);
    meter.tick(15 * S);
    // The next run.
    meter.observe(unit('active', 30, 31), 31 * S, 0);
    assert.deepEqual(used(meter), { awakeUs: 5, byteSeconds: 500, cpuUs: 0, runs: 1 });
    meter.recorded(record(10, 10, 20, 1), 0);
    assert.deepEqual(used(meter), { awakeUs: 10, byteSeconds: 1000, cpuUs: 1, runs: 1 });
    meter.observeAll([], 35 * S, 0);
    assert.equal(meter.open.length, 0);
    assert.equal(used(meter).runs, 2);
  });

  test('an older word about a unit than the last one changes nothing', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 30, 31), 31 * S, 0);
    meter.observe(unit('inactive', 10, 11, 20), 32 * S, 0);
    assert.equal(meter.open.length, 1);
    assert.equal(used(meter).runs, 0);
  });

  test('nothing ever goes down', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 10), 10 * S, 0);
    meter.sampled(SHOP, 20 * S, 1000, 5 * S, 0);
    meter.tick(25 * S);
    // It had ended already when it was counted until 25.
    meter.observe(unit('inactive', 10, 10, 24), 26 * S, 0);
    meter.recorded(record(10, 10, 23, 4), 0);
    assert.deepEqual(used(meter), { awakeUs: 15, byteSeconds: 15_000, cpuUs: 5, runs: 1 });
  });

  test('generations of an app that run side by side are counted each', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 10), 10 * S, 0);
    meter.observe(unit('active', 12, 12, 0, 'my_shop-0000000b'), 12 * S, 0);
    meter.tick(20 * S);
    assert.equal(used(meter).awakeUs, 18);
  });

  test('a run goes on over a restart of fc-admin, and ends with the boot', () => {
    const first = new Meter(BOOT);
    first.observe(unit('active', 10, 10), 10 * S, 0);
    first.sampled(SHOP, 12 * S, 100, 1 * S, 0);
    first.tick(20 * S);
    const restarted = new Meter(BOOT, first.state());
    restarted.settle(0);
    restarted.observeAll([unit('active', 10, 10)], 40 * S, 0);
    restarted.sampled(SHOP, 42 * S, 300, 2 * S, 0);
    assert.deepEqual(used(restarted), { awakeUs: 32, byteSeconds: 200 + 6000, cpuUs: 2, runs: 0 });

    // The power went, and the clock starts from the beginning.
    const booted = new Meter(NEXT_BOOT, restarted.state());
    booted.settle(0);
    booted.observe(unit('active', 10, 10), 11 * S, 0);
    booted.tick(12 * S);
    assert.deepEqual(used(booted), { awakeUs: 34, byteSeconds: 200 + 6000, cpuUs: 2, runs: 1 });

    // It was shut down in order, and the record says until when it ran.
    const ordered = new Meter(NEXT_BOOT, restarted.state());
    ordered.recorded(record(10, 10, 50, 3), 0);
    ordered.settle(0);
    assert.deepEqual(used(ordered), { awakeUs: 40, byteSeconds: 200 + 6000 + 8 * 300, cpuUs: 3, runs: 1 });
  });

  test('an app that has left is forgotten after its time, one that runs or is here is not', () => {
    const meter = new Meter(BOOT);
    for (const instance of ['gone-00000001', 'runs-00000001', 'here-00000001']) {
      meter.recorded(record(1, 1, 2, 1, { instance }), 1000);
    }
    meter.observe(unit('active', 5, 5, 0, 'runs-00000001'), 5 * S, 1000);
    meter.forget(new Set(['here']), 1000 + REMEMBERED_MS);
    meter.forget(new Set(['here']), 1001 + REMEMBERED_MS);
    assert.deepEqual([...meter.state().accounts.keys()].sort(), ['here', 'runs']);
    assert.equal(meter.state().ended.size, 0);
  });

  test('what is kept is read back as it was', () => {
    const meter = new Meter(BOOT);
    meter.observe(unit('active', 10, 10), 10 * S, 0);
    meter.sampled(SHOP, 12.5 * S, 12345, 1, 7);
    meter.observe(unit('activating', 12, 0, 0, 'other-00000001'), 12 * S, 0);
    meter.recorded(record(1, 1, 2, 1, { instance: 'third-00000001' }), 9);
    const kept = { meter: meter.state(), read: new Map([['2026-01-02', 345]]) };
    const back = parseKept(keptText(kept));
    assert.deepEqual(back, kept);
    assert.deepEqual(new Meter(BOOT, back.meter).state(), kept.meter);
  });

  test('what is kept and is damaged is refused', () => {
    const whole = keptText({ meter: new Meter(BOOT).state(), read: new Map() });
    assert.doesNotThrow(() => parseKept(whole));
    for (const text of ['', '[]', whole.slice(0, -3), whole.replace('"format":1', '"format":2'), whole.replace('"accounts":[]', '"accounts":[["a",[1,2,-3],0,0,0]]'),
      whole.replace('"accounts":[]', '"accounts":[["../a",[1,2,3],0,0,0]]'), whole.replace('"open":[]', '"open":[{}]'), whole.replace('"ended":[]', '"ended":{}')]) {
      assert.throws(() => parseKept(text), Error, text);
    }
  });
});

describe('a record of a run', () => {
  const line = `${BOOT} my_shop-0123abcd 1000 2000 9000 [not set] 50`;

  test('says when it began, was active, ended, and what CPU time it took', () => {
    assert.deepEqual(parseRecord(line), { boot: BOOT, instance: 'my_shop-0123abcd', app: 'my-shop', began: 1000, since: 2000, end: 9050, cpuUs: null });
    assert.equal(parseRecord(line.replace('[not set]', '18446744073709551615'))?.cpuUs, null);
    assert.equal(parseRecord(line.replace('[not set]', '1234567'))?.cpuUs, 1234);
    assert.equal(parseRecord(line.replace(' 2000 ', ' 999 '))?.since, null);
  });

  test('lasts no longer than a clean-up may, whatever the clock did', () => {
    assert.equal(parseRecord(line.replace(/50$/, '-5000000'))?.end, 9000);
    assert.equal(parseRecord(line.replace(/50$/, '86400000000'))?.end, 9000 + 90e6);
  });

  test('is not made of anything else', () => {
    for (const text of ['', line.slice(1), `${line} 1`, line.replace('my_shop', '../x'), line.replace('1000', '-1'), line.replace('2000', ''), line.replace('0123abcd', '0123abcdef')]) {
      assert.equal(parseRecord(text), null, text);
    }
  });
});
