/** Networks that are cut, hosts that are killed, hosts that cannot start an app: what else may fail, and for how long. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, commit, entrance } from '../support/fleet-apps.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import { type Response, TEST_IMAGE, type TestHost } from '../support/host.ts';
import { Load, summary, throughProxy, type Failure, type Report } from '../support/load.ts';
import { assertWhole, openDownload, openSocket } from '../support/streams.ts';
import { Tracer } from '../support/tracer.ts';
import { reasonOf } from '../support/units.ts';

let fleet: TestFleet;
let front: TestHost;
let web1: TestHost;
let web2: TestHost;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2'] });
  front = fleet.cmdb;
  [web1, web2] = [fleet.host('web1'), fleet.host('web2')];
}, { timeout: 300_000 });

after(async () => {
  await fleet.kill();
});

/** From when to when somebody did something to a host, ms since the epoch. */
interface Blow {
  readonly began: number;
  readonly ended: number;
}

async function blow(deed: () => Promise<unknown>): Promise<Blow> {
  const began = Date.now();
  await deed();
  return { began, ended: Date.now() };
}

/** A second after it, nothing may get lost any more. Before, what can be sent once only and went there. */
function inside({ began, ended }: Blow, { method, beganAt, failedAt }: Failure): boolean {
  return method === 'POST' && failedAt >= began && beganAt <= ended + 1000;
}

/**
 * Only what was inside failed; what is asked from a second after the blow on is answered elsewhere, at once.
 * @returns what is to be told
 */
function judge(report: Report, tracer: Tracer, { began, ended }: Blow, until: number): string {
  const lost = report.failures.filter((failure) => inside({ began, ended }, failure));
  const others = { ...report, failures: report.failures.filter((failure) => !lost.includes(failure)) };
  assert.equal(others.failures.length, 0, summary(others));
  assert.ok(lost.every(({ kind, what }) => kind === 'broken' || what.startsWith('502 ')), summary(report));
  assert.deepEqual(tracer.failures, []);
  const traces = tracer.since(began).filter(({ beganAt }) => beganAt < until);
  const after = traces.filter(({ beganAt }) => beganAt >= ended + 1000);
  assert.ok(after.length > 10 && after.every((trace) => tracer.hostOf(trace) === 'web1'), JSON.stringify(tracer.share(ended + 1000)));
  const slowest = (list: typeof traces): number => Math.max(0, ...list.map(({ beganAt, endedAt }) => endedAt - beganAt));
  assert.ok(slowest(after) <= 1000, `a request that began a second after it took ${slowest(after)} ms`);
  const last = Math.max(0, ...traces.filter((trace) => tracer.hostOf(trace) === 'web2').map(({ beganAt }) => beganAt - ended));
  return `${lost.length} POST requests failed that were inside; GETs of the first second took up to ${slowest(traces.filter((trace) => !after.includes(trace)))} ms,`
    + ` later ones ${slowest(after)} ms; the last that was served there began ${last} ms after it; ${summary(others)}`;
}

