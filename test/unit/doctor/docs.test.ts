import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { CHECKS } from '../../../src/doctor/checks.ts';

const PAGE = new URL('../../../docs/doctor.md', import.meta.url);
const [START, END] = ['<!-- checks -->\n', '<!-- end -->\n'];

test('docs/doctor.md has the checks that there are: UPDATE_DOCS=1 writes its table', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.indexOf(START) + START.length, page.indexOf(END)];
  assert.ok(before >= START.length && after >= before);
  const rows = CHECKS.map(({ id, looksAt }) => `| \`${id}\` | ${looksAt} |\n`);
  const made = `${page.slice(0, before)}| check | looks at |\n| --- | --- |\n${rows.join('')}${page.slice(after)}`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(PAGE, made);
  else assert.equal(page, made);
});
