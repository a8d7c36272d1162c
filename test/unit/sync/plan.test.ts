import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refuseUnit } from '../../../src/model/names.ts';
import { type Failure, type Observed, plan, retryPauseMs } from '../../../src/systemd/plan.ts';
import { type Image, imageOf } from '../../../src/units/image.ts';
import type { Generation } from '../../../src/units/render.ts';
import { generation, input, observed, serving, type States } from './generations.ts';

const A1 = generation('shop', '11111111');
const A2 = generation('shop', '22222222');
const listening: States = { [A1.units.socket]: 'active' };
const awake: States = { ...listening, [A1.units.container]: 'active', [A1.units.lease]: 'active' };
const current = new Map([['shop', serving(A1)]]);
const links = { shop: A1.instance };

function kinds(result: ReturnType<typeof plan>): readonly string[] {
  return result.steps.map((step) => `${step.app}:${step.kind}`);
}

describe('a new app', () => {
  test('is written, listens and is linked at once', () => {
    const result = plan(input({ desired: [A1] }));
    assert.deepEqual(kinds(result), ['shop:create']);
    assert.deepEqual(result.write, [A1]);
    assert.deepEqual(result.startSockets, [A1.units.socket]);
    assert.deepEqual([...result.link], [['shop', A1.instance]]);
    assert.deepEqual(result.retire, []);
  });

  test('that never sleeps is woken', () => {
    const never = generation('shop', '11111111', { leaseS: null });
    assert.deepEqual(plan(input({ desired: [never] })).startLeases, [never.units.lease]);
    assert.deepEqual(plan(input({ desired: [A1] })).startLeases, []);
  });
});

describe('an app as it should be', () => {
  test('costs nothing', () => {
    const result = plan(input({ desired: [A1], current, observed: observed([A1], listening, links) }));
    assert.deepEqual(kinds(result), ['shop:unchanged']);
    assert.deepEqual({ ...result, steps: [] }, {
      steps: [], write: [], startSockets: [], images: { write: [], start: [], drop: [], failed: [] }, startLeases: [], link: new Map(), unlink: [],
      ports: { lead: [], open: [], close: [] }, sleep: { deep: new Set(), sink: [], nextInMs: null }, retire: [], refused: [],
    });
  });

  test('is repaired where something is missing: a file, a socket that failed, a link', () => {
    const result = plan(input({
      desired: [A1], current,
      observed: { ...observed([], { [A1.units.socket]: 'failed' }), onDisk: new Map([[A1.instance, { complete: false }]]) },
    }));
    assert.deepEqual(result.write, [A1]);
    assert.deepEqual(result.startSockets, [A1.units.socket]);
    assert.deepEqual([...result.link], [['shop', A1.instance]]);
  });
});

describe('a changed app', () => {
  test('that sleeps changes its route at once', () => {
    const result = plan(input({ desired: [A2], current, observed: observed([A1], listening, links) }));
    assert.deepEqual(kinds(result), ['shop:switch']);
    assert.deepEqual([...result.link], [['shop', A2.instance]]);
    assert.deepEqual(result.retire, [], 'the old generation is let go by a later pass, once clients have followed the route');
  });

  for (const state of ['active', 'activating', 'deactivating'] as const) {
    test(`that is ${state} is handed over, and keeps its route and its link until then`, () => {
      const result = plan(input({ desired: [A2], current, observed: observed([A1], { ...listening, [A1.units.container]: state }, links) }));
      assert.deepEqual(kinds(result), ['shop:handOver']);
      assert.deepEqual(result.write, [A2]);
      assert.deepEqual(result.startSockets, [A2.units.socket]);
      assert.deepEqual([...result.link], []);
    });
  }

  test('changes its route once the new generation is ready', () => {
    const result = plan(input({ desired: [A2], current, ready: new Map([['shop', A2.instance]]), observed: observed([A1, A2], awake, links) }));
    assert.deepEqual(kinds(result), ['shop:switch']);
  });

  test('does not take a ready generation for one that is wanted no more', () => {
    const A3 = generation('shop', '33333333');
    const result = plan(input({ desired: [A3], current, ready: new Map([['shop', A2.instance]]), observed: observed([A1, A2], awake, links) }));
    assert.deepEqual(kinds(result), ['shop:handOver']);
  });

  test('is left alone while its hand-over is under way', () => {
    const result = plan(input({ desired: [A2], current, busy: new Set(['shop']), observed: observed([A1, A2], awake, links) }));
    assert.deepEqual(kinds(result), ['shop:busy']);
    assert.deepEqual(result.retire, []);
  });

  test('on the host network is replaced, and goes back when that failed', () => {
    const old = generation('shop', '11111111', { network: 'host' });
    const fresh = generation('shop', '22222222', { network: 'host' });
    const was = serving(old);
    const replace = plan(input({ desired: [fresh], current: new Map([['shop', was]]), observed: observed([old], awake, links) }));
    assert.deepEqual(kinds(replace), ['shop:replace']);
    const back = plan(input({
      desired: [fresh], current: new Map([['shop', serving(fresh)]]), revert: new Map([['shop', was]]), observed: observed([old, fresh], {}, { shop: fresh.instance }),
    }));
    assert.deepEqual(kinds(back), ['shop:revert']);
    assert.deepEqual([...back.link], [['shop', old.instance]]);
    assert.deepEqual(back.retire, []);
  });
});

