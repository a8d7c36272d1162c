import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { withReference } from '../support/reference.ts';

const repo = fileURLToPath(new URL('../../', import.meta.url));
const path = `${repo}README.md`;

test('the README says what the code does: UPDATE_DOCS=1 writes its reference', () => {
  const readme = readFileSync(path, 'utf8');
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, withReference(readme));
  else assert.equal(readme, withReference(readme));
});

test('the README names no file of the checkout that is not there', () => {
  const named = [...readFileSync(path, 'utf8').matchAll(/(?<![\w/.-])((?:scripts|src|test|units|templates)\/[\w./-]*\w\/?)/g)].map(([, name = '']) => name);
  assert.ok(named.length > 5);
  assert.deepEqual(named.filter((name) => !existsSync(repo + name)), []);
});