describe('a network that is cut between the front and a host', () => {
  const doors = { in: 'input', out: 'output' } as const;
  /** Drops what goes between the two, without a word, on the host's side. */
  const cut = (ways: readonly (keyof typeof doors)[]): string => `nft 'add table inet test_cut; ${ways.map((way) =>
    `add chain inet test_cut ${doors[way]} { type filter hook ${doors[way]} priority -300; }; add rule inet test_cut ${doors[way]} ip ${way === 'in' ? 'saddr' : 'daddr'} ${front.address} drop`).join('; ')}'`;

  /** Cuts web2 off, for `ms` or until `over`; the app has placements on both hosts. */
  async function run(t: TestContext, app: string, ways: readonly (keyof typeof doors)[], over: () => Promise<void>): Promise<void> {
    const load = new Load({ perSecond: 110, targets: [throughProxy(front, app)], known: true });
    t.after(() => load.stop());
    const tracer = new Tracer(front, app);
    t.after(() => tracer.stop());
    for (const host of [web1, web2]) await tracer.reaches(host, 0);
    await sleep(1000);
    const cutOff = await blow(() => web2.ok(cut(ways)));
    await over();
    const healing = Date.now();
    await web2.ok('nft delete table inet test_cut');
    const healedAt = Date.now();
    const backMs = Math.round((await tracer.reaches(web2, healedAt)).beganAt - healedAt);
    await sleep(500);
    await tracer.stop();
    const report = await load.stop();
    t.diagnostic(`${judge(report, tracer, cutOff, healing)}; served again ${backMs} ms after it was healed`);
  }

  test('both ways: what goes through it is told, what does not goes on, and it takes work again by itself', { timeout: 120_000 }, async (t) => {
    const pieces = 160;
    await fleet.place('torn', { web2: 100 });
    await answers(front, 'torn');
    const through = await openSocket(entrance(front, 'torn'));
    const movedAt = await commit(front, "UPDATE placements SET host = 'web1' WHERE app = 'torn'");
    const tracer = new Tracer(front, 'torn');
    t.after(() => tracer.stop());
    await tracer.reaches(web1, movedAt);
    await tracer.stop();
    const beside = { socket: await openSocket(entrance(front, 'torn')), download: await openDownload(entrance(front, 'torn'), pieces) };
    await commit(front, "INSERT INTO placements (app, host) VALUES ('torn', 'web2')");
    await run(t, 'torn', ['in', 'out'], async () => {
      await front.until(() => through.broken !== '' || 'it is open', { timeoutMs: 15_000, what: 'the WebSocket through it is told' });
      await beside.socket.echo('cut');
    });
    await beside.socket.echo('healed');
    await assertWhole(beside.download, pieces);
    await beside.socket.close();
  });

  for (const way of ['in', 'out'] as const) {
    test(`one way: nothing ${way === 'in' ? 'reaches the host' : 'leaves the host'}`, { timeout: 120_000 }, async (t) => {
      const app = `torn-${way}`;
      await fleet.place(app, { web1: 100, web2: 100 });
      await answers(front, app);
      await run(t, app, [way], () => sleep(3000));
    });
  }
});

describe('a host that cannot start an app', () => {
  test('is passed by under load, whatever the method, and takes work again once it can', { timeout: 120_000 }, async (t) => {
    // Three quarters of the requests would go where the image is missing.
    await web2.ok(`podman tag ${TEST_IMAGE} localhost/fc-ill`);
    await fleet.place('ill', { web1: 300, web2: 100 }, { image: 'localhost/fc-ill', idle_timeout_s: 60 });
    const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'ill')] });
    t.after(() => load.stop());
    const tracer = new Tracer(front, 'ill');
    t.after(() => tracer.stop());
    await sleep(6000);
    await tracer.meet(web2);
    assert.deepEqual(Object.keys(tracer.share(0)), ['web2']);
    await web1.ok(`podman tag ${TEST_IMAGE} localhost/fc-ill`);
    const mendedAt = Date.now();
    // Its host looks for the image every 15 s.
    const backMs = Math.round((await tracer.reaches(web1, mendedAt, 45_000)).beganAt - mendedAt);
    await tracer.stop();
    const report = await load.stop();
    t.diagnostic(`served again ${backMs} ms after it was mended; ${summary(report)}`);
    assert.deepEqual(tracer.failures, []);
    assert.equal(report.failures.length, 0, summary(report));
  });

  test('when none can, the journal says what each says, and the first that can serves', { timeout: 60_000 }, async () => {
    await fleet.place('nowhere', { web1: 100, web2: 100 }, { image: 'localhost/fc-nowhere' });
    await front.until(async () => {
      const answer = await front.request('nowhere.test', '/', { method: 'POST', body: 'x' });
      if (answer.status !== 502 && answer.status !== 503) return `${answer.status} ${answer.body}`;
      const reason = await reasonOf(front, answer);
      return /on web1: .* on web2: |on web2: .* on web1: /.test(reason) || reason;
    }, { timeoutMs: 10_000, what: 'both are named' });
    await web2.ok(`podman tag ${TEST_IMAGE} localhost/fc-nowhere`);
    await front.until(async () => (await front.request('nowhere.test', '/')).status === 200 || 'not yet', { timeoutMs: 40_000, what: 'web2 serves' });
  });
});

