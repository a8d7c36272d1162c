/**
 * What a CMDB column accepts. The tables of columns (`columns.ts`) are the one place that says it: the
 * parser reads them, and so does the README's reference.
 */
import type { Row } from './rows.ts';

/** What of the host's configuration bears on whether a row is acceptable. */
export interface Policy {
  /** This host's name. */
  readonly host: string;
  /** Absolute, normal paths: what volumes and root file systems must lie under. */
  readonly volumeRoots: readonly string[];
  readonly allowHostNetwork: boolean;
}

/** A value that cannot be taken; the message completes the sentence "column x …". */
export class BadValue extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'BadValue';
  }
}

export type Parser<T> = (text: string, policy: Policy) => T;

export interface Column<T> {
  readonly name: string;
  /** What it takes, in words, for the reference. */
  readonly accepts: string;
  /** As text, what the schema gives when the INSERT says nothing; null: SQL NULL. */
  readonly default: string | null;
  readonly doc: string;
  /** @throws BadValue */
  readonly parse: (text: string | null, policy: Policy) => T;
}

/** A parser for a column that may not be NULL. */
export function required<T>(parse: Parser<T>): Column<T>['parse'] {
  return (text, policy) => {
    if (text === null) throw new BadValue('is NULL, and needs a value');
    return parse(text, policy);
  };
}

/** A parser for a column where NULL means "none". */
export function orNull<T>(parse: Parser<T>): Column<T | null>['parse'] {
  return (text, policy) => (text === null ? null : parse(text, policy));
}

/**
 * The column's value in `row`. A column the row does not have (a database not migrated yet) has its default.
 * @throws BadValue
 */
export function valueOf<T>(column: Column<T>, row: Row, policy: Policy): T {
  const text = row[column.name];
  return column.parse(text === undefined ? column.default : text, policy);
}

/** Why `row` cannot be taken, column by column; empty when every one of `columns` is good. */
export function problemsOf(columns: readonly Column<unknown>[], row: Row, policy: Policy): { column: string; why: string }[] {
  const problems: { column: string; why: string }[] = [];
  for (const column of columns) {
    try {
      valueOf(column, row, policy);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      problems.push({ column: column.name, why: error.message });
    }
  }
  return problems;
}
