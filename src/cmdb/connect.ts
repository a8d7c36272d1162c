import type { CmdbConfig } from '../config/config.ts';
import { readPassword } from '../config/password.ts';
import { Connection } from './connection.ts';
import { CmdbError } from './error.ts';

/** How long each address has, from the look-up of its name to the end of the login. */
export const CONNECT_TIMEOUT_MS = 3_000;

/**
 * Connects to the first address that lets us in. The password file is read
 * every time, so that a changed password is found by a program that runs on.
 * @throws CmdbError that says of every address why not
 * @throws ConfigError when the password file is no good
 */
export async function connect(config: CmdbConfig, timeoutMs = CONNECT_TIMEOUT_MS): Promise<Connection> {
  const password = config.passwordFile === null ? undefined : readPassword(config.passwordFile);
  const errors: CmdbError[] = [];
  for (const address of config.addresses) {
    try {
      return await Connection.open(address, password, timeoutMs);
    } catch (error) {
      if (!(error instanceof CmdbError)) throw error;
      errors.push(error);
    }
  }
  if (errors.length === 0) throw new CmdbError('no CMDB is configured: set [cmdb] url');
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
  throw new CmdbError(`CMDB unreachable: ${errors.map(({ message }) => message).join('; ')}`, { cause });
}
