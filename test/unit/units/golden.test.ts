/**
 * The units of a few apps, byte by byte. After an intended change run
 * `UPDATE_GOLDEN=1 node --import tsx --test test/unit/units/golden.test.ts` and read the diff: a changed `id`
 * means that an upgrade hands every such app over to a new generation.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { renderLease } from '../../../src/units/lease.ts';
import { CASES, TEMPLATES, goldenFiles, renderCase } from '../../support/cases.ts';

const GOLDEN = new URL('../../golden/', import.meta.url).pathname;

function check(name: string, files: ReadonlyMap<string, string>): void {
  const directory = join(GOLDEN, name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    for (const [file, text] of files) writeFileSync(join(directory, file), text);
  }
  assert.deepEqual(readdirSync(directory).sort(), [...files.keys()].sort());
  for (const [file, text] of files) assert.equal(text, readFileSync(join(directory, file), 'utf8'), `${name}/${file}`);
}

for (const golden of CASES) it(`renders ${golden.name} as before`, () => check(golden.name, goldenFiles(renderCase(golden))));

it('renders leases as before', () => {
  check('leases', new Map([null, 1, 10, 300].map((idle) => renderLease(idle, TEMPLATES)).map(({ name, text }) => [name, text])));
});
