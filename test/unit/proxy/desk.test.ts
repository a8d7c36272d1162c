/** What holds for the host, and not for a process of fc-proxy: starts at once, their order, one for each app, quarantine. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, test, type TestContext } from 'node:test';
import { Activator } from '../../../src/proxy/activate.ts';
import { Books } from '../../../src/proxy/books.ts';
import { systemClock } from '../../../src/proxy/clock.ts';
import { DeskClient } from '../../../src/proxy/desk-client.ts';
import { DeskServer } from '../../../src/proxy/desk-server.ts';
import { StartFailure } from '../../../src/proxy/failure.ts';
import { Problem } from '../../../src/proxy/problem.ts';
import { processCount, share } from '../../../src/proxy/processes.ts';
import { Siblings } from '../../../src/proxy/siblings.ts';
import { StartDesk } from '../../../src/proxy/start-desk.ts';
import { Starts } from '../../../src/proxy/starts.ts';
import type { UnitState } from '../../../src/systemd/manager.ts';
import type { FromChild, ToChild } from './desk-child.ts';
import { deferred, FakeClock, FakeManager, generationOf, MemoryLog, settle, until } from './support.ts';

let clock: FakeClock;
let log: MemoryLog;
/** What systemd says is starting, for starts that nobody holds. */
let starting: Set<string>;
/** What the processes were told, in order: `process word app`. */
let said: string[];

beforeEach(() => {
  clock = new FakeClock();
  log = new MemoryLog();
  starting = new Set();
  said = [];
});

function deskOf(places: number): StartDesk {
  return new StartDesk({ places, clock, log, starting: (instances) => Promise.resolve(new Set(instances.filter((one) => starting.has(one)))) });
}

const named = (app: string): string => `${app}-0000000a`;
const broken = new StartFailure('start-failed', 'The app did not start: it exited with status 3.', 'job dependency');

function processAt(desk: StartDesk): Starts {
  const starts = new Starts(clock);
  starts.attach(desk);
  return starts;
}

function ask(name: string, starts: Starts, ...apps: string[]): void {
  for (const app of apps) {
    const note = (word: string) => (): void => { said.push(`${name} ${word} ${app}`); };
    starts.ask(named(app), { go: note('go'), begun: note('begun'), awake: note('awake'), failed: note('failed') });
  }
}

