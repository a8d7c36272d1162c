/** The host that is looked at: what several checks ask for is looked up once. */
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { loadConfig, type Config } from '../config/config.ts';
import { ConfigError } from '../config/error.ts';
import { ifThere } from '../files.ts';
import type { Fleet } from '../model/app.ts';
import { parseFleet } from '../model/parse.ts';
import type { Snapshot } from '../snapshot/format.ts';
import { SnapshotError } from '../snapshot/parse.ts';
import { SnapshotReader } from '../snapshot/text.ts';
import { policyOf } from '../sync/decide.ts';
import { HOST_PATHS } from '../systemd/paths.ts';
import { NotLooked } from './check.ts';
import { type CmdbView, lookAtCmdb } from './cmdb.ts';
import { output } from './run.ts';
import { listUnits, type UnitRow } from './units.ts';

/** A user's ids, as getent(1) knows them. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export class Host {
  readonly configFile: string;
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(configFile: string) {
    this.configFile = configFile;
  }

  get isRoot(): boolean {
    return process.geteuid?.() === 0;
  }

  /** @throws NotLooked unless root looks */
  needRoot(): void {
    if (!this.isRoot) throw new NotLooked('only root may look there');
  }

  /** The configuration as fc-proxy reads it. @throws NotLooked when it is no good, which is the business of another check */
  config(): Promise<Config> {
    return this.#once('config', async () => {
      try {
        await readFile(this.configFile);
        return loadConfig(this.configFile, 'fc-proxy');
      } catch (cause) {
        if (cause instanceof ConfigError || isMissing(cause)) throw new NotLooked('the configuration cannot be used (check "config")');
        throw cause;
      }
    });
  }

  /** What fc-proxy serves; null: fc-sync has never written it. @throws NotLooked when it is damaged */
  snapshot(): Promise<Snapshot | null> {
    return this.#once('snapshot', async () => {
      const text = await ifThere(readFile(HOST_PATHS.snapshot, 'utf8'));
      try {
        return text === null ? null : await new SnapshotReader().read(text);
      } catch (cause) {
        if (cause instanceof SnapshotError) throw new NotLooked('the snapshot cannot be read (check "sync")');
        throw cause;
      }
    });
  }

  /** All units of ours that systemd has loaded. @throws NotLooked */
  units(): Promise<ReadonlyMap<string, UnitRow>> {
    return this.#once('units', () => listUnits('fc-*'));
  }

  /** Each address of the CMDB, and the rows of the first that has them. @throws NotLooked */
  cmdb(): Promise<CmdbView> {
    return this.#once('cmdb', async () => await lookAtCmdb((await this.config()).cmdb, HOST_PATHS.standing));
  }

  /** What the rows come to on this host. @throws NotLooked when no address of the CMDB has them */
  fleet(): Promise<Fleet> {
    return this.#once('fleet', async () => {
      const { rows } = await this.cmdb();
      if (rows === null) throw new NotLooked('the CMDB cannot be read (check "cmdb")');
      return parseFleet(rows, policyOf(await this.config()));
    });
  }

  /** The user that fc-proxy runs as. @throws NotLooked when there is none, which is the business of another check */
  proxyAccount(): Promise<Account> {
    return this.#once('account', async () => {
      const account = parsePasswd(await output('getent', ['passwd', 'fc-proxy']).catch(() => ''));
      if (account === null) throw new NotLooked('there is no user fc-proxy (check "account")');
      return account;
    });
  }

  /** Whether a file is there, and of which time and mode. */
  async stat(path: string): Promise<Stats | null> {
    return await ifThere(stat(path));
  }

  #once<T>(what: string, look: () => Promise<T>): Promise<T> {
    const known = this.#known.get(what) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const looking = look();
    // Who asks gets the error; nobody may have asked when it comes.
    looking.catch(() => undefined);
    this.#known.set(what, looking);
    return looking;
  }
}

/** A line of passwd(5). */
export function parsePasswd(line: string): Account | null {
  const [name, , uid = '', gid = ''] = line.trim().split(':');
  return name !== '' && /^[0-9]+$/.test(uid) && /^[0-9]+$/.test(gid) ? { uid: Number(uid), gid: Number(gid) } : null;
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
