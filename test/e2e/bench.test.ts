/** scripts/bench works, each part at a toy size. What it says of speed takes a quiet machine, and is asserted nowhere. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readDocs, readResults, renderDocs } from '../bench/docs.ts';
import type { PartResult } from '../bench/result.ts';
import { run, type Result } from '../support/run.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));
const DOCS = `${REPO}docs`;
const filesOf = (folder: string): Map<string, string> =>
  new Map((existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []).filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'latin1')]));

const docs = filesOf(DOCS);
const folder = mkdtempSync(join(tmpdir(), 'fc-bench-'));
let ended: Result;
let results: readonly PartResult[];

before(async () => {
  ended = await run(`${REPO}scripts/bench`, ['--toy', '--out', folder], { timeoutMs: 240_000 });
}, { timeout: 250_000 });

after(() => { rmSync(folder, { recursive: true }); });

test('every part runs to its end, and no request of it fails', (t) => {
  t.diagnostic(ended.stderr);
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
});

test('what each part gives has its shape, every figure of it a finite number', (t) => {
  results = readResults(folder);
  const parts = readdirSync(new URL('../bench/parts', import.meta.url)).map((file) => file.replace(/\.ts$/, ''));
  assert.deepEqual(results.map(({ part }) => part).sort(), parts.sort());
  assert.ok(parts.length > 0);
  t.diagnostic(ended.stdout);
});

test('the page and its plots are made of it, and show every target', () => {
  const written = readDocs(folder);
  assert.deepEqual(written, renderDocs(results));
  const page = written.get('performance.md') ?? '';
  for (const { title, targets, plots } of results) {
    assert.ok(page.includes(`\n## ${title}\n`), title);
    for (const { what } of targets) assert.ok(page.includes(what), what);
    for (const { title: plot } of plots) assert.ok([...written.values()].some((content) => content.startsWith('<svg') && content.includes(plot)), plot);
  }
  for (const [path, content] of written) assert.doesNotMatch(content, /NaN|undefined|Infinity/, path);
});

test('the figures in docs stay as they are', () => {
  assert.deepEqual(filesOf(DOCS), docs);
});
