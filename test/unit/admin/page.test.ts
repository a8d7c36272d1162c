/** The page's files, as a browser gets them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isHeld } from '../../../src/admin/held.ts';
import { pageRoutes } from '../../../src/admin/page.ts';
import { hostStatus } from '../../support/host-status.ts';
import { pageHost } from '../../support/page-host.ts';

const FOLDER = new URL('../../../src/admin/page/', import.meta.url);

test('every file of the folder that is meant for a browser is served, and nothing else', () => {
  const names = readdirSync(FOLDER).filter((name) => name !== 'tsconfig.json').map((name) => (name === 'index.html' ? '/' : `/page/${name}`));
  assert.deepEqual(pageRoutes().map(([path]) => path).sort(), names.sort());
});

test('no script, style or picture but the page\'s own files, and no text becomes markup', async (t) => {
  const host = await pageHost(hostStatus([]));
  t.after(() => host.close());
  for (const [path] of pageRoutes()) {
    const { headers } = await fetch(new URL(path, host.url));
    const policy = headers.get('content-security-policy') ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(policy.split('; ').includes(part), part);
    assert.doesNotMatch(policy, /unsafe|http|data:|\*/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
  const page = readFileSync(new URL('index.html', FOLDER), 'utf8');
  assert.doesNotMatch(page, /<style|style=|<script(?! type="module" src="page\/)|\son\w+=|\/\/\w/);
  for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.js'))) {
    assert.doesNotMatch(readFileSync(new URL(name, FOLDER), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/, name);
  }
});

test('a file that a browser holds is not sent again, and is what it was', async (t) => {
  const host = await pageHost(hostStatus([]));
  t.after(() => host.close());
  const url = new URL('page/page.js', host.url);
  const first = await fetch(url);
  const etag = first.headers.get('etag') ?? '';
  assert.match(etag, /^"[\w-]+"$/);
  assert.equal(first.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.equal(first.headers.get('cache-control'), 'no-cache');
  assert.equal(await first.text(), readFileSync(new URL('page.js', FOLDER), 'utf8'));
  const again = await fetch(url, { headers: { 'If-None-Match': etag } });
  assert.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', etag]);
  const other = await fetch(new URL('page/page.css', host.url), { headers: { 'If-None-Match': etag } });
  assert.equal(other.status, 200);
  assert.notEqual(other.headers.get('etag'), etag);
  await other.text();
  const state = await fetch(new URL('state.json', host.url), { headers: { 'If-None-Match': '*' } });
  assert.equal(state.status, 200, 'what has no ETag is always told');
  await state.text();
});

test('If-None-Match is read as RFC 9110 says', () => {
  for (const field of ['"a"', 'W/"a"', '"other", "a"', '*']) assert.equal(isHeld('"a"', field), true, field);
  for (const field of [undefined, '', '"other"', 'a']) assert.equal(isHeld('"a"', field), false, field);
  assert.equal(isHeld(undefined, '*'), false);
});