describe('a generation that failed to start', () => {
  const failure: Failure = { instance: A2.instance, count: 1, atMs: 1_000_000, why: 'it exited with status 1' };
  const base = { desired: [A2], current, observed: observed([A1, A2], awake, links), failures: new Map([['shop', failure]]) };

  test('is not tried again before its pause is over, and the old one keeps everything', () => {
    const result = plan(input({ ...base, nowMs: failure.atMs + retryPauseMs(1) - 1 }));
    assert.deepEqual(kinds(result), ['shop:failed']);
    assert.deepEqual([...result.link], []);
    assert.deepEqual(result.retire, []);
  });

  test('is tried again after it', () => {
    assert.deepEqual(kinds(plan(input({ ...base, nowMs: failure.atMs + retryPauseMs(1) }))), ['shop:handOver']);
  });

  test('must prove itself also when the old one sleeps by now', () => {
    const result = plan(input({ ...base, observed: observed([A1, A2], listening, links), nowMs: failure.atMs + retryPauseMs(1) }));
    assert.deepEqual(result.steps.map((step) => step.kind === 'handOver' && step.proof), [true]);
  });

  test('says nothing about another one', () => {
    const A3 = generation('shop', '33333333');
    assert.deepEqual(kinds(plan(input({ ...base, desired: [A3] }))), ['shop:handOver']);
  });

  test('pauses longer each time, up to an hour', () => {
    assert.deepEqual([1, 2, 3, 7, 50].map(retryPauseMs), [60_000, 120_000, 240_000, 3_600_000, 3_600_000]);
  });
});

