/** The page in a real Chromium, before a made-up host: what it shows, how it is used, and that strangers' text stays text. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launchBrowser, type Browser, type BrowserPage, type Viewport } from '../support/browser.ts';
import { failing, fleetOf, lively, pageHost, type PageHost } from '../support/page-host.ts';
import { until } from '../support/until.ts';

const DESKTOP: Viewport = { width: 1280, height: 900 };
const PHONE: Viewport = { width: 360, height: 740, phone: true };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
let host: PageHost;
let page: BrowserPage;

before(async () => {
  host = await pageHost(lively(300));
  browser = await launchBrowser();
  page = await browser.open(host.url, DESKTOP);
});
after(async () => {
  await browser.close();
  await host.close();
});

/** Loads the page anew, at a host that says this. */
async function show(status = lively(300), { viewport = DESKTOP, fleet = false, fragment = '' } = {}): Promise<void> {
  host.status = status;
  host.fleet = fleet ? fleetOf(status) : null;
  host.down = false;
  await page.resize(viewport);
  await page.goto('about:blank');
  await page.goto(host.url + fragment);
  await page.until('document.querySelectorAll("#apps-rows > tr").length > 0', 'apps are shown');
  if (fleet) await page.until('!document.getElementById("fleet").hidden', 'the fleet is shown');
}

/** Nothing was said on the console, nothing broke the policy, nothing was asked for elsewhere. */
function assertClean(): void {
  assert.deepEqual(page.problems.splice(0), []);
  assert.deepEqual(page.requests.splice(0).filter((url) => !url.startsWith(host.url) && url !== 'about:blank'), []);
}

const rows = async (): Promise<string[]> => await page.evaluate('[...document.querySelectorAll("#apps-rows button.app")].map((one) => one.textContent)') as string[];

test('a host at a glance', async () => {
  await show();
  await page.untilText('#verdict', /^Everything works\.$/);
  assert.equal(await page.text('#host'), 'web1');
  assert.match(await page.text('#figures') ?? '', /Requests\/s\s+128[^]*In flight\s+17\s+214 connections[^]*Awake\s+15\s+of 300 apps[^]*Cold start\s+\d+ ms\s+p95 \d+ ms[^]*Synced\s+\d+ s ago\s+revision 8421/);
  assert.match(await page.text('#apps-rows > tr') ?? '', /mail[^]*starting/, 'what does something comes before what sleeps');
  assert.match(await page.text('#events > li') ?? '', /woke[^]*ms[^]*GET [a-z-\d]+\.example\.com\/[^]*(Firefox 128|Googlebot 2.1)/);
  assert.equal(await page.evaluate('document.querySelectorAll("#chart rect").length > 100'), true, 'columns of the parts of cold starts');
  assert.equal(await page.evaluate('document.getElementById("fleet").hidden && document.getElementById("trouble").hidden'), true, 'nothing fails, and there is one host');
  assertClean();
});

test('what fails is named, with why, the evidence and the next try; hosts of the fleet too', async () => {
  await show(failing(60), { fleet: true });
  await page.untilText('#verdict', /^fc-sync fails, 1 host does not answer, 2 apps do not start, 1 change is not applied and 2 rows are rejected\.$/);
  const troubles = await page.text('#troubles') ?? '';
  for (const part of [/cannot reach the CMDB at db1:3306/, /broken\s+does not start\s+The app ended with exit status 3/, /4th failure in a row/, /next try in \d+ s/, /apps misspelt\s+row rejected\s+memory_max: "lots" is no amount/]) assert.match(troubles, part);
  await page.evaluate('document.querySelector("#troubles details:not([hidden]) summary").click()');
  await page.untilText('#troubles [open] pre', /Cannot find module '\/app\/server.js'/);
  assert.match(await page.text('#fleet-hosts') ?? '', /web1 \(this one\)[^]*web2[^]*draining[^]*web3[^]*ETIMEDOUT/);
  assert.match(await page.evaluate('document.title') as string, /^\(7\) web1/);
  assertClean();
});

