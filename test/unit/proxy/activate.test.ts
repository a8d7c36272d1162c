import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { netUnit } from '../../../src/model/names.ts';
import { SystemdError } from '../../../src/systemd/manager.ts';
import { Activator, Left } from '../../../src/proxy/activate.ts';
import { Books } from '../../../src/proxy/books.ts';
import { Gone } from '../../../src/proxy/lease-job.ts';
import type { Generation } from '../../../src/proxy/generation.ts';
import { pause } from '../../../src/proxy/clock.ts';
import { Problem } from '../../../src/proxy/problem.ts';
import { buildIndex } from '../../../src/proxy/route.ts';
import { appOf, deferred, FakeClock, FakeManager, generationOf, MemoryLog, ownStarts, settle, snapshotOf } from './support.ts';
import type { JobResult } from '../../../src/systemd/manager.ts';

let clock: FakeClock;
let manager: FakeManager;
let log: MemoryLog;
let activator: Activator;

function make(over: { maxStarts?: number; maxWaiting?: number } = {}): void {
  activator = new Activator({ manager, clock, log, starts: ownStarts({ manager, clock, log, maxStarts: over.maxStarts ?? 4 }), books: new Books(clock), maxWaiting: over.maxWaiting ?? 1024 });
}

beforeEach(() => {
  clock = new FakeClock();
  manager = new FakeManager();
  log = new MemoryLog();
  make();
});

const spec = generationOf('shop', { leaseS: 60 });

/** Waits for an app as a request that comes now and has `ms`. */
function wait(generation: Generation, ms = 10_000): Promise<string> {
  return outcome(activator.wait(generation, clock.now(), clock.now() + ms).done);
}

/** How a wait ended, so that none is left unhandled. */
function outcome(done: Promise<unknown>): Promise<string> {
  return done.then(() => 'awake', (error: unknown) => {
    if (error instanceof Problem) return `${error.kind}: ${error.message}`;
    return error instanceof Error ? error.constructor.name : String(error);
  });
}

async function awake(over: Parameters<typeof generationOf>[1] = {}): Promise<Generation> {
  const generation = activator.generation(generationOf('shop', { leaseS: 60, ...over }));
  assert.equal(await wait(generation), 'awake');
  return generation;
}

