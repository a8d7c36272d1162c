/** What was found out about a row is remembered with it: rows are read once and looked at in each pass. */
import type { Policy } from './column.ts';
import type { Row } from './rows.ts';

/** `work`, done once for each row object under one policy. What it throws is not remembered. */
export function once<T>(work: (row: Row, policy: Policy) => T): (row: Row, policy: Policy) => T {
  const known = new WeakMap<Row, { readonly policy: Policy; readonly value: T }>();
  return (row, policy) => {
    const before = known.get(row);
    if (before?.policy === policy) return before.value;
    const value = work(row, policy);
    known.set(row, { policy, value });
    return value;
  };
}
