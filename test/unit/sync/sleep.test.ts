import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerUnit, gateUnit, refuseUnit, socketUnit } from '../../../src/model/names.ts';
import { dueInMs } from '../../../src/sync/due.ts';
import { planSleep, type SleepInput } from '../../../src/systemd/plan-sleep.ts';
import { plan, type PlanInput } from '../../../src/systemd/plan.ts';
import { jsonReport, planLines } from '../../../src/sync/report.ts';
import { generation, input as planInput, observed, serving, type States } from './generations.ts';

const SHOP = 'shop-11111111';
const SOCKET = socketUnit(SHOP);
const NOW = 1_000_000_000;
const AFTER = 60_000;

type Parts = Partial<Omit<SleepInput, 'observed'>> & { readonly observed?: Partial<SleepInput['observed']> };

/** The app was visited long ago, sleeps, and its door is open. */
function input({ observed, ...parts }: Parts = {}): SleepInput {
  return {
    routes: new Map([['shop', { instance: SHOP, socket: SOCKET }]]), alwaysOpen: new Set(), held: new Set(), unsettled: new Set(),
    afterMs: AFTER, nowMs: NOW, ...parts,
    observed: { states: new Map([[SOCKET, 'active']]), links: new Map([['shop', SHOP]]), visits: new Map([[SHOP, NOW - AFTER]]), namespaces: new Set(), ...observed },
  };
}

const SLEEPER = { app: 'shop', instance: SHOP, socket: SOCKET, namespace: false };

describe('deep sleep', () => {
  test('comes to an app that nobody has visited for long', () => {
    assert.deepEqual(planSleep(input()), { deep: new Set(['shop']), sink: [SLEEPER], nextInMs: null });
  });

  test('comes not a moment earlier, and it is known when', () => {
    const result = planSleep(input({ observed: { visits: new Map([[SHOP, NOW - AFTER + 1]]) } }));
    assert.deepEqual(result, { deep: new Set(), sink: [], nextInMs: 1 });
  });

  test('costs nothing once it is there', () => {
    const result = planSleep(input({ observed: { states: new Map(), links: new Map() } }));
    assert.deepEqual(result, { deep: new Set(['shop']), sink: [], nextInMs: null });
  });

  const awakeFor: readonly (readonly [string, Parts])[] = [
    ['an app whose row says that its socket always listens', { alwaysOpen: new Set(['shop']) }],
    ['a host where none ever sleeps so deep', { afterMs: null }],
    ['an app that runs', { observed: { states: new Map([[containerUnit(SHOP), 'active']]) } }],
    ['an app that is being started', { observed: { states: new Map([[containerUnit(SHOP), 'activating']]) } }],
    ['an app that is being stopped', { observed: { states: new Map([[containerUnit(SHOP), 'deactivating']]) } }],
    ['an app whose gate has a client', { observed: { states: new Map([[gateUnit(SHOP), 'active']]) } }],
    ['an app that turns its direct clients away', { observed: { states: new Map([[refuseUnit(SHOP), 'active']]) } }],
    ['a generation of which nothing is known', { observed: { visits: new Map() } }],
    ['an app whose row was rejected while its door was open', { held: new Set(['shop']) }],
  ];
  for (const [what, parts] of awakeFor) {
    test(`does not come to ${what}`, () => {
      const { deep, sink } = planSleep(input(parts));
      assert.deepEqual({ deep, sink }, { deep: new Set(), sink: [] });
    });
  }

  test('stays where it was when the row of the app is rejected', () => {
    const asleep = { states: new Map(), links: new Map<string, string>() };
    assert.deepEqual(planSleep(input({ held: new Set(['shop']), observed: asleep })).deep, new Set(['shop']));
    assert.deepEqual(planSleep(input({ held: new Set(['shop']), observed: { ...asleep, visits: new Map([[SHOP, NOW]]) } })).deep, new Set());
  });

  test('closes nothing of an app that is being handed over, and opens nothing either', () => {
    assert.deepEqual(planSleep(input({ unsettled: new Set(['shop']) })), { deep: new Set(['shop']), sink: [], nextInMs: null });
  });

  const left: readonly (readonly [string, Partial<SleepInput['observed']>])[] = [
    ['a link', { states: new Map() }],
    ['an open door', { links: new Map() }],
    ['a door that failed', { links: new Map(), states: new Map([[SOCKET, 'failed']]) }],
    ['a namespace', { links: new Map(), states: new Map(), namespaces: new Set([SHOP]) }],
  ];
  for (const [what, observed] of left) {
    test(`takes ${what} away that was left`, () => {
      assert.deepEqual(planSleep(input({ observed })).sink, [{ ...SLEEPER, namespace: observed.namespaces !== undefined }]);
    });
  }

  test('comes first to what was left alone longest', () => {
    const instances = Array.from({ length: 3 }, (_, n) => [`app${n}`, `app${n}-11111111`] as const);
    const result = planSleep(input({
      routes: new Map(instances.map(([app, instance]) => [app, { instance, socket: socketUnit(instance) }])),
      observed: { links: new Map(instances), states: new Map(), visits: new Map(instances.map(([, instance], n) => [instance, NOW - AFTER - n])) },
    }));
    assert.deepEqual(result.sink.map(({ app }) => app), ['app2', 'app1', 'app0']);
  });
});