test('strangers\' text stays text: no markup comes of it, and no character that turns it round', async () => {
  await show(failing(60), { fleet: true });
  await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
  await page.evaluate('document.querySelectorAll("#apps-rows button.app").forEach((one) => { one.click(); })');
  const text = await page.text('body') ?? '';
  assert.ok(text.split('<script>alert(2)</script>\\u{202e}\\u{1b}[31m').length > 8, 'it is shown as it was written');
  assert.equal(await page.evaluate('document.querySelectorAll("img, body script, [onerror], iframe, svg script").length'), 0);
  assert.doesNotMatch(text, /[\u202e\u001b]/);
  assertClean();
});

test('it follows the host without being loaded again, and leaves what has the focus', async () => {
  await show(lively(60), { fragment: '#q=shop' });
  await page.evaluate('window.marked = true; document.querySelector("#apps-rows button.app").focus()');
  await page.untilText('#apps-rows > tr', /shop[^]*awake/);
  const calm = host.status;
  host.status = { ...calm, apps: calm.apps.map((app) => (app.name === 'shop' ? { ...app, state: 'asleep', since: null } : app)),
    events: [...calm.events, { id: 99, at: Date.now(), kind: 'slept', app: 'shop', generation: '1a2b3c4d', awakeMs: 61_000 }] };
  await page.untilText('#apps-rows > tr', /shop[^]*asleep/);
  await page.untilText('#events > li', /shop\s+fell asleep after 1 min/);
  assert.equal(await page.evaluate('window.marked && document.activeElement.textContent'), 'shop');
  assertClean();
});

test('when fc-admin falls silent the page says what it shows is old, and goes on when it is back', async () => {
  await show();
  host.down = true;
  await page.until('!document.getElementById("stale").hidden', 'it is said');
  assert.match(await page.text('#stale') ?? '', /fc-admin answers 503[^]*What is shown is of \d\d:\d\d:\d\d/);
  assert.match(await page.text('#pulse') ?? '', /\d+ s old/);
  assert.match(await page.text('#verdict') ?? '', /^Not known since \d\d:\d\d:\d\d\.$/);
  assert.ok((await rows()).length > 0, 'what was known stays');
  host.down = false;
  await page.evaluate('document.getElementById("stale-retry").click()');
  await page.until('document.getElementById("stale").hidden', 'it is over');
  await page.untilText('#verdict', /^Everything works\.$/);
  assert.equal(page.problems.splice(0).every((one) => one.includes('503')), true, 'Chromium itself notes failed requests');
  assertClean();
});

test('by keyboard only: / to the filter, Esc out of it, arrows from app to app, Enter to look closer', async () => {
  await show();
  await page.press('/');
  assert.equal(await page.evaluate('document.activeElement.id'), 'text');
  await page.type('tracker');
  await page.untilText('#apps-note', /^\d+ of 300 apps$/);
  await until(async () => (await rows()).every((name) => name.startsWith('tracker')) || 'others are there', { timeoutMs: 10_000, what: 'only apps of that name' });
  assert.equal(await page.evaluate('location.hash'), '#q=tracker');
  await page.press('Escape');
  await page.untilText('#apps-note', /^300 apps$/);
  await page.until('document.querySelectorAll("#apps-rows button.app").length === 100', 'the first hundred');
  await page.evaluate('document.querySelector("#apps-rows button.app").focus()');
  await page.press('ArrowDown');
  const [, second] = await rows();
  assert.equal(await page.evaluate('document.activeElement.textContent'), second);
  await page.press('Enter');
  assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-expanded")'), 'true');
  assert.match(await page.text('#apps-rows tr.details') ?? '', /Domains[^]*Generation[^]*Cold starts/);
  await page.press('ArrowUp');
  assert.equal(await page.evaluate('document.activeElement.textContent'), (await rows())[0]);
  assertClean();
});

