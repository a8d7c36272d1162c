/**
 * CMDB rows as they come from the database: nothing in them is trusted.
 * Every value is the text MySQL holds (JSON columns too), or null.
 */
export type Row = Readonly<Record<string, string | null>>;

export interface Rows {
  readonly hosts: readonly Row[];
  readonly apps: readonly Row[];
  readonly domains: readonly Row[];
  readonly placements: readonly Row[];
  /** Highest change-log id that the rows include, as decimal text; '0' when the log is empty. */
  readonly revision: string;
}