describe('the desk', () => {
  test('as many at once as there are places, in the order in which they came, whoever asked', () => {
    const desk = deskOf(2);
    const [one, two] = [processAt(desk), processAt(desk)];
    ask('one', one, 'a');
    ask('two', two, 'b', 'c');
    ask('one', one, 'd');
    assert.deepEqual(said, ['one go a', 'two go b']);
    assert.deepEqual([one.waiting, two.waiting], [2, 2], 'c and d, of both');
    one.ended(named('a'), 'awake');
    two.ended(named('b'), 'failed');
    assert.deepEqual(said.slice(2), ['two go c', 'one go d']);
  });

  test('an app is started by one process, and the others are told how that ended', () => {
    const desk = deskOf(1);
    const [one, two, three] = [processAt(desk), processAt(desk), processAt(desk)];
    ask('one', one, 'a');
    ask('two', two, 'a');
    ask('two', two, 'b');
    ask('three', three, 'b');
    assert.deepEqual(said, ['one go a', 'two begun a']);
    one.ended(named('a'), 'awake');
    assert.deepEqual(said.slice(2), ['two awake a', 'two go b', 'three begun b']);
    two.failed(named('b'), broken);
    two.ended(named('b'), 'failed');
    assert.deepEqual(said.slice(5), ['three failed b']);
    assert.equal(three.failureOf(named('b'))?.message, broken.message);
  });

  test('an end that says nothing about the app passes the turn on', () => {
    const desk = deskOf(1);
    const [one, two] = [processAt(desk), processAt(desk)];
    ask('one', one, 'a');
    ask('two', two, 'a', 'b');
    one.ended(named('a'), 'dropped');
    assert.deepEqual(said, ['one go a', 'two begun a', 'two go a']);
    two.ended(named('a'), 'dropped');
    assert.deepEqual(said.slice(3), ['two go b']);
  });

  test('trouble is known to all, to those who come later, and until it is over', async () => {
    const desk = deskOf(1);
    const [one, two] = [processAt(desk), processAt(desk)];
    for (let n = 0; n < 3; n++) one.failed(named('a'), broken);
    assert.deepEqual(two.quarantine(named('a')), { failures: 3, until: clock.now() + 4000 });
    await clock.advance(1000);
    const three = processAt(desk);
    assert.deepEqual(three.quarantine(named('a')), { failures: 3, until: clock.now() + 3000 });
    two.forgive(named('a'));
    assert.equal(one.quarantine(named('a')).failures, 0);
    assert.equal(three.failureOf(named('a')), null);
  });

  test('who asks for what has just failed too often gets no turn', async () => {
    const desk = deskOf(1);
    const [one, late] = [processAt(desk), new Starts(clock)];
    ask('late', late, 'a');
    one.failed(named('a'), broken);
    one.failed(named('a'), broken);
    late.attach(desk);
    assert.deepEqual(said, ['late failed a']);
    await clock.advance(2001);
    ask('late', late, 'a');
    assert.deepEqual(said.slice(1), ['late go a']);
  });

  test('a process that dies: what it waited for goes, what it started is waited for by whoever else wants it', () => {
    const desk = deskOf(1);
    const [one, two] = [processAt(desk), processAt(desk)];
    ask('one', one, 'a', 'b');
    ask('two', two, 'a', 'c');
    one.detach();
    assert.deepEqual(said, ['one go a', 'two begun a', 'two go a']);
    two.ended(named('a'), 'awake');
    assert.deepEqual(said.slice(3), ['two go c']);
  });

  test('what nobody holds has its place as long as systemd starts it', async () => {
    const desk = deskOf(1);
    const [one, two] = [processAt(desk), processAt(desk)];
    ask('one', one, 'a');
    ask('two', two, 'b');
    starting.add(named('a'));
    one.detach();
    await clock.advance(5000);
    assert.deepEqual(said, ['one go a']);
    starting.clear();
    await clock.advance(200);
    assert.deepEqual(said, ['one go a', 'two go b']);
  });

  test('a new desk is told what runs and what waits, in its order; what it finds starting counts', async () => {
    const old = deskOf(2);
    const [one, two] = [processAt(old), processAt(old)];
    ask('one', one, 'a');
    await clock.advance(1);
    ask('two', two, 'b');
    await clock.advance(1);
    ask('one', one, 'c');
    await clock.advance(1);
    ask('two', two, 'd');
    two.failed(named('x'), broken);
    const next = deskOf(2);
    starting.add(named('a'));
    starting.add(named('z'));
    next.adopt([named('a'), named('z')]);
    two.attach(next);
    one.attach(next);
    assert.deepEqual(said, ['one go a', 'two go b']);
    assert.equal(one.failureOf(named('x'))?.message, broken.message);
    one.ended(named('a'), 'awake');
    await clock.advance(500);
    assert.deepEqual(said.slice(2), [], 'b and z have the two places');
    starting.delete(named('z'));
    await clock.advance(500);
    two.ended(named('b'), 'awake');
    assert.deepEqual(said.slice(2), ['one go c', 'two go d']);
  });
});

test('a desk that succeeds another gives nobody a turn until all have had the time to say what they start', async () => {
  const [old, next] = [deskOf(1), deskOf(1)];
  const [one, two] = [processAt(old), processAt(old)];
  ask('one', one, 'a');
  ask('two', two, 'b');
  next.settle();
  two.attach(next);
  await clock.advance(200);
  one.attach(next);
  await clock.advance(1000);
  assert.deepEqual(said, ['one go a']);
  one.ended(named('a'), 'awake');
  assert.deepEqual(said, ['one go a', 'two go b']);
  const third = deskOf(1);
  third.settle();
  two.detach();
  one.attach(third);
  ask('one', one, 'c');
  assert.equal(said.length, 2);
  await clock.advance(300);
  assert.deepEqual(said.slice(2), ['one go c']);
});