test('a host killed outright: what was inside may fail, and what comes goes elsewhere within a second', { timeout: 120_000 }, async (t) => {
  await fleet.place('bereft', { web1: 100, web2: 100 });
  await answers(front, 'bereft');
  await fleet.place('only', { web2: 100 });
  await answers(front, 'only');
  const load = new Load({ perSecond: 110, targets: [throughProxy(front, 'bereft')], known: true });
  t.after(() => load.stop());
  const tracer = new Tracer(front, 'bereft');
  t.after(() => tracer.stop());
  await Promise.all([tracer.meet(web1), tracer.meet(web2)]);
  await sleep(2000);
  const killed = await blow(() => fleet.killHost('web2'));
  await sleep(7000);
  await tracer.stop();
  const report = await load.stop();
  // All in it were dead long before all of it was removed.
  t.diagnostic(judge(report, tracer, { began: killed.began, ended: killed.began }, Infinity));
});

test('an app whose only host is gone: a prompt 503 that says so, and its row brings it back', { timeout: 60_000 }, async (t) => {
  const ask = async (): Promise<Response & { readonly ms: number }> => {
    const began = performance.now();
    const answer = await front.request('only.test', '/');
    return { ms: Math.round(performance.now() - began), ...answer };
  };
  const first = await ask();
  const next = await ask();
  for (const answer of [first, next]) {
    assert.equal(answer.status, 503);
    assert.match(await reasonOf(front, answer), /its host does not answer/);
    assert.equal(answer.headers['retry-after'], '1');
  }
  assert.ok(first.ms < 1000 && next.ms < 1000, `${first.ms} and ${next.ms} ms`);
  const tracer = new Tracer(front, 'only');
  t.after(() => tracer.stop());
  const movedAt = await commit(front, "UPDATE placements SET host = 'web1' WHERE app = 'only'");
  const back = await tracer.reaches(web1, movedAt);
  await tracer.stop();
  t.diagnostic(`503 after ${first.ms} and ${next.ms} ms; back ${Math.round(back.beganAt - movedAt)} ms after the commit, answered in ${back.endedAt - back.beganAt} ms`);
  assert.ok(back.beganAt - movedAt <= 1000);
});

test('the journals hold nothing but what that costs', async () => {
  for (const host of [front, web1]) await host.assertQuiet([
    // The host's row came after the first look at the database.
    /^fc-sync-watch\.service: rejected: hosts /,
    // What was done to hosts, and was inside.
    /^fc-proxy\.service: (a host is left out|a host has fallen silent|what was in flight to a silent host is given up) host=web2 /,
    /^fc-proxy\.service: (a request failed|the app broke off its answer) app=(torn|torn-in|torn-out|bereft) host=web2 /,
    // The image that was missing: fc-sync, asked to look by fc-proxy, ends with 1 for it.
    /^fc-proxy\.service: an app is left out on a host app=(ill|nowhere) /,
    /^fc-sync\.service: (fc-sync\.service: Failed with result 'exit-code'\.|Failed to start fc-sync\.service )/,
    /^fc-(image@[0-9a-f]+|sync-watch)\.service: fc-image@[0-9a-f]+\.service(: Failed with result 'exit-code'\.|: the image localhost\/fc-(ill|nowhere) of )/,
    /^fc-image@[0-9a-f]+\.service: Failed to start fc-image@/,
    /^fc-(proxy|ctr-(ill|nowhere)-[0-9a-f]{8}|lease-.*@(ill|nowhere)-[0-9a-f]{8})\.(service|timer): .*(ill|nowhere)/,
  ]);
});
