import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refuseUnit } from '../../../src/model/names.ts';
import { plan, type Plan, type PlanInput } from '../../../src/systemd/plan.ts';
import { planPart } from '../../../src/systemd/plan-part.ts';
import type { Generation } from '../../../src/units/render.ts';
import { generation, input, observed, serving, type States } from './generations.ts';

/** The same numbers in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

const APPS = ['a', 'b', 'c', 'd'];
const GENERATIONS = ['11111111', '22222222', '33333333'];

/** A host in any state, and any wish. */
function situation(random: (below: number) => number): PlanInput {
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const some = <T>(items: readonly T[]): T[] => items.filter(() => random(3) === 0);
  const all = APPS.map((app) => GENERATIONS.map((id) => generation(app, id, { network: app === 'd' ? 'host' : 'private', leaseS: app === 'c' ? null : 60 })));
  const there = all.flat().filter(() => random(3) > 0);
  const states: States = {};
  for (const { instance, units } of there) {
    for (const unit of [units.socket, units.gate, units.container, units.lease, refuseUnit(instance)]) states[unit] = pick(['active', 'active', 'inactive', 'inactive', 'failed', 'activating', 'deactivating']);
  }
  const one = (): Generation[] => all.flatMap((ofApp) => (random(5) === 0 ? [] : [pick(ofApp)]));
  const current = one();
  return input({
    desired: one(),
    current: new Map(current.map((of) => [of.app, serving(of)])),
    observed: { ...observed(there, states, Object.fromEntries(one().map(({ app, instance }) => [app, instance]))), networks: new Set(some(there).map(({ instance }) => instance)), namespaces: new Set(some(there).map(({ instance }) => instance)) },
    alwaysOpen: new Set(some(APPS)), held: new Set(['elsewhere']), busy: new Set(some(some(APPS))), unsettled: new Set(some(APPS)),
    failures: new Map(some(APPS).map((app) => [app, { instance: `${app}-${pick(GENERATIONS)}`, count: 1, atMs: pick([0, 999_999]), why: '' }])),
    ready: new Map(some(APPS).map((app) => [app, `${app}-${pick(GENERATIONS)}`])),
    revert: new Map(some(some(current)).map((of) => [of.app, serving(of)])),
    deepSleepMs: pick([null, 0, 1_000]),
    allowRemovals: true,
  });
}

/** What of a plan is about these apps. */
function of(apps: ReadonlySet<string>, { steps, write, startSockets, startLeases, link, unlink, sleep, retire, refused }: Plan): unknown {
  const unit = (name: string): boolean => [...apps].some((app) => name.includes(`-${app}-`) || name.includes(`@${app}-`));
  return {
    steps: steps.filter(({ app }) => apps.has(app)), write: write.filter(({ app }) => apps.has(app)), startSockets: startSockets.filter(unit), startLeases: startLeases.filter(unit),
    link: [...link].filter(([app]) => apps.has(app)), unlink: unlink.filter((app) => apps.has(app)), deep: [...sleep.deep].filter((app) => apps.has(app)),
    sink: sleep.sink.filter(({ app }) => apps.has(app)), retire: retire.filter(({ app }) => apps.has(app)), refused: refused.filter((app) => apps.has(app)),
  };
}

describe('the plan for some apps', () => {
  test('is what of the whole plan is about them, without a look at the units of others', () => {
    const random = numbers(1);
    let planned = 0;
    for (let n = 0; n < 3_000; n += 1) {
      const whole = situation(random);
      const apps = new Set(APPS.filter(() => random(2) === 0));
      const states = new Map([...whole.observed.states].filter(([unit]) => [...apps].some((app) => unit.includes(`-${app}-`) || unit.includes(`@${app}-`))));
      const part = planPart({ ...whole, observed: { ...whole.observed, states } }, apps, new Set());
      if (part === null) continue;
      planned += 1;
      assert.deepEqual(of(apps, part), of(apps, plan(whole)));
      assert.deepEqual(of(new Set(APPS), part), of(apps, part), 'and nothing else');
    }
    assert.ok(planned > 500, `${planned} of 3000`);
  });

  const [old, fresh, other] = [generation('shop', '11111111'), generation('shop', '22222222'), generation('mail', '11111111')] as const;
  const seen = observed([old, other], { [old.units.socket]: 'active' }, { shop: old.instance });
  const current = new Map([['shop', serving(old)]]);
  const changed = input({ desired: [fresh], current, observed: seen });

  test('takes along the unit files of others that have ended, when it changes files itself', () => {
    const removed = (of: PlanInput, ended: readonly string[]): unknown => planPart(of, new Set(['shop']), new Set(ended))?.retire.filter(({ remove }) => remove).map(({ instance }) => instance);
    assert.deepEqual(removed(changed, [other.instance, 'gone-11111111']), [other.instance]);
    assert.deepEqual(removed(changed, []), []);
    assert.deepEqual(removed(input({ desired: [old], current, observed: seen }), [other.instance]), []);
    const wanted = { ...changed, desired: [fresh, other] };
    assert.deepEqual(removed(wanted, [other.instance]), []);
    const serves = { ...changed, current: new Map([...current, ['mail', serving(other)]]) };
    assert.deepEqual(removed(serves, [other.instance]), []);
  });

  test('cannot be told without the others where an app goes, has a port, or needs an image that is not here', () => {
    const part = (parts: Partial<PlanInput>): Plan | null => planPart({ ...changed, ...parts }, new Set(['shop']), new Set());
    assert.notEqual(part({}), null);
    assert.equal(part({ desired: [] }), null);
    assert.equal(part({ ports: new Map([[25, 'shop']]) }), null);
    assert.notEqual(part({ ports: new Map([[25, 'mail']]) }), null);
    assert.equal(part({ observed: { ...seen, ports: new Map([[25, { instance: old.instance, atBoot: true }]]) } }), null);
    assert.equal(part({ desired: [generation('shop', '22222222', { image: { id: '0123456789abcdef', unit: 'fc-image@0123456789abcdef.service', source: 'x' } as Generation['image'] & object })] }), null);
  });
});