describe('an old generation', () => {
  const next = new Map([['shop', serving(A2)]]);
  const retire = (states: States, unsettled = false): unknown =>
    plan(input({
      desired: [A2], current: next, observed: observed([A1, A2], { [A2.units.socket]: 'active', ...states }, { shop: A2.instance }),
      unsettled: new Set(unsettled ? ['shop'] : []),
    })).retire.map(({ closeSocket, remove, waitingFor }) => ({ closeSocket, remove, waitingFor }));

  test('keeps its socket while clients may be on their way to it', () => {
    assert.deepEqual(retire(awake, true), [{ closeSocket: false, remove: false, waitingFor: 'settling' }]);
  });

  test('keeps its socket while it starts', () => {
    for (const unit of [A1.units.gate, A1.units.container]) {
      assert.deepEqual(retire({ ...listening, [unit]: 'activating' }), [{ closeSocket: false, remove: false, waitingFor: 'starting' }]);
    }
  });

  test('then loses its socket, and nothing else, while it is awake', () => {
    assert.deepEqual(retire(awake), [{ closeSocket: true, remove: false, waitingFor: 'closing' }]);
  });

  test('keeps its socket while its gate runs, for systemd could not open it again', () => {
    for (const gate of ['active', 'deactivating'] as const) {
      assert.deepEqual(retire({ ...awake, [A1.units.gate]: gate }), [{ closeSocket: false, remove: false, waitingFor: 'idling' }]);
    }
  });

  for (const [what, unit] of [['container', A1.units.container], ['gate', A1.units.gate], ['lease', 'fc-lease-5s@shop-11111111.timer']] as const) {
    test(`is not removed while its ${what} runs`, () => {
      assert.deepEqual(retire({ [unit]: 'active' }), [{ closeSocket: false, remove: false, waitingFor: 'idling' }]);
    });
  }

  test('is not removed while its door is closed for a moment, and would open again', () => {
    assert.deepEqual(retire({ [refuseUnit(A1.instance)]: 'active' }), [{ closeSocket: false, remove: false, waitingFor: 'closing' }]);
  });

  test('is removed when nothing of it runs, also when something of it failed', () => {
    assert.deepEqual(retire({}), [{ closeSocket: false, remove: true, waitingFor: null }]);
    assert.deepEqual(retire({ [A1.units.container]: 'failed', [A1.units.gate]: 'failed' }), [{ closeSocket: false, remove: true, waitingFor: null }]);
  });

  describe('that has ended', () => {
    const A3 = generation('shop', '33333333');
    const kept = (parts: Parameters<typeof input>[0], old: readonly Generation[] = [A1]): unknown =>
      plan(input({ desired: [A2], current: next, observed: observed([...old, A2], { [A2.units.socket]: 'active' }, { shop: A2.instance }), keepFiles: true, ...parts }))
        .retire.map(({ instance, remove, waitingFor }) => ({ instance, remove, waitingFor }));
    const goes = [{ instance: A1.instance, remove: true, waitingFor: null }];

    test('leaves unit files until others change', () => {
      assert.deepEqual(kept({}), [{ instance: A1.instance, remove: false, waitingFor: 'ended' }]);
      assert.deepEqual(kept({ keepFiles: false }), goes);
      assert.deepEqual(kept({ desired: [A3] }), goes);
    });

    test('leaves nothing when its app is gone, whatever is left of others', () => {
      const mail = generation('mail', '11111111');
      // One app of two: no row says why, and it is not more than half.
      assert.deepEqual(kept({}, [A1, mail]), [{ instance: mail.instance, remove: true, waitingFor: null }, ...goes]);
    });

    test('leaves nothing when there are many', () => {
      const many = Array.from({ length: 101 }, (_, n) => generation('shop', `4${String(n).padStart(7, '0')}`));
      assert.deepEqual([kept({}, many.slice(1)), kept({}, many)].map((retirements) => (retirements as { remove: boolean }[]).filter(({ remove }) => remove).length), [0, 101]);
    });

    test('is written again before it serves again', () => {
      const left = { ...observed([A1, A2], { [A2.units.socket]: 'active' }, { shop: A2.instance }), networks: new Set([A2.instance]) };
      assert.deepEqual(plan(input({ desired: [A1], current: next, observed: left })).write, [A1]);
      assert.deepEqual(plan(input({ desired: [A1], current: next, observed: { ...left, networks: new Set([A1.instance, A2.instance]) } })).write, []);
      const [from, to] = ['11111111', '22222222'].map((id) => generation('shop', id, { network: 'host' })) as [Generation, Generation];
      assert.deepEqual(plan(input({ desired: [to], current: new Map([['shop', serving(from)]]), observed: observed([from, to], listening, links) })).write, [to]);
      assert.deepEqual(plan(input({ desired: [from], current: new Map([['shop', serving(from)]]), observed: observed([from, to], listening, links) })).write, []);
    });
  });

  test('that never slept gets a lease that ends', () => {
    const result = plan(input({
      desired: [A2], current: next,
      observed: observed([A1, A2], { ...listening, 'fc-lease-never@shop-11111111.timer': 'active', [A1.units.container]: 'active' }, { shop: A2.instance }),
    }));
    assert.deepEqual(result.retire.map(({ endLease }) => endLease), ['fc-lease-never@shop-11111111.timer']);
  });
});

