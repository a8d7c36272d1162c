/** What went wrong with the CMDB, said so that an operator knows what to do. */

/** The CMDB cannot be used: unreachable, not the right one, or not in the shape this program knows. */
export class CmdbError extends Error {
  override readonly name = 'CmdbError';
}

/** What helps, by the error's code: MySQL's symbolic names and those of Node and mysql2. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['ER_ACCESS_DENIED_ERROR', 'check the user in [cmdb] url and the password in [cmdb] password_file'],
  ['ER_DBACCESS_DENIED_ERROR', 'GRANT SELECT on the database to this account'],
  ['ER_TABLEACCESS_DENIED_ERROR', 'GRANT SELECT on the database to this account (fc-sync migrate needs ALL on it)'],
  ['ER_COLUMNACCESS_DENIED_ERROR', 'GRANT SELECT on the database to this account'],
  ['ER_BAD_DB_ERROR', 'create the database, then run fc-sync migrate'],
  ['ER_NO_SUCH_TABLE', 'run fc-sync migrate'],
  ['ER_BAD_FIELD_ERROR', 'run fc-sync migrate'],
  ['ER_NO_DB_ERROR', 'create the database, then run fc-sync migrate'],
  ['ER_BINLOG_CREATE_ROUTINE_NEED_SUPER', 'triggers under a binary log need SUPER or SET GLOBAL log_bin_trust_function_creators = 1'],
  ['ER_DUP_ENTRY', 'two rows have what only one may have: change one of them, then try again'],
  ['ER_LOCK_WAIT_TIMEOUT', 'another transaction holds its tables: end it, then try again'],
  ['ER_OPTION_PREVENTS_STATEMENT', 'it is read-only: a replica? fc-sync migrate --url takes the address of the one that is written to'],
  // A node of a Galera cluster that is not in its primary component lets us in, and then refuses every statement.
  ['ER_UNKNOWN_COM_ERROR', 'is it a node that has lost its cluster? see SHOW STATUS LIKE \'wsrep_cluster_status\''],
  ['ER_SERVER_SHUTDOWN', 'the server is being stopped'],
  ['ER_SERVER_OFFLINE_MODE', 'its operator has set offline_mode'],
  ['ER_CON_COUNT_ERROR', 'raise its max_connections'],
  ['ECONNREFUSED', 'is the server running, and [cmdb] url right?'],
  ['ENOENT', 'is the server running, and socketPath in [cmdb] url right?'],
  ['ENOTFOUND', 'is the host in [cmdb] url right?'],
]);

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Whether the server refused a statement with this error (its symbolic name). */
export function isServerError(error: unknown, ...codes: readonly string[]): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (codes.includes(codeOf(at))) return true;
  }
  return false;
}

/** `what` did not work because of `cause`, with what to do where that is known. */
export function cmdbError(what: string, cause: unknown): CmdbError {
  if (cause instanceof CmdbError) return new CmdbError(`${what}: ${cause.message}`, { cause });
  if (!(cause instanceof Error)) return new CmdbError(`${what}: ${String(cause)}`, { cause });
  // Node tries all addresses of a name, and then has no message of its own.
  const errors: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  const why = errors.map((error) => (error instanceof Error ? error.message : String(error))).join(', ');
  const remedy = REMEDIES.get(codeOf(cause)) ?? (codeOf(cause).startsWith('PROTOCOL_') ? 'is it a MySQL or MariaDB server?' : undefined);
  return new CmdbError(`${what}: ${why}${remedy === undefined ? '' : ` (${remedy})`}`, { cause });
}