describe('two processes and an app that does not start', () => {
  test('it is tried as often as one alone would, and both say why it did not', async () => {
    const desk = deskOf(4);
    const manager = new FakeManager();
    manager.job = () => 'dependency';
    manager.evidences.set('fc-ctr-shop-0000000a.service', { result: 'exit-code', exit: { kind: 'exited', status: 3 }, statusText: '', unmounted: [] });
    const activators = [0, 1].map(() => new Activator({ manager, clock, log, starts: processAt(desk), books: new Books(clock), maxWaiting: 100 }));
    const answers: string[] = [];
    const visit = async (activator: Activator): Promise<void> => {
      try {
        await activator.wait(activator.generation(generationOf('shop')), clock.now(), clock.now() + 10_000).done;
      } catch (error) {
        answers.push(error instanceof Problem ? `${error.kind}: ${error.message}` : String(error));
      }
    };
    // At once for two, then every 100 ms for 13 s: tries after 0, 2, 4 and 8 s of quarantine.
    await Promise.all(activators.map(visit));
    assert.equal(manager.calls.length, 1);
    assert.deepEqual(new Set(answers), new Set(['start-failed: The app did not start: it exited with status 3.']));
    for (let n = 0; n < 130; n++) {
      await Promise.all(activators.map(visit));
      await clock.advance(100);
    }
    assert.equal(manager.calls.length, 1 + 1 + 2, 'the first, one at once after it, and after 2 and 6 s');
    const last = answers.slice(-2);
    for (const answer of last) assert.match(answer, /^quarantined: The app did not start: it exited with status 3\. It failed 4 times in a row; the next try is in [0-9] s\.$/);

    manager.job = () => 'done';
    await clock.advance(8000);
    await Promise.all(activators.map(visit));
    assert.equal(manager.calls.length, 4 + 2, 'a start, and a lease of the other process');
    for (const activator of activators) assert.equal(activator.ready(activator.generation(generationOf('shop'))), true);
  });
});

test('processes: auto is what CPUs and memory allow; a bound is shared out, and nobody is left with nothing', () => {
  const GB = 2 ** 30;
  for (const [setting, cpus, memory, count] of [[1, 16, 64 * GB, 1], [3, 1, GB, 3], ['auto', 2, 4 * GB, 2], ['auto', 64, 256 * GB, 8], ['auto', 4, GB, 2], ['auto', 4, GB / 4, 1]] as const) {
    assert.equal(processCount(setting, cpus, memory), count, `${setting} ${cpus} ${memory}`);
  }
  assert.deepEqual([share(4, 1), share(4, 3), share(4, 8)], [4, 1, 1]);
});

test('processes are restarted one after the other, each when the one before serves', async () => {
  const manager = new FakeManager();
  const job = deferred<'done'>();
  const siblings = new Siblings({ manager, clock, log, processes: 4 });
  manager.job = (_verb, unit) => (unit.includes('@4') ? job.promise : 'done');
  const all = siblings.start('restart');
  await settle();
  await clock.advance(5000);
  assert.deepEqual(manager.calls, ['restart fc-proxy@2.service']);
  siblings.joined({ say: 'hello', instance: 2, upMs: 60_000 });
  await settle();
  assert.equal(manager.calls.length, 1, 'that was the one before');
  siblings.joined({ say: 'hello', instance: 2, upMs: 100 });
  await settle();
  assert.deepEqual(manager.calls.slice(1), ['restart fc-proxy@3.service']);
  await clock.advance(10_000);
  assert.deepEqual(manager.calls.slice(2), ['restart fc-proxy@4.service'], 'one that does not come is not waited for');
  job.resolve('done');
  siblings.joined({ say: 'hello', instance: 4, upMs: 0 });
  await all;
});

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fc-desk-'));
  t.after(() => { rmSync(folder, { recursive: true }); });
  return join(folder, 'desk.sock');
}

