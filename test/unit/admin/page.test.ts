/** The page's files, as a browser gets them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isHeld, readPage } from '../../../src/admin/page.ts';

const FOLDER = new URL('../../../src/admin/page/', import.meta.url);
const files = readPage();

test('every file of the folder that is meant for a browser is served, and nothing else', () => {
  const names = readdirSync(FOLDER).filter((name) => name !== 'tsconfig.json').map((name) => (name === 'index.html' ? '/' : `/page/${name}`));
  assert.deepEqual([...files.keys()].sort(), names.sort());
  assert.equal(files.get('/')?.fields['Content-Type'], 'text/html; charset=utf-8');
  assert.equal(files.get('/page/page.js')?.fields['Content-Type'], 'text/javascript; charset=utf-8');
});

test('no script, style or picture but the page\'s own files, and no text becomes markup', () => {
  for (const { fields } of files.values()) {
    const policy = fields['Content-Security-Policy'] ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(policy.split('; ').includes(part), part);
    assert.doesNotMatch(policy, /unsafe|http|data:|\*/);
    assert.equal(fields['X-Content-Type-Options'], 'nosniff');
  }
  const page = files.get('/')?.body.toString() ?? '';
  assert.doesNotMatch(page, /<style|style=|<script(?! type="module" src="page\/)|\son\w+=|\/\/\w/);
  for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.js'))) {
    assert.doesNotMatch(readFileSync(new URL(name, FOLDER), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/, name);
  }
});

test('a file that a browser holds is not sent again; a changed one is', () => {
  const [script, style] = [files.get('/page/page.js'), files.get('/page/page.css')];
  assert.ok(script !== undefined && style !== undefined);
  assert.notEqual(script.etag, style.etag);
  assert.match(script.etag, /^"[\w-]+"$/);
  assert.equal(script.fields['Cache-Control'], 'no-cache');
  for (const field of [script.etag, `W/${script.etag}`, `"other", ${script.etag}`, '*']) assert.equal(isHeld(script, field), true, field);
  for (const field of [undefined, '', '"other"', style.etag, script.etag.slice(1, -1)]) assert.equal(isHeld(script, field), false, field);
});
