/**
 * The page that a browser shows while an app starts (apps.waiting_page), and that turns into the app. It asks its own URL,
 * with a field that has fc-proxy answer in the app's place: such a request waits as its visitor would, and for as long,
 * so that the page knows at once. Nothing is asked of the app, and nothing is sent twice. Pure.
 */
import { HOP } from './headers.ts';
import { pageFrame, type Page } from './page.ts';

/** How long such a request waits at a time: less than proxies on the way do. */
export const POLL_MS = 10_000;

/** Without JavaScript, the page is loaded anew this often, seconds. */
export const REFRESH_S = 3;

/** So often in a row may the connection fail by which it asks, before the page gives up. */
const TRIES = 6;

/** In the JavaScript of 2015. A browser without fetch() loads the page anew instead. */
const SCRIPT = `
(function () {
  var seconds = document.getElementById('seconds'), says = document.getElementById('says');
  var began = Date.now() - seconds.textContent * 1000, errors = 0;
  function waited() { return Math.round((Date.now() - began) / 1000); }
  var ticking = setInterval(function () { seconds.textContent = waited(); }, 1000);
  function reload() { location.reload(); }
  function fail(text, reference, pause) {
    clearInterval(ticking);
    document.documentElement.className = 'over';
    document.title = document.querySelector('h1').textContent = 'This site is not available right now';
    says.textContent = text + (pause ? ' Try again in ' + pause + ' s.' : '');
    if (reference) document.getElementById('more').textContent = 'Reference: ' + reference.replace('urn:uuid:', '');
  }
  function ask() {
    var at = Date.now();
    fetch(location.href, { cache: 'no-store', headers: { Accept: 'application/problem+json', '${HOP.poll}': String(waited()) } }).then(function (answer) {
      if (!/^application\\/problem\\+json/.test(answer.headers.get('Content-Type'))) return reload();
      return answer.json().then(function (problem) {
        errors = 0;
        if (problem.type === 'urn:fastcontainer:problem:starting') setTimeout(ask, Math.max(0, at + 1000 - Date.now()));
        else if (/^urn:fastcontainer:/.test(problem.type)) fail(problem.detail, problem.instance, answer.headers.get('Retry-After'));
        else reload();
      });
    }).catch(function () {
      if (++errors < ${TRIES}) setTimeout(ask, errors * 1000);
      else fail('The connection was lost.');
    });
  }
  if (window.fetch) ask();
  else setTimeout(reload, ${REFRESH_S * 1000});
})();
`;

const STYLE = `
#bar { height: .25rem; border-radius: .125rem; background: currentColor; opacity: .3 }
.over #bar, .over #clock { display: none }
@media (prefers-reduced-motion: no-preference) { #bar { animation: pulse 2s ease-in-out infinite alternate } }
@keyframes pulse { from { width: 10% } to { width: 100% } }
`;

const frame = pageFrame({ style: STYLE, script: SCRIPT, refreshS: REFRESH_S, policy: "connect-src 'self'" });

/**
 * @param waitedMs how long the visitor has waited by now
 * @param typicalMs how long the app's last start took; null: not known
 */
export function waitingPage(waitedMs: number, typicalMs: number | null): Page {
  const typical = typicalMs === null ? '' : ` The last time, it took ${inSeconds(typicalMs)}.`;
  return frame('This site is starting', `<p id="says" role="status">It sleeps while nobody visits it. This page turns into it as soon as it is ready.</p>
<div id="bar" aria-hidden="true"></div>
<p id="clock">Waiting for <span id="seconds" role="timer">${Math.round(waitedMs / 1000)}</span> s.${typical}</p>
<p><a href="">Try again</a></p>
<p><small id="more"></small></p>
`);
}

function inSeconds(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds === 1 ? 'a second' : `${seconds} seconds`;
}
