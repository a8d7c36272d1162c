/** The page of a booted host in a real Chromium: it follows what happens there, and says what fails and why. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launchBrowser, type Browser, type BrowserPage } from '../support/browser.ts';
import { bootHost, type TestHost } from '../support/host.ts';

/** What a stranger may send: fc-proxy takes it as a path and as a user agent. */
const MARKUP = '<img/src=x/onerror=alert(1)>';

let host: TestHost;
let browser: Browser;
let page: BrowserPage;

before(async () => {
  host = await bootHost('page');
  await host.ok(`
    mkdir -p /etc/systemd/system/fc-admin.socket.d
    printf '[Socket]\\nListenStream=%s:8078\\n' ${host.address} >/etc/systemd/system/fc-admin.socket.d/listen.conf
    systemctl daemon-reload
    systemctl stop fc-admin.service fc-admin.socket
    systemctl start fc-admin.socket fc-admin.service
  `);
  await host.addApp('sleeper', { idle_timeout_s: 2 });
  await host.addApp('broken', { env: { EXIT_AT_START: '3' }, start_timeout_s: 5 });
  assert.equal((await host.sync()).code, 0);
  browser = await launchBrowser();
  page = await browser.open(`http://${host.address}:8078/`, { width: 1280, height: 900 });
});
after(async () => {
  await browser.close();
  await host.kill();
});

/** The row of an app, as it is read. */
async function row(app: string): Promise<string> {
  return await page.evaluate(`[...document.querySelectorAll('#apps-rows > tr')].find((one) => one.querySelector('button')?.textContent === ${JSON.stringify(app)})?.innerText ?? ''`) as string;
}
const untilRow = (app: string, word: string): Promise<void> =>
  host.until(async () => (await row(app)).includes(word) || `its row says ${JSON.stringify(await row(app))}`, { timeoutMs: 20_000, what: `${app} is ${word} on the page` });

test('an app wakes and falls asleep again before the reader\'s eyes', async () => {
  await untilRow('sleeper', 'asleep');
  await page.untilText('#verdict', /^Everything works\.$/);
  assert.equal(await page.text('#host'), host.row);
  await page.evaluate('window.marked = true');

  const answer = await host.request('sleeper.test', `/${MARKUP}`, { headers: { 'user-agent': `Crawlerbot/1.0 ${MARKUP}` } });
  assert.equal(answer.status, 404, 'the app itself has no such page');
  await untilRow('sleeper', 'awake');
  await page.untilText('#events > li:last-child', /sleeper[^]*woke\s+[\d.]+ m?s\s+GET sleeper\.test\/<img\/src=x\/onerror=alert\(1\)>[^]*Crawlerbot 1\.0 · bot/);
  const parts = await page.evaluate('document.querySelector("#events .bar-full").ariaLabel') as string;
  assert.match(parts, /systemd [\d.]+ m?s, .*podman [\d.]+ m?s, ready [\d.]+ m?s/, 'what the time was spent on');
  assert.match(await page.text('#starts-note') ?? '', /^p50 [\d.]+ m?s · p95 [\d.]+ m?s$/);
  await page.until('document.querySelectorAll("#chart rect").length > 2', 'the chart has its column');

  await untilRow('sleeper', 'asleep');
  await page.untilText('#events', /sleeper\s+fell asleep after \d+ s/);
  assert.equal(await page.evaluate('window.marked'), true, 'the page was not loaded again');
});

test('an app that does not start is named, with the reason and its last words; so is a row that cannot be used', async () => {
  for (let i = 0; i < 2; i++) assert.equal((await host.request('broken.test', '/')).status, 502);
  await host.sql("UPDATE apps SET memory_max = 'lots' WHERE name = 'sleeper'");
  assert.equal((await host.sync()).code, 1);

  await page.untilText('#verdict', /^1 app does not start and 1 row is rejected\.$/);
  await untilRow('sleeper', 'rejected');
  const troubles = await page.text('#troubles') ?? '';
  assert.match(troubles, /broken\s+does not start\s+.*status 3[^]*2nd failure in a row[^]*(next try in \d+ s|tried again at the next request)[^]*GET broken\.test\//);
  assert.match(troubles, /apps sleeper\s+row rejected\s+memory_max: .*lots/);
  await page.evaluate('document.querySelector("#troubles details:not([hidden]) summary").click()');
  await page.untilText('#troubles [open] pre', /\S/);
});

test('nothing of it became markup, was asked for elsewhere, or broke the policy', async () => {
  assert.equal(await page.evaluate('document.querySelectorAll("img, body script").length'), 0);
  assert.deepEqual(page.problems, []);
  assert.deepEqual(page.requests.filter((url) => !url.startsWith(`http://${host.address}:8078/`)), []);
});

test('fc-admin is restarted: the page says so, and goes on', async () => {
  await host.ok('systemctl stop fc-admin.socket fc-admin.service');
  await page.until('!document.getElementById("stale").hidden', 'it is said that there is no answer');
  assert.match(await page.text('#stale') ?? '', /fc-admin does not answer\. What is shown is of/);
  await host.ok('systemctl start fc-admin.socket fc-admin.service');
  await page.until('document.getElementById("stale").hidden', 'it goes on', 30_000);
  await page.untilText('#verdict', /1 row is rejected/);
});
