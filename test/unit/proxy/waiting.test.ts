/** Who is shown a page while an app starts, what it says, and how it turns into the app. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { Script } from 'node:vm';
import { isNavigation } from '../../../src/proxy/navigation.ts';
import { waitingPage } from '../../../src/proxy/waiting-page.ts';
import type { SnapshotGeneration } from '../../../src/snapshot/format.ts';
import type { JobResult } from '../../../src/systemd/manager.ts';
import { testFleet } from './fleet.ts';
import { appOf, ask, deferred, generationOf, snapshotOf, testApp, testProxy, until, type TestProxy } from './support.ts';

const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
/** What a browser sends when somebody opens a page. */
const BROWSER = { Accept: HTML, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', 'Sec-Fetch-Site': 'none', 'Upgrade-Insecure-Requests': '1' };

describe('a navigation', () => {
  const table: [why: string, expected: boolean, headers: Record<string, string>, method?: string][] = [
    ['a browser', true, BROWSER],
    ['a browser whose copy may still be good', true, { ...BROWSER, 'If-None-Match': '"x"', 'If-Modified-Since': 'x' }],
    ['a browser over plain HTTP', true, { Accept: HTML, 'Upgrade-Insecure-Requests': '1' }],
    ['a form', false, BROWSER, 'POST'],
    ['HEAD', false, BROWSER, 'HEAD'],
    ['a frame', false, { ...BROWSER, 'Sec-Fetch-Dest': 'iframe' }],
    ['an image', false, { Accept: 'image/avif,*/*', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }],
    ['a script that says that it takes HTML', false, { ...BROWSER, 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' }],
    ['half of what browsers send', false, { ...BROWSER, 'Sec-Fetch-Dest': '' }],
    ['a download that goes on', false, { ...BROWSER, Range: 'bytes=1-' }],
    ['a condition', false, { ...BROWSER, 'If-Match': '"x"' }],
    ['prefetch', false, { ...BROWSER, 'Sec-Purpose': 'prefetch;prerender' }],
    ['prefetch, as it was called', false, { ...BROWSER, Purpose: 'prefetch' }],
    ['XMLHttpRequest', false, { Accept: HTML, 'Upgrade-Insecure-Requests': '1', 'X-Requested-With': 'XMLHttpRequest' }],
    ['a crawler', false, { Accept: HTML }],
    ['curl', false, { Accept: '*/*' }],
    ['curl that says what a browser says, but for HTML', false, { ...BROWSER, Accept: '*/*' }],
    ['nothing', false, {}],
  ];
  for (const [why, expected, headers, method = 'GET'] of table) {
    test(`${why}: ${expected ? 'yes' : 'no'}`, () => {
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      assert.equal(isNavigation(method, lower), expected);
    });
  }
});

describe('the page', () => {
  test('is a whole one of at most 4 KB, that allows its own script and style alone, and asks its own host', () => {
    const { html, fields } = waitingPage(3200, 4100);
    assert.ok(Buffer.byteLength(html) <= 4096, `${Buffer.byteLength(html)} bytes`);
    const hash = (text: string | undefined): string => `'sha256-${createHash('sha256').update(text ?? '').digest('base64')}'`;
    const policy = fields[fields.indexOf('Content-Security-Policy') + 1] ?? '';
    assert.ok(policy.includes(`style-src ${hash(/<style>([^]*)<\/style>/.exec(html)?.[1])};`));
    assert.ok(policy.includes(`script-src ${hash(/<script>([^]*)<\/script>/.exec(html)?.[1])};`));
    assert.match(policy, /^default-src 'none'; .*connect-src 'self'$/);
    assert.match(html, /<span id="seconds" role="timer">3<\/span> s\. The last time, it took 4 seconds\./);
    assert.match(html, /<p id="says" role="status">/);
    assert.match(html, /<noscript><meta http-equiv="refresh" content="3"><\/noscript>\n<\/head>/);
    assert.match(html, /@media \(prefers-reduced-motion: no-preference\)/);
    assert.doesNotMatch(html.replace(/@media \(prefers-reduced-motion: no-preference\) \{[^\n]*/, ''), /animation:/);
  });

  test('says nothing of the last time when that is not known', () => {
    assert.match(waitingPage(0, null).html, /role="timer">0<\/span> s\.<\/p>/);
  });

  test('its script is one', () => { assert.doesNotThrow(() => new Script(/<script>([^]*)<\/script>/.exec(waitingPage(0, null).html)?.[1] ?? '')); });
});

interface Sleeper {
  readonly proxy: TestProxy;
  readonly generation: SnapshotGeneration;
  readonly end: (result: JobResult) => void;
  readonly seen: string[];
}

/** A proxy before an app that starts once it is told. */
async function sleeper(t: TestContext, waitingPageS: number | null, over: Partial<SnapshotGeneration> = {}): Promise<Sleeper> {
  const seen: string[] = [];
  const app = await testApp(t, (req, res) => {
    seen.push(`${req.method} ${req.url} ${String(req.headers['x-fastcontainer-poll'] ?? '')}`);
    res.end('the app');
  });
  const generation = generationOf('app', { port: app.port, ...over });
  const proxy = await testProxy(t, snapshotOf({ ...appOf('app', ['app.example'], generation), waitingPageS }));
  const job = deferred<JobResult>();
  proxy.manager.job = () => job.promise;
  return { proxy, generation, end: job.resolve, seen };
}

const POLL = { Accept: 'application/problem+json', 'X-FastContainer-Poll': '2' };

describe('an app that starts', () => {
  test('shows a browser the page, as 503, and goes on starting; its poll is told when it is there, and nothing is asked of the app', async (t) => {
    const { proxy, end, seen } = await sleeper(t, 0);
    const { status, body, headers } = await ask(proxy.port, '/a?b', { headers: BROWSER });
    assert.equal(status, 503);
    assert.match(body, /<title>This site is starting<\/title>/);
    assert.deepEqual([headers['cache-control'], headers['retry-after'], headers['content-language'], headers['content-type']], ['no-store', '5', 'en', 'text/html; charset=utf-8']);
    const poll = ask(proxy.port, '/a?b', { headers: POLL });
    // A moment in which it would be answered if it did not wait.
    await Promise.race([poll.then(() => assert.fail('it did not wait')), new Promise((resolve) => { setTimeout(resolve, 100); })]);
    end('done');
    const answer = await poll;
    assert.deepEqual([answer.status, answer.body, answer.headers['cache-control']], [204, '', 'no-store']);
    assert.deepEqual(seen, []);
    assert.equal((await ask(proxy.port, '/a?b', { headers: BROWSER })).body, 'the app');
    assert.deepEqual(seen, ['GET /a?b ']);
    assert.equal(proxy.manager.calls.filter((call) => call.includes('fc-lease')).length, 1, 'one start');
  });

  test('says to a poll that has waited for as long as one does that it starts', { timeout: 20_000 }, async (t) => {
    const { proxy } = await sleeper(t, 60, { startTimeoutS: 60 });
    const { status, body, headers } = await ask(proxy.port, '/', { headers: POLL });
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body), { type: 'urn:fastcontainer:problem:starting', title: 'Service Unavailable', status: 503, detail: 'The site is starting.' });
    assert.equal(headers['content-type'], 'application/problem+json');
  });

  test('that fails tells the poll so, as it tells anybody', async (t) => {
    const { proxy, end } = await sleeper(t, 0);
    const poll = ask(proxy.port, '/', { headers: POLL });
    await until('it starts', () => proxy.manager.calls.length > 0);
    end('failed');
    const { status, body } = await poll;
    assert.equal(status, 502);
    assert.match(body, /problem:start-failed.*instance/);
    assert.match(proxy.log.told(body), /the start ended as/);
  });

  test('a poll has the time that its visitor has left', async (t) => {
    const { proxy } = await sleeper(t, 0, { startTimeoutS: 10 });
    const began = performance.now();
    const { status, body } = await ask(proxy.port, '/', { headers: { ...POLL, 'X-FastContainer-Poll': '9' } });
    assert.equal(status, 504);
    assert.match(body, /start-timeout/);
    assert.ok(performance.now() - began < 5000);
  });

  for (const [who, options] of [
    ['a program', { headers: { Accept: 'application/json' } }],
    ['an image', { headers: { Accept: 'image/*', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' } }],
    ['a form', { method: 'POST', headers: BROWSER, body: 'x' }],
    ['a GET with a body', { headers: { ...BROWSER, 'Content-Length': '1' }, body: 'x' }],
    ['a poll that is no GET', { method: 'DELETE', headers: POLL }],
  ] as const) {
    test(`${who} waits for it`, async (t) => {
      const { proxy, end } = await sleeper(t, 0);
      const answer = ask(proxy.port, '/', options);
      await until('it starts', () => proxy.manager.calls.length > 0);
      end('done');
      assert.equal((await answer).body, 'the app');
    });
  }

  test('without waiting_page keeps a browser waiting, and knows no polls', async (t) => {
    const { proxy, end, seen } = await sleeper(t, null);
    const answers = [ask(proxy.port, '/', { headers: BROWSER }), ask(proxy.port, '/', { headers: POLL })];
    await until('it starts', () => proxy.manager.calls.length > 0);
    end('done');
    for (const { body } of await Promise.all(answers)) assert.equal(body, 'the app');
    assert.deepEqual(seen, ['GET / ', 'GET / '], 'the field goes no further');
  });

  test('in time shows no page', async (t) => {
    const { proxy, end } = await sleeper(t, 5);
    const answer = ask(proxy.port, '/', { headers: BROWSER });
    await until('it starts', () => proxy.manager.calls.length > 0);
    end('done');
    assert.equal((await answer).body, 'the app');
  });

  test('and is awake shows no page, whatever its lease', async (t) => {
    const { proxy, end, seen } = await sleeper(t, 0, { leaseS: 1 });
    end('done');
    await ask(proxy.port);
    for (let n = 0; n < 20; n++) {
      await new Promise((resolve) => { setTimeout(resolve, 60); });
      assert.equal((await ask(proxy.port, '/', { headers: BROWSER })).body, 'the app');
    }
    assert.equal(seen.length, 21);
  });

  test('stays awake for those whom it told to wait, though its idle time is shorter than they take', async (t) => {
    const { proxy, end, generation } = await sleeper(t, 0, { leaseS: 1 });
    await ask(proxy.port, '/', { headers: BROWSER });
    end('done');
    const renewals = (): number => proxy.manager.calls.filter((call) => call === `restart ${generation.lease}`).length;
    await until('its lease is renewed with nobody there', () => renewals() >= 3, 3000);
  });
});

describe('on another host', () => {
  test('the page comes from there, and is no answer of the app; so does what the poll is told', async (t) => {
    const fleet = await testFleet(t, { front: (_req, res) => { res.end(); }, web: (_req, res) => { res.end('the app'); } });
    fleet.place({ web: 1 }, 0);
    const { port, log } = fleet.member('front');
    const { manager } = fleet.member('web');
    const job = deferred<JobResult>();
    manager.job = () => job.promise;
    const page = await ask(port, '/', { headers: BROWSER });
    assert.equal(page.status, 503);
    assert.match(page.body, /This site is starting/);
    assert.deepEqual(Object.keys(page.headers).filter((name) => name.startsWith('x-fastcontainer')), []);
    const poll = ask(port, '/', { headers: POLL });
    job.resolve('done');
    assert.equal((await poll).status, 204);
    assert.equal((await ask(port, '/', { headers: BROWSER })).body, 'the app');
    assert.deepEqual(log.lines.filter((line) => line.includes('problem')), [], 'nobody is told of trouble');
  });

  test('a start that fails there is told to the poll, under the reference of both hosts', async (t) => {
    const fleet = await testFleet(t, { front: (_req, res) => { res.end(); }, web: (_req, res) => { res.end('the app'); } });
    fleet.place({ web: 1 }, 0);
    fleet.member('web').manager.job = () => 'failed';
    const { status, body } = await ask(fleet.member('front').port, '/', { headers: POLL });
    assert.equal(status, 502);
    for (const name of ['front', 'web']) assert.match(fleet.member(name).log.told(body), /the start ended as/);
  });
});