describe('waking', () => {
  test('one job, however many wait, and all are told', async () => {
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    const generation = activator.generation(spec);
    const waits = Array.from({ length: 500 }, () => wait(generation));
    await settle();
    assert.deepEqual(manager.calls, [`restart ${spec.lease}`]);
    job.resolve('done');
    assert.deepEqual(new Set(await Promise.all(waits)), new Set(['awake']));
    assert.equal(activator.ready(generation), true);
  });

  test('a receipt of queue and start', async () => {
    make({ maxStarts: 1 });
    const first = deferred<JobResult>();
    const second = deferred<JobResult>();
    manager.job = (_verb, unit) => (unit.includes('one') ? first : second).promise;
    const one = wait(activator.generation(generationOf('one')));
    const arrived = clock.now();
    const two = activator.wait(activator.generation(generationOf('two')), arrived, arrived + 10_000).done;
    await clock.advance(300);
    first.resolve('done');
    await one;
    await clock.advance(200);
    second.resolve('done');
    assert.deepEqual(await two, { cold: true, queueMs: 300, startMs: 200 });
  });

  test('a receipt of the parts of a start', async () => {
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    const asked = clock.now();
    const done = activator.wait(activator.generation(spec), asked, asked + 10_000).done;
    await settle();
    const net = netUnit(spec.instance);
    // What it says of the end of the run before is not of this start.
    manager.step(spec.container, 'dead', asked - 1);
    manager.step(net, 'start', asked + 3);
    manager.step(net, 'exited', asked + 20);
    manager.step(spec.container, 'start-pre', asked + 21);
    manager.step(spec.container, 'start', asked + 25);
    manager.step(spec.container, 'start-post', asked + 95);
    manager.step(spec.container, 'running', asked + 97);
    await clock.advance(100);
    job.resolve('done');
    assert.deepEqual((await done).parts, [
      { name: 'fc-systemd', ms: 3 }, { name: 'fc-net', ms: 17 }, { name: 'fc-prepare', ms: 4 }, { name: 'fc-run', ms: 70 }, { name: 'fc-ready', ms: 2 },
    ]);
    assert.equal(manager.followed(spec.container) + manager.followed(net), 0, 'nobody follows it any more');
  });

  test('who leaves is told, and the start goes on', async () => {
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    const generation = activator.generation(spec);
    const visit = activator.wait(generation, clock.now(), clock.now() + 1000);
    const end = assert.rejects(visit.done, Left);
    visit.leave();
    await end;
    job.resolve('done');
    await settle();
    assert.equal(activator.ready(generation), true);
    assert.equal(clock.pending, 1, 'the alarm of the one who left is off; the look at the lease remains');
  });

  test('past its deadline a request is told what is missing; the start goes on for the next', async () => {
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    const generation = activator.generation(spec);
    const visitor = wait(generation, 5000);
    await clock.advance(5000);
    assert.match(await visitor, /^start-timeout: The app has been starting for 5 s: it does not listen/);
    const next = wait(generation, 5000);
    job.resolve('done');
    assert.equal(await next, 'awake');
    assert.equal(manager.calls.length, 1);
  });

  test('past its deadline while it still queues', async () => {
    make({ maxStarts: 1 });
    manager.job = () => new Promise(() => undefined);
    void wait(activator.generation(generationOf('one')), 60_000);
    const queued = wait(activator.generation(generationOf('two')), 1000);
    await clock.advance(1000);
    assert.match(await queued, /^too-many-waiting: The app is asleep and its start has not had its turn: 1 app waits/);
  });

  test('an app that never sleeps is started once and then asks nobody', async () => {
    const generation = await awake({ leaseS: null });
    await clock.advance(1e9);
    assert.equal(activator.ready(generation), true);
    assert.equal(manager.calls.length, 1);
  });

  test('a job taken back is asked for again, and not for ever', async () => {
    let canceled = 3;
    manager.job = () => (canceled-- > 0 ? 'canceled' : 'done');
    const generation = activator.generation(spec);
    const visitor = wait(generation);
    await clock.advance(1000);
    assert.equal(await visitor, 'awake');
    assert.equal(manager.calls.length, 4);

    canceled = Infinity;
    const other = wait(activator.generation(generationOf('other')));
    await clock.advance(9000);
    assert.match(await other, /^systemd: The host keeps stopping the app/);
    assert.equal(manager.calls.length, 4 + 11);
  });

  test('a transaction that systemd cannot have at the moment is asked for again', async () => {
    let refuse = true;
    manager.job = () => {
      if (!refuse) return 'done';
      refuse = false;
      throw new SystemdError('org.freedesktop.systemd1.TransactionIsDestructive', 'no');
    };
    const visitor = wait(activator.generation(spec));
    await clock.advance(100);
    assert.equal(await visitor, 'awake');
  });

  test('a bus that goes away and comes back costs time only', async () => {
    let lost = 4;
    manager.job = () => {
      if (lost-- > 0) throw new SystemdError('Disconnected', 'gone');
      return 'done';
    };
    const visitor = wait(activator.generation(spec));
    await clock.advance(1000);
    assert.equal(await visitor, 'awake');
  });

  test('a unit that systemd does not know: the generation is gone', async () => {
    manager.job = () => { throw new SystemdError('org.freedesktop.systemd1.NoSuchUnit', 'no'); };
    await assert.rejects(activator.wait(activator.generation(spec), 0, clock.now() + 1000).done, Gone);
  });

  test('a refusal by polkit is not the app\'s failure: no quarantine', async () => {
    manager.job = () => { throw new SystemdError('org.freedesktop.DBus.Error.AccessDenied', 'no'); };
    const generation = activator.generation(spec);
    for (let i = 0; i < 3; i++) assert.match(await wait(generation), /^systemd: The host cannot start the app/);
    assert.equal(manager.calls.length, 3);
    assert.doesNotMatch(await wait(generation), /polkit|AccessDenied/);
  });
});

