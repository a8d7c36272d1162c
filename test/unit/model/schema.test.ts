/** The table of columns, which the reference is made from, says what the schema does. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loadMigrations } from '../../../src/cmdb/schema.ts';
import { TABLES } from '../../../src/model/columns.ts';

const STATEMENTS = loadMigrations().flatMap(({ statements }) => statements);

for (const [table, columns] of Object.entries(TABLES)) {
  it(`columns and defaults of ${table} are the schema's`, () => {
    const made = STATEMENTS.find((statement) => statement.startsWith(`CREATE TABLE IF NOT EXISTS ${table} (`)) ?? '';
    const added = STATEMENTS.flatMap((statement) => new RegExp(`^ALTER TABLE ${table} ADD COLUMN (.*)$`).exec(statement)?.[1] ?? []);
    const changed = new Map(STATEMENTS.flatMap((statement) => {
      const [, name, value] = new RegExp(`^ALTER TABLE ${table} ALTER COLUMN ([a-z_]+) SET DEFAULT '([^']*)'$`).exec(statement) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }));
    const inSchema = [...made.matchAll(/^ {2}([a-z_]+ .*?),?$/gm)].map(([, definition]) => definition ?? '').concat(added).flatMap((definition) => {
      const [, name, text, number] = /^([a-z_]+) .*?(?:DEFAULT (?:'([^']*)'|([0-9]+)|NULL))?$/.exec(definition) ?? [];
      return name === undefined ? [] : [{ name, default: changed.get(name) ?? text ?? number ?? null }];
    });
    assert.deepEqual(inSchema, columns.map((column) => ({ name: column.name, default: column.default })));
  });
}