test('Tab goes everywhere, and where it is can be seen', async () => {
  await show(failing(20), { fleet: true });
  const stops: string[] = [];
  for (let i = 0; i < 120; i++) {
    await page.press('Tab');
    const stop = await page.evaluate(`(() => {
      const at = document.activeElement;
      if (at === document.body) return 'end';
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      const { top, bottom, left, width, height } = at.getBoundingClientRect();
      const seen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && width > 0 && height > 0 && bottom > 0 && top < innerHeight && left >= 0;
      return (seen ? '' : 'UNSEEN ') + (at.id || at.dataset.state || at.dataset.sort || at.className || at.tagName) + ' ' + at.textContent.slice(0, 20);
    })()`) as string;
    if (stop === 'end') break;
    stops.push(stop);
  }
  assert.deepEqual(stops.filter((stop) => stop.startsWith('UNSEEN')), []);
  for (const part of [/What fails/, /^SUMMARY Evidence/, /^SUMMARY/, /^text /, /^quarantined/, /^memory Memory/, /^app broken/, /metrics/]) assert.ok(stops.some((stop) => part.test(stop)), `${String(part)} is among ${stops.join(' | ')}`);
  assertClean();
});

test('states are filters, orders are asked of fc-admin, and both are in the address', async () => {
  await show();
  await page.evaluate('document.querySelector("#states [data-state=awake]").click()');
  await page.untilText('#apps-note', /^14 of 300 apps$/);
  await page.evaluate('document.querySelector("[data-sort=memory]").click()');
  await page.until('document.querySelector("[data-sort=memory]").parentElement.ariaSort === "descending"', 'the order is told');
  assert.equal(await page.evaluate('location.hash'), '#state=awake&sort=memory');
  const before = await rows();
  await page.send('Page.reload');
  await page.untilText('#apps-note', /^14 of 300 apps$/);
  assert.deepEqual(await rows(), before, 'a reload shows the same');
  assert.equal(await page.evaluate('document.querySelector("#states [data-state=awake]").ariaPressed'), 'true');
  assertClean();
});

test('ten thousand apps are as quick as a hundred: no more than the first rows are made', async () => {
  await show(lively(10_000));
  assert.match(await page.text('#apps-note') ?? '', /^10\s000 apps$/);
  assert.equal((await rows()).length, 100);
  assert.equal(await page.evaluate('document.querySelectorAll("*").length < 4000'), true);
  assert.match(await page.text('#apps-more') ?? '', /^Show 300 of 10\s000$/);
  await page.evaluate('document.getElementById("apps-more").click()');
  await page.until('document.querySelectorAll("#apps-rows button.app").length === 300', 'more on request');
  assertClean();
});

const LOOKS: readonly [name: string, viewport: Viewport][] = [
  ['desktop, light', DESKTOP], ['desktop, dark', { ...DESKTOP, dark: true }], ['phone, light', PHONE], ['phone, dark', { ...PHONE, dark: true }],
];
for (const [name, viewport] of LOOKS) {
  test(`${name}: nothing sticks out at the side, and axe finds nothing (WCAG 2.2 AA)`, async () => {
    await page.send('Page.setBypassCSP', { enabled: true });
    await show(failing(60), { viewport: { ...viewport, reducedMotion: true }, fleet: true });
    await page.evaluate('document.querySelectorAll("#troubles details:not([hidden]), #events details").forEach((one) => { one.open = true; })');
    await page.evaluate('document.querySelectorAll("#apps-rows button.app")[1].click()');
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'no scrolling to the side');
    const cut = await page.evaluate('[...document.querySelectorAll("#apps-rows button.app")].filter((one) => one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right).length');
    assert.equal(cut, 0, 'names of apps are to be read');
    assert.equal(await page.evaluate('document.getAnimations().length'), 0, 'nothing moves for who wants no motion');
    await page.evaluate(AXE);
    const found = await page.evaluate(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      .then(({ violations }) => violations.map(({ id, help, nodes }) => id + ': ' + help + ' ' + nodes.slice(0, 3).map((node) => node.html + ' ' + node.failureSummary).join(' ')))`);
    assert.deepEqual(found, []);
    await page.send('Page.setBypassCSP', { enabled: false });
    page.problems.splice(0);
  });
}