describe('removal', () => {
  const apps = ['a', 'b', 'c', 'd'].map((app) => generation(app, '11111111'));
  const all = new Map(apps.map((one) => [one.app, serving(one)]));
  const base = { current: all, observed: observed(apps) };
  const [a, b, c, d] = apps as [Generation, Generation, Generation, Generation];

  test('of one app takes its route and its link, and lets it finish', () => {
    const result = plan(input({ ...base, observed: observed(apps, {}, { d: d.instance }), desired: [a, b, c] }));
    assert.deepEqual(kinds(result).filter((kind) => kind.endsWith('remove')), ['d:remove']);
    assert.deepEqual(result.unlink, ['d']);
    assert.deepEqual(result.retire, [], 'let go by a later pass');
  });

  test('of half is done, of more than half or of all is refused', () => {
    assert.deepEqual(plan(input({ ...base, desired: [a, b] })).refused, []);
    assert.deepEqual(plan(input({ ...base, desired: [a] })).refused, ['b', 'c', 'd']);
    assert.deepEqual(plan(input({ ...base, desired: [] })).refused, ['a', 'b', 'c', 'd']);
  });

  test('of the only app is refused: an empty result removes nothing', () => {
    const result = plan(input({ current, observed: observed([A1], listening, links) }));
    assert.deepEqual(kinds(result), ['shop:held']);
    assert.deepEqual([result.refused, result.unlink, result.retire], [['shop'], [], []]);
  });

  test('is done when it is allowed, or when the rows say where the apps went', () => {
    assert.deepEqual(plan(input({ ...base, allowRemovals: true })).refused, []);
    assert.deepEqual(plan(input({ ...base, explained: new Set(['a', 'b', 'c', 'd']) })).refused, []);
    assert.deepEqual(plan(input({ ...base, desired: [a], explained: new Set(['b', 'c']) })).refused, []);
  });

  test('counts apps whose snapshot is lost but whose units are there', () => {
    assert.deepEqual(plan(input({ observed: observed(apps), desired: [] })).refused, ['a', 'b', 'c', 'd']);
  });
});

test('an app with a rejected row stays as it is: route, link, files; its older generations go on being let go', () => {
  const result = plan(input({ held: new Set(['shop']), current: new Map([['shop', serving(A2)]]), observed: observed([A1, A2], { [A2.units.socket]: 'active' }, { shop: A2.instance }) }));
  assert.deepEqual(kinds(result), ['shop:held']);
  assert.deepEqual([result.link.size, result.unlink, result.startSockets], [0, [], []]);
  assert.deepEqual(result.retire.map(({ instance, remove }) => ({ instance, remove })), [{ instance: A1.instance, remove: true }]);
});