describe('through a socket', () => {
  test('a desk that is not there fails nobody: the process has its share, until the desk is there', async (t) => {
    const path = socketPath(t);
    const starts = new Starts(systemClock);
    const clients = { welcomed: [] as number[], missed: 0 };
    const client = new DeskClient({
      path, instance: 2, starts, clock: systemClock, log, fallback: () => deskOf(1),
      welcomed: (processes) => { clients.welcomed.push(processes); }, missed: () => { clients.missed++; },
    });
    t.after(() => { client.close(); });
    ask('two', starts, 'a', 'b', 'c');
    await until('its own desk', () => said.length > 0, 6000);
    assert.deepEqual([said, clients.missed], [['two go a'], 1]);
    const desk = deskOf(2);
    const server = new DeskServer({ desk, processes: 3, log });
    t.after(() => { server.close(); });
    const other = processAt(desk);
    await server.listen(path);
    await until('the host\'s desk', () => said.length > 1, 3000);
    assert.deepEqual([said, clients.welcomed], [['two go a', 'two go b'], [3]]);
    ask('one', other, 'd');
    await until('how many wait', () => starts.waiting === 2);
    starts.ended(named('a'), 'awake');
    await until('the next turn', () => said.length > 2);
    assert.equal(said[2], 'two go c');
  });

  test('a desk takes the place of another, and its late end does not take it away', async (t) => {
    const path = socketPath(t);
    const [old, next] = [new DeskServer({ desk: deskOf(1), processes: 1, log }), new DeskServer({ desk: deskOf(1), processes: 2, log })];
    await old.listen(path);
    await next.listen(path);
    t.after(() => { next.close(); });
    old.close();
    const socket = connect(path);
    socket.write('{"say":"hello","instance":2,"upMs":0}\n');
    const [answer] = await once(socket, 'data') as [Buffer];
    assert.equal(answer.toString(), '{"say":"welcome","processes":2}\n');
    socket.destroy();
  });

  for (const [what, bytes] of [
    ['no JSON', 'GET / HTTP/1.1\r\n\r\n'], ['a word nobody says', '{"say":"sudo"}\n'], ['no hello', '{"say":"hold","start":"a-0000000a"}\n'],
    ['no generation', '{"say":"hello","instance":2,"upMs":0}\n{"say":"hold","start":"../x"}\n'], ['no end', 'x'.repeat(70_000)],
    ['trouble of its own kind', '{"say":"hello","instance":2,"upMs":0}\n{"say":"trouble","start":"a-0000000a","trouble":{"kind":"toString","message":"","evidence":"","failures":1,"waitMs":0}}\n'],
  ] as const) {
    test(`${what}: the one who says it is sent away`, async (t) => {
      const path = socketPath(t);
      const server = new DeskServer({ desk: deskOf(1), processes: 1, log });
      t.after(() => { server.close(); });
      await server.listen(path);
      const socket = connect(path).resume();
      socket.on('error', () => undefined);
      socket.write(bytes);
      await once(socket, 'close');
    });
  }
});

/** A systemd whose jobs end when the test says so, and processes that ask it. */
class Host {
  readonly #path: string;
  readonly #t: TestContext;
  /** Containers that are starting, and who waits for them. */
  readonly activating = new Map<string, { child: ChildProcess; call: number }[]>();
  /** The order in which they began. */
  readonly begun: string[] = [];
  readonly ends = new Map<string, string>();
  most = 0;

  constructor(t: TestContext, path: string) {
    this.#t = t;
    this.#path = path;
  }

