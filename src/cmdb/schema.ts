/** The schema's versions: numbered .sql files, shipped beside the code that reads the tables. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { TABLES } from '../model/columns.ts';

/** The newest version, which this program reads: the number of the last file in schema/. */
export const SCHEMA_VERSION = 8;

export interface Migration {
  readonly version: number;
  /** The file's name. */
  readonly name: string;
  readonly statements: readonly string[];
}

/** Beside this file in src/ and where the build copies it to; `tsc` alone leaves it in the package's src/. */
const FOLDERS = [new URL('schema/', import.meta.url), new URL('../../src/cmdb/schema/', import.meta.url)];

/** All migrations, oldest first. */
export function loadMigrations(): readonly Migration[] {
  const folder = FOLDERS.find((url) => existsSync(url));
  if (folder === undefined) throw new Error(`the schema is not installed: no ${FOLDERS.map((url) => url.pathname).join(', no ')}`);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ version: Number.parseInt(name, 10), name, statements: splitStatements(readFileSync(new URL(name, folder), 'utf8')) }));
}

/**
 * The statements of a file written for the mysql client: each ends with the
 * delimiter at the end of a line, and a DELIMITER line changes that (for the
 * bodies of triggers, which have semicolons in them).
 */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = [];
  let delimiter = ';';
  let lines: string[] = [];
  for (const line of sql.split('\n')) {
    const changed = /^DELIMITER (\S+)$/.exec(line)?.[1];
    if (changed !== undefined) delimiter = changed;
    else if (!line.startsWith('--') && line.trim() !== '') {
      lines.push(line);
      if (!line.endsWith(delimiter)) continue;
      statements.push(lines.join('\n').slice(0, -delimiter.length));
      lines = [];
    }
  }
  if (lines.length > 0) throw new Error(`a statement does not end with ${delimiter}: ${lines.join(' ')}`);
  return statements;
}

/** Columns that the programs read, by table. */
export const READ_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([
  ...Object.entries(TABLES).map(([table, columns]) => [table, columns.map(({ name }) => name)] as const),
  ['changes', ['id', 'tbl', 'name', 'stamp']],
  ['history', ['origin']],
]);

/** Columns that must be there, by table: those, and what only the triggers use. */
export const SCHEMA_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([...READ_COLUMNS, ['uid_ranges', ['base', 'app']]]);

/** Triggers that fill the change log, the one that stamps what comes into it, and those that give each app its range of user ids. */
export const TRIGGERS: readonly string[] = [
  ...Object.keys(TABLES).flatMap((table) => ['insert', 'update', 'delete'].map((verb) => `fc_${table}_${verb}`)),
  'fc_changes_insert',
  'fc_apps_range_insert', 'fc_apps_range_update',
];