describe('an image', () => {
  const old = imageOf({ source: { kind: 'image', image: 'registry.example/shop:1' } }) as Image;
  const fresh = imageOf({ source: { kind: 'image', image: 'registry.example/shop:2' } }) as Image;
  const from = generation('shop', '11111111', { image: old });
  const to = generation('shop', '22222222', { image: fresh });
  const before = new Map([['shop', serving(from)]]);
  const seen = (states: States, known: readonly Image[] = [old, fresh], failures: Record<string, string> = {}): Observed => ({
    ...observed([from], { ...listening, [old.unit]: 'active', ...states }, links),
    images: { known: new Set(known.map(({ id }) => id)), failures: new Map(Object.entries(failures)) },
  });

  test('of a new app is fetched, and the app listens at once', () => {
    const result = plan(input({ desired: [to] }));
    assert.deepEqual(kinds(result), ['shop:create']);
    assert.deepEqual(result.images, { write: [fresh], start: [fresh.unit], drop: [], failed: [] });
    assert.deepEqual(result.startSockets, [to.units.socket]);
  });

  test('of an app that never sleeps comes first: no pass waits for a start that waits for it', () => {
    const never = generation('shop', '22222222', { image: fresh, leaseS: null });
    assert.deepEqual(plan(input({ desired: [never] })).startLeases, []);
    const there = new Map([['shop', serving(never)]]);
    assert.deepEqual(plan(input({ desired: [never], current: there, observed: seen({ [fresh.unit]: 'activating' }) })).startLeases, []);
    assert.deepEqual(plan(input({ desired: [never], current: there, observed: seen({ [fresh.unit]: 'active' }) })).startLeases, [never.units.lease]);
  });

  test('is fetched once, however many apps run it', () => {
    const result = plan(input({ desired: [to, generation('blog', '33333333', { image: fresh })] }));
    assert.deepEqual([result.images.write, result.images.start], [[fresh], [fresh.unit]]);
  });

  for (const awakeToo of [false, true]) {
    test(`that is not here keeps the generation from an app that is ${awakeToo ? 'awake' : 'asleep'}: nothing of it is made, the old one keeps all`, () => {
      for (const state of ['inactive', 'activating', 'failed', 'deactivating'] as const) {
        const states: States = { [fresh.unit]: state, ...(awakeToo ? awake : {}) };
        const result = plan(input({ desired: [to], current: before, observed: seen(states) }));
        assert.deepEqual(kinds(result), ['shop:fetching']);
        assert.deepEqual([result.write, result.startSockets, [...result.link], result.retire, result.images.drop], [[], [], [], [], []]);
        assert.deepEqual(result.images.start, state === 'inactive' || state === 'failed' ? [fresh.unit] : []);
      }
    });
  }

  test('that has come lets the generation take over', () => {
    assert.deepEqual(kinds(plan(input({ desired: [to], current: before, observed: seen({ [fresh.unit]: 'active' }) }))), ['shop:switch']);
    assert.deepEqual(kinds(plan(input({ desired: [to], current: before, observed: seen({ ...awake, [fresh.unit]: 'active' }) }))), ['shop:handOver']);
  });

  test('is not waited for where the old generation never had its own', () => {
    const never = new Map([['shop', { ...serving(from), fetching: true }]]);
    assert.deepEqual(kinds(plan(input({ desired: [to], current: never, observed: seen({}) }))), ['shop:switch']);
  });

  test('that nothing serves or is to serve any more is let go; what serves keeps its own', () => {
    assert.deepEqual(plan(input({ desired: [to], current: before, observed: seen({}) })).images.drop, []);
    assert.deepEqual(plan(input({ held: new Set(['shop']), current: before, observed: seen({}) })).images.drop, [fresh.id]);
    assert.deepEqual(plan(input({ desired: [to], current: new Map([['shop', serving(to)]]), observed: seen({ [fresh.unit]: 'active' }) })).images.drop, [old.id]);
  });

  test('is looked for again after a boot, also that of an app whose row was rejected', () => {
    const states: States = { [old.unit]: 'inactive' };
    assert.deepEqual(plan(input({ desired: [from], current: before, observed: seen(states) })).images.start, [old.unit]);
    assert.deepEqual(plan(input({ held: new Set(['shop']), current: before, observed: seen(states, [old]) })).images.start, [old.unit]);
  });

  test('that could not be fetched is told with its reason and its apps, until it has come', () => {
    const failures = { [fresh.id]: 'manifest unknown' };
    const told = (state: 'activating' | 'active'): unknown =>
      plan(input({ desired: [to, generation('blog', '33333333', { image: fresh })], current: before, observed: seen({ [fresh.unit]: state }, [old, fresh], failures) })).images.failed;
    assert.deepEqual(told('activating'), [{ image: fresh, why: 'manifest unknown', apps: ['blog', 'shop'] }]);
    assert.deepEqual(told('active'), []);
  });
});

describe('a listen_port', () => {
  const claim = { ports: new Map([[5432, 'shop']]) };

  test('leads to a new app at once', () => {
    const { ports } = plan(input({ desired: [A1], ...claim }));
    assert.deepEqual(ports, { lead: [{ port: 5432, app: 'shop', from: null }], open: [{ port: 5432, app: 'shop' }], close: [] });
  });

  const led = new Map([[5432, { instance: A1.instance, atBoot: true }]]);
  const open = { ...awake, 'fc-port@5432.socket': 'active' } as const;

  test('stays with the generation that serves during a hand-over, and changes with the route', () => {
    const during = plan(input({ desired: [A2], current, ...claim, observed: { ...observed([A1], open, links), ports: led } }));
    assert.deepEqual(during.ports, { lead: [], open: [], close: [] });
    const after = plan(input({ desired: [A2], current, ...claim, ready: new Map([['shop', A2.instance]]), observed: { ...observed([A1, A2], open, links), ports: led } }));
    assert.deepEqual(after.ports, { lead: [{ port: 5432, app: 'shop', from: 'shop' }], open: [], close: [] });
  });

  test('closes with its app, unless the removal is refused or the row was rejected', () => {
    const gone = { current, observed: { ...observed([A1], open, links), ports: led } };
    assert.deepEqual(plan(input({ ...gone, explained: new Set(['shop']) })).ports.close, [{ port: 5432, app: 'shop', stop: true }]);
    assert.deepEqual(plan(input(gone)).refused, ['shop']);
    assert.deepEqual(plan(input(gone)).ports.close, []);
    assert.deepEqual(plan(input({ ...gone, held: new Set(['shop']) })).ports.close, []);
  });
});