describe('renewing', () => {
  const lease = `restart ${spec.lease}`;

  test('fresh: asks nobody; a quarter gone: behind the request; half gone: before it', async () => {
    const generation = await awake();
    await clock.advance(14_000);
    assert.equal(activator.ready(generation), true);
    assert.deepEqual(manager.calls, [lease]);

    await clock.advance(2000);
    assert.equal(activator.ready(generation), true, 'forwards');
    assert.deepEqual(manager.calls, [lease, lease], 'and renews');
    await settle();

    await clock.advance(31_000);
    assert.equal(activator.ready(generation), false);
    const late = wait(generation);
    assert.equal(await late, 'awake');
    assert.equal(manager.calls.length, 3);
    assert.equal(activator.ready(generation), true);
  });

  test('one renewal at a time', async () => {
    const generation = await awake();
    await clock.advance(16_000);
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    for (let i = 0; i < 100; i++) activator.ready(generation);
    await settle();
    assert.equal(manager.calls.length, 2);
    job.resolve('done');
  });

  test('while something is in flight the lease is renewed, and no longer', async () => {
    const generation = await awake();
    activator.begin(generation);
    await clock.advance(300_000);
    assert.equal(activator.ready(generation), true);
    const during = manager.calls.length;
    assert.ok(during >= 20 && during <= 22, `${during} jobs in five minutes`);
    activator.end(generation);
    await clock.advance(300_000);
    assert.ok(manager.calls.length <= during + 1);
    assert.equal(activator.ready(generation), false);
  });

  test('a request shortly after the grant keeps the app for its whole idle time', async () => {
    const generation = await awake();
    await clock.advance(10_000);
    activator.begin(generation);
    activator.end(generation);
    await clock.advance(10_000);
    assert.equal(manager.calls.length, 2, 'renewed after a quarter, for the use since');
    await clock.advance(120_000);
    assert.equal(manager.calls.length, 2);
  });

  test('a renewal never waits behind starts', async () => {
    make({ maxStarts: 1 });
    const generation = await awake();
    await clock.advance(31_000);
    manager.job = (_verb, unit) => (unit.includes('slow') ? new Promise(() => undefined) : 'done');
    void wait(activator.generation(generationOf('slow')));
    assert.equal(await wait(generation), 'awake');
  });

  test('nor does the first of an app that ran before this process', async () => {
    make({ maxStarts: 1 });
    activator.found([{ unit: spec.container, loaded: true, activeState: 'active', subState: 'running' }]);
    manager.job = (_verb, unit) => (unit.includes('slow') ? new Promise(() => undefined) : 'done');
    void wait(activator.generation(generationOf('slow')));
    assert.equal(await wait(activator.generation(spec)), 'awake');
  });

  test('a lease counts from its asking, however late the news of it; a start that was long for it is followed by a renewal', async () => {
    const generation = activator.generation(generationOf('shop', { leaseS: 4 }));
    manager.job = () => new Promise((resolve) => { clock.after(5000, () => { resolve('done'); }); });
    const visitor = wait(generation);
    await clock.advance(5000);
    assert.equal(await visitor, 'awake');
    manager.job = () => new Promise((resolve) => { clock.after(900, () => { resolve('done'); }); });
    activator.begin(generation);
    await clock.advance(0);
    assert.equal(activator.ready(generation), false);
    await clock.advance(900);
    assert.equal(generation.grantedAt, clock.now() - 900);
    assert.equal(activator.ready(generation), true);
  });

  test('a renewal that finds no bus keeps the lease and tries on while something is in flight', async () => {
    const generation = await awake({ leaseS: 4 });
    activator.begin(generation);
    let failing = true;
    manager.job = () => {
      if (failing) throw new SystemdError('org.freedesktop.DBus.Error.LimitsExceeded', 'busy');
      return 'done';
    };
    await clock.advance(1500);
    const tried = manager.calls.length;
    assert.ok(tried > 2, `${tried} tries`);
    failing = false;
    await clock.advance(500);
    assert.equal(activator.ready(generation), true);
  });
});

