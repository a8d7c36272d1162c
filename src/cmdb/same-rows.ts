/** Rows that say what they said are the objects they were: what was found out about a row is remembered with its object. Pure. */
import type { Row } from '../model/rows.ts';
import { sameFields } from '../model/same.ts';

/** `rows`, each as the object of `before` that says the same, if there is one by its key. */
export function sameRows(rows: readonly Row[], before: readonly Row[], keyOf: (row: Row) => string): readonly Row[] {
  const known = new Map(before.map((row) => [keyOf(row), row]));
  return rows.map((row) => {
    const same = known.get(keyOf(row));
    return same !== undefined && sameFields(same, row) ? same : row;
  });
}
