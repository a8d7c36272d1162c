/** The table of columns, which the reference is made from, says what the schema does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { TABLES } from '../../../src/model/columns.ts';

const SQL = readFileSync(new URL('../../../src/cmdb/schema/001-tables.sql', import.meta.url), 'utf8');

for (const [table, columns] of Object.entries(TABLES)) {
  it(`columns and defaults of ${table} are the schema's`, () => {
    const body = new RegExp(`CREATE TABLE IF NOT EXISTS ${table} \\((.*?)\\n\\)`, 's').exec(SQL)?.[1] ?? '';
    const inSchema = [...body.matchAll(/^ {2}([a-z_]+) .*?(?:DEFAULT (?:'([^']*)'|([0-9]+)|NULL))?,?$/gm)]
      .map(([, name, text, number]) => ({ name, default: text ?? number ?? null }));
    assert.deepEqual(inSchema, columns.map((column) => ({ name: column.name, default: column.default })));
  });
}
