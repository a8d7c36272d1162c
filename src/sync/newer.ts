/** Reads rows that may be applied: nothing older than what this host has applied before. */
import { HistoryError, requireNewer } from '../cmdb/accept.ts';
import type { Connection } from '../cmdb/connection.ts';
import { type Standing, standingOf } from '../cmdb/history.ts';
import { reach } from '../cmdb/reach.ts';
import { type Reading, readChanged, readPlace, readRows } from '../cmdb/read.ts';
import type { CmdbConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { readStanding } from './standing.ts';

/** What is taken: what comes after the standing; another database too; older rows too. */
export type Taking = 'newer' | 'other' | 'older';

export interface Newer {
  readonly reading: Reading;
  /** Where a host stands that applies it. */
  readonly standing: Standing;
}

/** What was read last of this database, and the apps that changed since as far as one knows; null: everything may have. */
export interface Known {
  readonly reading: Reading;
  readonly touched: ReadonlySet<string> | null;
}

/** @throws CmdbError when it cannot be read; HistoryError when it is not to be taken */
export async function readNewer(connection: Connection, standing: Standing | null, taking: Taking, log: Logger, known: Known | null = null): Promise<Newer> {
  const reading = await (known === null || known.touched === null
    ? readRows(connection, standing, known?.reading ?? null)
    : readChanged(connection, standing, known.reading, known.touched));
  try {
    requireNewer(standing, reading.history, connection.address);
  } catch (error) {
    if (!(error instanceof HistoryError) || !(taking === 'older' || (taking === 'other' && error.verdict === 'other'))) throw error;
    log.warn('the CMDB is taken although its history is another one', { error });
  }
  return { reading, standing: standingOf(reading.history) };
}

/**
 * The same from the first address that will do, for a run that ends.
 * @throws CmdbError that says of every address why not
 */
export async function readOnce(config: CmdbConfig, standingFile: string, taking: Taking, log: Logger): Promise<Newer> {
  const standing = await readStanding(standingFile);
  const { connection, value, passedOver } = await reach(config, (candidate, adopt) => readNewer(candidate, standing, adopt && taking === 'newer' ? 'other' : taking, log));
  connection.close();
  for (const error of passedOver) log.warn('passed over an address of the CMDB', { error });
  return value;
}

/**
 * Where a host would stand that applied what the CMDB has now.
 * @throws CmdbError when it cannot be read, or is not what comes after where the host stands
 */
export async function readStandingNow(config: CmdbConfig, standingFile: string): Promise<Standing> {
  const standing = await readStanding(standingFile);
  const { connection, value } = await reach(config, async (candidate) => {
    const history = await readPlace(candidate, standing);
    requireNewer(standing, history, candidate.address);
    return standingOf(history);
  });
  connection.close();
  return value;
}
