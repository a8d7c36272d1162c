import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { withReference } from '../support/reference.ts';

const repo = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = ['README.md', ...readdirSync(`${repo}docs`).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];

test('the reference says what the code does: UPDATE_DOCS=1 writes it', () => {
  const path = `${repo}docs/reference.md`;
  const page = readFileSync(path, 'utf8');
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, withReference(page));
  else assert.equal(page, withReference(page));
});

test('the documents name no file of the checkout that is not there', () => {
  const named = PAGES.flatMap((page) => [...readFileSync(repo + page, 'utf8').matchAll(/(?<![\w/.-])((?:scripts|src|test|units|templates)\/[\w./-]*\w\/?)/g)].map(([, name = '']) => name));
  assert.ok(named.length > 10);
  assert.deepEqual(named.filter((name) => !existsSync(repo + name)), []);
});

test('every link of a document leads somewhere, to a heading too', () => {
  const links = PAGES.flatMap((page) => [...readFileSync(repo + page, 'utf8').matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
    .map(([, path = '', heading]) => ({ page, target: path === '' ? page : join(dirname(page), path), heading })));
  assert.ok(links.length > 10);
  const broken = links.filter(({ target, heading }) => !existsSync(repo + target) || (heading !== undefined && !headingsOf(target).includes(heading)));
  assert.deepEqual(broken, []);
});

test('the README is short', () => {
  assert.ok(readFileSync(`${repo}README.md`, 'utf8').split('\n').length <= 120);
});

/** Anchors that a renderer of Markdown makes of headings. */
function headingsOf(page: string): readonly string[] {
  return [...readFileSync(repo + page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));
}