describe('the end of a container', () => {
  test('voids the lease at once; the next request starts it again', async () => {
    const generation = await awake();
    manager.end(spec.container);
    assert.equal(activator.ready(generation), false);
    await settle();
    assert.equal(generation.ends, 1);
    assert.equal(await wait(generation), 'awake');
    assert.equal(manager.calls.length, 2);
    assert.equal(manager.watched(spec.container), 1);
  });

  test('is not believed of a lost bus: connections stay, the lease is renewed for what is in flight', async () => {
    const generation = await awake();
    activator.begin(generation);
    const { upstream } = generation;
    const pool = upstream.pool('direct');
    manager.listFails = new SystemdError('Disconnected', 'gone');
    manager.tellWatchers(spec.container);
    await clock.advance(100);
    assert.equal(activator.ready(generation), false);
    manager.listFails = null;
    await clock.advance(1000);
    assert.equal(generation.ends, 0);
    assert.equal(upstream.pool('direct'), pool);
    assert.equal(pool.closed, false);
    assert.equal(activator.ready(generation), true);
    assert.equal(manager.calls.length, 2);
  });

  test('closes its connections', async () => {
    const generation = await awake();
    const pool = generation.upstream.pool('direct');
    manager.end(spec.container);
    await settle();
    assert.equal(pool.closed, true);
    assert.notEqual(generation.upstream.pool('direct'), pool);
  });

  test('a broken connection makes the next request ask; one under an older lease does not', async () => {
    const generation = await awake();
    activator.suspect(generation, generation.epoch);
    assert.equal(activator.ready(generation), false);
    await wait(generation);
    activator.suspect(generation, generation.epoch - 1);
    assert.equal(activator.ready(generation), true);
  });

  test('a start that fails after the app has run is tried once more before anyone is told', async () => {
    const generation = await awake();
    manager.end(spec.container);
    const results: JobResult[] = ['dependency', 'done'];
    manager.job = () => results.shift() ?? 'failed';
    assert.equal(await wait(generation), 'awake');
  });
});

describe('quarantine', () => {
  test('from the second failure on; one probe after it; success clears it', async () => {
    const generation = activator.generation(spec);
    manager.job = () => 'dependency';
    manager.evidences.set(spec.container, { result: 'exit-code', exit: { kind: 'exited', status: 3 }, statusText: '', unmounted: [] });
    assert.match(await wait(generation), /^start-failed: The app did not start: it exited with status 3\.$/);
    assert.match(await wait(generation), /^start-failed/);
    assert.equal(manager.calls.length, 2);

    const refused = wait.bind(null, generation);
    assert.throws(refused, (error: unknown) => error instanceof Problem && error.kind === 'quarantined' && error.retryAfterS === 2
      && /exited with status 3\. It failed 2 times in a row; the next try is in 2 s/.test(error.message));
    assert.equal(manager.calls.length, 2);

    await clock.advance(2001);
    const probe = deferred<JobResult>();
    manager.job = () => probe.promise;
    const waits = [wait(generation), wait(generation), wait(generation)];
    await settle();
    assert.equal(manager.calls.length, 3);
    probe.resolve('done');
    assert.deepEqual(await Promise.all(waits), ['awake', 'awake', 'awake']);

    manager.end(spec.container);
    await settle();
    manager.job = () => 'failed';
    assert.match(await wait(generation), /^start-failed/);
    assert.match(await wait(generation), /^start-failed/, 'counts from one again');
  });

  test('does not pass to a new generation', async () => {
    manager.job = (_verb, unit) => (unit.includes('0000000a') ? 'failed' : 'done');
    const generation = activator.generation(spec);
    await wait(generation);
    await wait(generation);
    assert.throws(() => { void wait(generation); });
    assert.equal(await wait(activator.generation(generationOf('shop', { id: '0000000b' }))), 'awake');
  });
});

