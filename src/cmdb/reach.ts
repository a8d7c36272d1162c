import type { CmdbConfig } from '../config/config.ts';
import { readPassword } from '../config/password.ts';
import { HistoryError, historyRemedy } from './accept.ts';
import { CONNECT_TIMEOUT_MS } from './connect.ts';
import { Connection } from './connection.ts';
import { dial } from './dial.ts';
import { CmdbError } from './error.ts';

/** How long an address is waited for before the next one is tried as well. */
const HEAD_START_MS = 500;

/** The address that does, what `use` gave there, and why those before it did not. */
export interface Reached<T> {
  readonly connection: Connection;
  /** Whether it is the first one of the configuration. */
  readonly first: boolean;
  readonly value: T;
  readonly passedOver: readonly CmdbError[];
}

/**
 * What is asked of an address; a CmdbError sends us to the next one.
 * @param adopt every address has answered, and with another database than before: so that is the CMDB now
 */
export type Use<T> = (connection: Connection, adopt: boolean) => Promise<T>;

/**
 * Finds the first address that lets us in and with which `use` succeeds. Its connection is left open.
 * @throws CmdbError that says of every address why not
 * @throws ConfigError when the password file is no good
 * @throws what else `use` throws
 */
export async function reach<T>(config: CmdbConfig, use: Use<T>): Promise<Reached<T>> {
  if (config.addresses.length === 0) throw new CmdbError('no CMDB is configured: set [cmdb] url');
  let { reached, errors } = await tryAll(config, use, false);
  // Nobody has the history that was followed. As long as an address is away, it might, and nothing is decided.
  if (reached === null && errors.every((error) => error instanceof HistoryError && error.verdict === 'other')) {
    ({ reached, errors } = await tryAll(config, use, true));
  }
  if (reached !== null) return reached;
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
  throw new CmdbError(`the CMDB cannot be used: ${errors.map(({ message }) => message).join('; ')}${historyRemedy(errors)}`, { cause });
}

interface Tried<T> {
  readonly reached: Reached<T> | null;
  readonly errors: readonly CmdbError[];
}

async function tryAll<T>({ addresses, passwordFile }: CmdbConfig, use: Use<T>, adopt: boolean): Promise<Tried<T>> {
  // Read every time, so that a changed password is found by a program that runs on.
  const password = passwordFile === null ? undefined : readPassword(passwordFile);
  const opens = addresses.map((address) => () => Connection.open(address, password, CONNECT_TIMEOUT_MS));
  const errors: CmdbError[] = [];
  for await (const came of dial(opens, (connection) => { connection.close(); }, HEAD_START_MS)) {
    try {
      if (!('connection' in came)) throw came.error;
      const { connection, index } = came;
      const value = await use(connection, adopt).catch((error: unknown) => {
        connection.close();
        throw error;
      });
      return { reached: { connection, first: index === 0, value, passedOver: errors }, errors };
    } catch (error) {
      if (!(error instanceof CmdbError)) throw error;
      errors.push(error);
    }
  }
  return { reached: null, errors };
}
