/** What people see while an app starts, and when it does not: the page that turns into the app, and plain words. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser, launchBrowser } from '../support/browser.ts';
import { bootHost, type RequestOptions, type Response, type TestHost } from '../support/host.ts';
import { asleep, instanceOf, reasonOf, referenceOf } from '../support/units.ts';

let host: TestHost;

/** What browsers send when somebody opens a page: over TLS, and over plain HTTP. */
const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const CHROMIUM = { accept: HTML, 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none', 'sec-fetch-user': '?1', 'upgrade-insecure-requests': '1' };
const PLAIN = { accept: HTML, 'upgrade-insecure-requests': '1' };
/** What the waiting page asks. */
const POLL = { accept: 'application/problem+json', 'x-fastcontainer-poll': '1', 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' };

const slow = { env: { START_DELAY_MS: '2500' }, idle_timeout_s: 1, start_timeout_s: 20 };
const failing = { env: { START_DELAY_MS: '1500', EXIT_AT_START: '3' }, waiting_page: 0, start_timeout_s: 10 };

before(async () => {
  host = await bootHost('visitors', { sync: 'watch' });
  for (const app of ['slow', 'plain', 'crowd']) await host.addApp(app, { ...slow, waiting_page: 1 });
  await host.addApp('patient', { ...slow });
  await host.addApp('fails', failing);
  await host.until(async () => (await host.sh('readlink /run/fastcontainer/{slow,plain,crowd,patient,fails}.sock')).code === 0 || 'not all', { timeoutMs: 20_000, what: 'all apps are there' });
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

const isPage = ({ status, body }: Response): boolean => status === 503 && body.includes('<title>This site is starting</title>');

describe('a slow app with waiting_page', () => {
  for (const [app, browser, headers] of [['slow', 'a browser', CHROMIUM], ['plain', 'a browser over plain HTTP', PLAIN]] as const) {
    test(`${browser} gets the page after a second, and the app from the page, on one start`, async () => {
      const began = performance.now();
      const page = await host.request(`${app}.test`, '/request?x=1', { headers });
      const tookMs = performance.now() - began;
      assert.ok(isPage(page), `${page.status} ${page.body}`);
      assert.ok(tookMs >= 1000, `${Math.round(tookMs)} ms`);
      assert.deepEqual([page.headers['cache-control'], page.headers['retry-after'] !== undefined], ['no-store', true]);
      const poll = await host.request(`${app}.test`, '/request?x=1', { headers: POLL });
      assert.equal(poll.status, 204, poll.body);
      const answer = await host.request(`${app}.test`, '/request?x=1', { headers });
      assert.equal(answer.status, 200, answer.body);
      const seen = JSON.parse(answer.body) as { method: string; url: string };
      assert.deepEqual([seen.method, seen.url], ['GET', '/request?x=1']);
      const { requests } = JSON.parse((await host.request(`${app}.test`, '/pid', { headers })).body) as { requests: number };
      // The look of fc-ready whether it listens is no request.
      assert.equal(requests, 2, 'it was asked for nothing but what was wanted of it');
      assert.equal((await host.journal(`fc-ctr-${app}-*`)).filter(({ message }) => /^Starting /.test(message)).length, 1);
    });
  }

  const others: readonly (readonly [string, string, RequestOptions])[] = [
    ['a program', '/', { headers: { accept: '*/*' } }],
    ['a crawler', '/', { headers: { accept: HTML } }],
    ['a form', '/echo', { method: 'POST', body: 'x', headers: CHROMIUM }],
    ['an image', '/', { headers: { accept: 'image/*', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' } }],
    ['fetch()', '/', { headers: { accept: 'application/json', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' } }],
    ['a frame', '/', { headers: { ...CHROMIUM, 'sec-fetch-dest': 'iframe' } }],
    ['a prefetch', '/', { headers: { ...CHROMIUM, 'sec-purpose': 'prefetch' } }],
    ['a part of a download', '/', { headers: { ...CHROMIUM, range: 'bytes=0-' } }],
  ];

  test('everything else waits for the app, all at once on one start', async () => {
    const answers = await Promise.all(others.map(async ([who, path, options]) => [who, await host.request('crowd.test', path, options)] as const));
    for (const [who, answer] of answers) assert.equal(answer.status, 200, `${who}: ${answer.body}`);
  });

  test('it is switched off and on by its row: nothing is restarted', async () => {
    const told = async (app: string, seconds: string): Promise<void> => {
      await host.until(async () => (await host.sh(`grep -q '"name":"${app}",.*"waitingPageS":${seconds},' /var/lib/fastcontainer/snapshot.json`)).code === 0 || 'not yet', { timeoutMs: 10_000, what: `fc-proxy is told of ${app}` });
    };
    const instances = async (): Promise<readonly string[]> => [await instanceOf(host, 'plain'), await instanceOf(host, 'patient')];
    const before = await instances();
    await host.sql("UPDATE apps SET waiting_page = 0 WHERE name = 'patient'; UPDATE apps SET waiting_page = NULL WHERE name = 'plain'");
    await told('patient', '0');
    await told('plain', 'null');
    assert.ok(isPage(await host.request('patient.test', '/', { headers: CHROMIUM })), 'without a second thought');
    await asleep(host, 'plain');
    assert.equal((await host.request('plain.test', '/', { headers: CHROMIUM })).status, 200);
    assert.deepEqual(await instances(), before);
  });
});

describe('an app that does not start', () => {
  test('tells the page so when it fails, in plain words; why is in the journal', async () => {
    assert.ok(isPage(await host.request('fails.test', '/', { headers: CHROMIUM })));
    const poll = await host.request('fails.test', '/', { headers: POLL });
    assert.equal(poll.status, 502);
    const problem = JSON.parse(poll.body) as { type: string; detail: string };
    assert.deepEqual([problem.type, problem.detail], ['urn:fastcontainer:problem:start-failed', 'The site could not be started.']);
    assert.match(await reasonOf(host, poll), /exited with status 3/);
  });

  test('then shows a browser the page of the failure, with when to try again, and HEAD the same without', async () => {
    await host.until(async () => (await host.request('fails.test', '/', { headers: POLL })).status === 503 || 'not yet', { timeoutMs: 20_000, what: 'fails is in quarantine' });
    const page = await host.request('fails.test', '/', { headers: CHROMIUM });
    assert.equal(page.status, 503);
    assert.match(page.body, /<title>This site is not available right now<\/title>[^]*<p>Try again in [^<]+\.<\/p>/);
    assert.doesNotMatch(page.body, /exit|podman|systemd|fc-/);
    assert.notEqual(referenceOf(page), null);
    const head = await host.request('fails.test', '/', { method: 'HEAD', headers: CHROMIUM });
    assert.deepEqual([head.status, head.body, head.headers['content-type']], [503, '', 'text/html; charset=utf-8']);
  });
});

describe('in Chromium', () => {
  let browser: Browser;
  const secure = 'http://secure.test';

  before(async () => {
    // Over plain HTTP it sends no Fetch Metadata, but to an origin that it takes for as good as TLS.
    browser = await launchBrowser([`--host-resolver-rules=MAP *.test ${host.address}`, `--unsafely-treat-insecure-origin-as-secure=${secure}`]);
    for (const app of ['clear', 'secure', 'scriptless']) await host.addApp(app, { ...slow, idle_timeout_s: 60, waiting_page: 0 });
    await host.addApp('broken', failing);
    await host.until(async () => (await host.sh('readlink /run/fastcontainer/{clear,secure,scriptless,broken}.sock')).code === 0 || 'not all', { timeoutMs: 20_000, what: 'all apps are there' });
  });

  after(async () => { await browser.close(); });

  for (const [origin, metadata] of [['http://clear.test', false], [secure, true]] as const) {
    test(`the page turns into the app, which is asked once${metadata ? '; with Fetch Metadata' : ''}`, async () => {
      const page = await browser.open(`${origin}/request?x=1#part`);
      assert.equal(await page.text('h1'), 'This site is starting');
      await page.untilText('#seconds', /^[1-9]$/);
      await page.until('document.body.innerText.includes(\'"method": "GET"\')', 'it is the app');
      const seen = JSON.parse(await page.text('body') ?? '') as { url: string; rawHeaders: string[] };
      assert.equal(seen.url, '/request?x=1');
      assert.equal(seen.rawHeaders.some((name) => name.toLowerCase() === 'sec-fetch-mode'), metadata);
      assert.equal(seen.rawHeaders.some((name) => name.toLowerCase().startsWith('x-fastcontainer')), false);
      assert.equal(await page.evaluate('location.hash'), '#part');
      // A page that comes with 503 is told of, and an icon that the app does not have; but the policy lets all pass that the page needs.
      assert.deepEqual(page.problems.filter((problem) => !/503 \(Service Unavailable\)|\/favicon\.ico"/.test(problem)), []);
      await page.close();
    });
  }

  test('without JavaScript, too', async () => {
    const page = await browser.open('about:blank');
    await page.send('Emulation.setScriptExecutionDisabled', { value: true });
    await page.goto('http://scriptless.test/');
    assert.equal(await page.text('h1'), 'This site is starting');
    await page.untilText('body', /^hello from scriptless/);
    await page.close();
  });

  test('it ends with the failure of a start, in plain words and with the reference', async () => {
    const page = await browser.open('http://broken.test/');
    assert.equal(await page.text('h1'), 'This site is starting');
    await page.untilText('h1', /^This site is not available right now$/);
    assert.match(await page.text('main') ?? '', /The site could not be started\.[^]*Reference: [0-9a-f-]{36}/);
    await page.close();
  });
});

test('a bad value is named, and leaves the app as it is', async () => {
  await host.sql("UPDATE apps SET waiting_page = 61 WHERE name = 'patient'");
  await host.until(async () => (await host.journal('fc-sync-watch.service')).some(({ message }) => /apps 'patient', column waiting_page: .*60/.test(message)) || 'not named', { timeoutMs: 10_000, what: 'fc-sync names it' });
  assert.ok([200, 503].includes((await host.request('patient.test', '/', { headers: CHROMIUM })).status));
});