describe('bounds', () => {
  test('as many starts at once as allowed, in the order the apps came', async () => {
    make({ maxStarts: 2 });
    const jobs = new Map<string, (result: JobResult) => void>();
    manager.job = (_verb, unit) => new Promise((resolve) => { jobs.set(unit, resolve); });
    const specs = ['a', 'b', 'c', 'd'].map((name) => generationOf(name));
    // Many for the first: that takes no more than its own place.
    const waits = [...Array.from({ length: 50 }, () => specs[0] ?? spec), ...specs].map((one) => wait(activator.generation(one), 60_000));
    await settle();
    assert.deepEqual(manager.calls, specs.slice(0, 2).map(({ lease }) => `restart ${lease}`));
    for (const one of specs) {
      jobs.get(one.lease)?.('done');
      await settle();
    }
    assert.deepEqual(manager.calls, specs.map(({ lease }) => `restart ${lease}`));
    assert.deepEqual(new Set(await Promise.all(waits)), new Set(['awake']));
  });

  test('a failed start gives its place free', async () => {
    make({ maxStarts: 1 });
    manager.job = (_verb, unit) => (unit.includes('bad') ? 'failed' : 'done');
    const bad = wait(activator.generation(generationOf('bad')));
    const good = wait(activator.generation(generationOf('good')));
    assert.match(await bad, /^start-failed/);
    assert.equal(await good, 'awake');
  });

  test('one app may have three quarters of the waiting places, all together no more than there are', async () => {
    make({ maxWaiting: 8 });
    manager.job = () => new Promise(() => undefined);
    const flooded = activator.generation(generationOf('flooded'));
    for (let i = 0; i < 6; i++) void wait(flooded);
    assert.throws(() => { void wait(flooded); }, (error: unknown) => error instanceof Problem && error.kind === 'too-many-waiting' && error.retryAfterS === 2);
    const other = activator.generation(generationOf('other'));
    void wait(other);
    void wait(other);
    assert.throws(() => { void wait(other); }, { kind: 'too-many-waiting' });
    await clock.advance(10_000);
    void wait(other, 1000);
  });
});

test('who is sent away because too many wait is told a time at which there is room', async () => {
  make({ maxStarts: 2, maxWaiting: 5 });
  manager.job = async (): Promise<JobResult> => {
    await pause(clock, 700);
    return 'done';
  };
  const waits: Promise<string>[] = [];
  const told = new Map<string, number>();
  const ask = (app: string): void => {
    const generation = activator.generation(generationOf(app));
    if (activator.ready(generation)) return;
    waits.push(wait(generation, 60_000));
  };
  for (let i = 0; i < 10; i++) {
    try {
      ask(`app${i}`);
    } catch (error) {
      assert.ok(error instanceof Problem && error.retryAfterS !== null, String(error));
      told.set(`app${i}`, error.retryAfterS);
    }
  }
  assert.equal(told.size, 5);
  for (let second = 1; second <= Math.max(...told.values()); second++) {
    await clock.advance(1000);
    for (const [app, seconds] of told) if (seconds === second) ask(app);
  }
  await clock.advance(60_000);
  assert.deepEqual(new Set(await Promise.all(waits)), new Set(['awake']));
});