describe('a plan with an app in deep sleep', () => {
  const app = generation('shop', '11111111');
  const links = { shop: app.instance };
  const longAgo = new Map([[app.instance, NOW - AFTER]]);

  function asleep(states: States = {}, linked: Record<string, string> = {}, parts: Partial<PlanInput> = {}, visits = longAgo): ReturnType<typeof plan> {
    return plan(planInput({
      desired: [app], current: new Map([['shop', serving(app)]]), deepSleepMs: AFTER, nowMs: NOW,
      observed: { ...observed([app], states, linked), visits }, ...parts,
    }));
  }

  test('opens nothing of it, and links nothing', () => {
    const result = asleep();
    assert.deepEqual([result.startSockets, [...result.link], result.unlink, result.sleep.sink], [[], [], [], []]);
    assert.deepEqual(planLines(result), ['1 unchanged; deep asleep: 1']);
  });

  test('says which door closes', () => {
    const result = asleep({ [app.units.socket]: 'active' }, links);
    assert.deepEqual(planLines(result), [`  ${app.units.socket}: closes, nobody has visited its app for long (deep sleep)`, '1 unchanged; deep asleep: 1']);
    assert.deepEqual(jsonReport('web1', true, result, [], []).deepAsleep, { count: 1, falling: ['shop'] });
    assert.deepEqual(result.unlink, [], 'its links go with its door, if that closes');
  });

  const woken: readonly (readonly [string, ReturnType<typeof plan>])[] = [
    ['has been visited', asleep({}, {}, {}, new Map([[app.instance, NOW - 1]]))],
    ['is awake', asleep({ [app.units.container]: 'active' })],
    ['must always listen', asleep({}, {}, { alwaysOpen: new Set(['shop']) })],
  ];
  for (const [what, result] of woken) {
    test(`opens its door again once it ${what}`, () => {
      assert.deepEqual([result.startSockets, [...result.link]], [[app.units.socket], Object.entries(links)]);
    });
  }

  test('opens the door of its new generation, which nobody can have visited', () => {
    const next = generation('shop', '22222222');
    const result = asleep({}, {}, { desired: [next] });
    assert.deepEqual(result.steps.map(({ kind }) => kind), ['switch']);
    assert.deepEqual([result.startSockets, [...result.link]], [[next.units.socket], [['shop', next.instance]]]);
  });

  test('calls for the next pass when the next app is due, and soon while some are falling', () => {
    const result = asleep({ [app.units.socket]: 'active' }, links, {}, new Map([[app.instance, NOW - AFTER + 250]]));
    assert.equal(dueInMs(result), 250);
    assert.equal(dueInMs(asleep({ [app.units.socket]: 'active' }, links)), 500);
  });
});