  async process(instance: number, processes: number, maxStarts: number): Promise<ChildProcess> {
    const child = fork(fileURLToPath(new URL('desk-child.ts', import.meta.url)), [this.#path, instance, processes, maxStarts].map(String), { execArgv: ['--import', 'tsx'] });
    this.#t.after(() => { child.kill('SIGKILL'); });
    const ready = deferred<undefined>();
    child.on('message', (word: FromChild) => {
      if ('ready' in word) ready.resolve(undefined);
      else if ('list' in word) tell(child, { list: word.list, units: this.#units() });
      else if ('end' in word) this.ends.set(word.app, word.end);
      else this.#run(child, word.call, word.unit);
    });
    await ready.promise;
    return child;
  }

  #run(child: ChildProcess, call: number, unit: string): void {
    const app = /@(.*)-0000000a\.timer$/.exec(unit)?.[1];
    if (app === undefined) {
      // The other processes, which the test has started itself.
      tell(child, { call, result: 'done' });
      return;
    }
    const waiting = this.activating.get(app) ?? [];
    if (waiting.length === 0) this.begun.push(app);
    this.activating.set(app, [...waiting, { child, call }]);
    this.most = Math.max(this.most, this.activating.size);
  }

  #units(): UnitState[] {
    return [...this.activating.keys()].map((app) => ({ unit: `fc-ctr-${named(app)}.service`, loaded: true, activeState: 'activating', subState: 'start' }));
  }

  finish(app: string): void {
    for (const { child, call } of this.activating.get(app) ?? []) tell(child, { call, result: 'done' });
    this.activating.delete(app);
  }

  begins(app: string): Promise<void> {
    return until(`${app} is being started; so far: ${this.begun.join(' ')}`, () => this.begun.includes(app), 10_000);
  }
}

function tell(child: ChildProcess, word: ToChild): void {
  if (child.connected) child.send(word);
}

describe('processes of their own', () => {
  test('the one with the desk is killed while starts run and wait: the bound holds, and nobody else fails', async (t) => {
    const host = new Host(t, socketPath(t));
    const first = await host.process(1, 3, 3);
    const [second, third] = [await host.process(2, 3, 3), await host.process(3, 3, 3)];
    for (const [child, app] of [[first, 'a1'], [second, 'b1'], [third, 'c1'], [second, 'b2'], [third, 'c2'], [second, 'b3'], [third, 'c3'], [second, 'b4']] as const) {
      tell(child, { want: app });
      if (host.begun.length < 3) await host.begins(app);
    }
    first.kill('SIGKILL');
    await once(first, 'exit');
    // One that ended without a desk.
    host.finish('b1');
    await host.process(1, 3, 3);
    const wanted = ['b1', 'c1', 'b2', 'c2', 'b3', 'c3', 'b4'];
    // a1 has nobody left, and goes on starting: it has its place until the end.
    await until('all are awake', () => {
      for (const app of wanted) host.finish(app);
      return wanted.every((app) => host.ends.has(app));
    }, 20_000);
    assert.deepEqual(wanted.map((app) => host.ends.get(app)), wanted.map(() => 'awake'));
    assert.ok(host.activating.has('a1'));
    assert.equal(host.most, 3);
  });

  test('a process that is told to end gives the desk to the next, with what it has', async (t) => {
    const host = new Host(t, socketPath(t));
    const first = await host.process(1, 2, 2);
    const second = await host.process(2, 2, 2);
    for (const [child, app] of [[first, 'a1'], [second, 'b1'], [first, 'a2'], [second, 'b2']] as const) {
      tell(child, { want: app });
      if (host.begun.length < 2) await host.begins(app);
    }
    tell(first, { leave: true });
    await host.process(1, 2, 2);
    await until('all are awake', () => {
      for (const app of host.begun) host.finish(app);
      return host.ends.size === 4;
    }, 20_000);
    assert.deepEqual(new Set(host.ends.values()), new Set(['awake']));
    assert.equal(host.most, 2);
  });
});