describe('generations that serve no more', () => {
  test('are forgotten once idle, and their leases not renewed', async () => {
    const generation = await awake();
    activator.begin(generation);
    activator.follow(buildIndex(snapshotOf()));
    assert.equal(activator.size, 1, 'not while a request is on it');
    await clock.advance(60_000);
    assert.ok(manager.calls.length > 1, 'which keeps its lease');
    activator.end(generation);
    assert.equal(activator.size, 0);
    assert.equal(manager.watched(spec.container), 0);
    const calls = manager.calls.length;
    await clock.advance(600_000);
    assert.equal(manager.calls.length, calls);
    assert.equal(clock.pending, 0);
  });

  test('not while they start', async () => {
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    const visitor = wait(activator.generation(spec));
    activator.follow(buildIndex(snapshotOf()));
    assert.equal(activator.size, 1);
    job.resolve('done');
    assert.equal(await visitor, 'awake');
    await settle();
    assert.equal(activator.size, 0);
  });

  test('hand their wakefulness to the one that takes over: its first visitor renews, and waits behind no start', async () => {
    make({ maxStarts: 1 });
    await awake();
    const next = generationOf('shop', { leaseS: 60, id: 'bbbbbbbb', instance: 'shop-bbbbbbbb', container: 'fc-ctr-shop-bbbbbbbb.service', lease: 'fc-lease-60s@shop-bbbbbbbb.timer' });
    activator.follow(buildIndex(snapshotOf(appOf('shop', [], next))));
    manager.job = (_verb, unit) => (unit.includes('slow') ? new Promise(() => undefined) : 'done');
    void wait(activator.generation(generationOf('slow')));
    const { done } = activator.wait(activator.generation(next), clock.now(), clock.now() + 1000);
    assert.equal((await done).cold, false);
  });

  test('that slept hand over nothing, nor do those whose news are older than a lease', async () => {
    make({ maxStarts: 1 });
    await awake();
    const next = generationOf('shop', { leaseS: 60, id: 'bbbbbbbb', instance: 'shop-bbbbbbbb', container: 'fc-ctr-shop-bbbbbbbb.service', lease: 'fc-lease-60s@shop-bbbbbbbb.timer' });
    activator.follow(buildIndex(snapshotOf(appOf('shop', [], next))));
    await clock.advance(60_000);
    const { done } = activator.wait(activator.generation(next), clock.now(), clock.now() + 1000);
    assert.equal((await done).cold, true);
  });

  test('those that serve keep their state', async () => {
    const generation = await awake();
    activator.follow(buildIndex(snapshotOf(appOf('shop', [], spec))));
    assert.equal(activator.generation(spec), generation);
    assert.equal(activator.ready(generation), true);
  });
});

describe('an app whose image is being fetched', () => {
  const IMAGE = 'fc-image@00112233445566aa.service';
  const coming = (app: string): Generation => activator.generation(generationOf(app, { image: IMAGE, fetching: true }));
  const says = (statusText: string): void => void manager.evidences.set(IMAGE, { result: 'success', exit: null, statusText, unmounted: [] });

  test('holds up no other start, however many wait so', async () => {
    make({ maxStarts: 1 });
    manager.job = (_verb, unit) => (unit.includes('coming') ? new Promise(() => undefined) : 'done');
    for (const app of ['coming1', 'coming2', 'coming3']) void wait(coming(app));
    for (const app of ['one', 'two']) assert.equal(await wait(activator.generation(generationOf(app))), 'awake');
    assert.equal(manager.calls.length, 5);
  });

  test('tells a visitor whose time is up what is fetched, or why it does not listen yet', async () => {
    manager.job = () => new Promise(() => undefined);
    const late = async (app: string): Promise<string> => {
      const visitor = wait(coming(app), 5000);
      await clock.advance(5000);
      return await visitor;
    };
    assert.equal(await late('a'), `start-timeout: The app has been waiting for its image for 5 s (${IMAGE}).`);
    says('fetching registry.example/shop:1');
    assert.equal(await late('b'), `start-timeout: The app has been waiting for its image for 5 s (${IMAGE}: fetching registry.example/shop:1).`);
    says('fetched registry.example/shop:1 in 9 s');
    assert.match(await late('c'), /^start-timeout: The app has been starting for 5 s: it does not listen/);
  });

  test('is tried at once when it has come, whatever failed for want of it', async () => {
    manager.job = () => 'failed';
    const here = generationOf('shop', { image: IMAGE, fetching: true });
    const generation = activator.generation(here);
    for (let n = 0; n < 2; n++) await wait(generation);
    assert.throws(() => void wait(generation), /failed 2 times in a row/);
    manager.job = () => 'done';
    activator.follow(buildIndex(snapshotOf(appOf('shop', [], here))));
    assert.throws(() => void wait(generation), /failed 2 times in a row/);
    activator.follow(buildIndex(snapshotOf(appOf('shop', [], { ...here, fetching: false }))));
    assert.equal(await wait(generation), 'awake');
  });
});
