import { ConfigError } from '../../config/error.ts';
import { loadConfig } from '../../config/config.ts';
import { readPassword } from '../../config/password.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding, info } from '../finding.ts';
import { shellWord } from '../shell.ts';

export interface ConfigFacts {
  readonly file: string;
  readonly there: boolean;
  /** What is wrong with it for fc-proxy, and for fc-sync (which needs more), a line each. */
  readonly proxy: readonly string[];
  readonly sync: readonly string[];
  readonly hasCmdb: boolean;
  /** What is wrong with the password file. */
  readonly password: string | null;
}

export function judgeConfig({ file, there, proxy, sync, hasCmdb, password }: ConfigFacts): readonly Finding[] {
  if (!there) return [error(`there is no ${file}`, 'neither fc-sync nor fc-proxy starts', advice('scripts/provision --host NAME --cmdb mysql://fc@CMDB/fastcontainer writes one'))];
  if (proxy.length > 0) {
    return proxy.map((line) => error(line, 'fc-sync and fc-proxy do not start again with it', advice(`mend it in ${file}, then: systemctl restart fc-proxy; what serves goes on meanwhile`)));
  }
  if (!hasCmdb) return [info(`${file} names no [cmdb] url`, 'no row reaches this host', advice(`write one there, then: systemctl enable --now fc-sync-watch`))];
  const forSync = sync.map((line) => error(line, 'fc-sync does not start with it', advice(`mend it in ${file}`)));
  if (password === null) return forSync;
  const path = /chmod 0600 (.*)$/.exec(password)?.[1];
  return [...forSync, error(password, 'fc-sync does not let itself into the CMDB', path === undefined ? advice(`mend it, or name another file as [cmdb] password_file in ${file}`) : command(`chmod 0600 ${shellWord(path)}`))];
}

export default check<ConfigFacts>({
  id: 'config',
  looksAt: 'fastcontainer.ini as both programs read it, and the file with the password of the CMDB',
  look: async (host) => {
    const file = host.configFile;
    const facts: ConfigFacts = { file, there: await host.stat(file) !== null, proxy: [], sync: [], hasCmdb: false, password: null };
    if (!facts.there) return facts;
    const proxy = attempt(() => loadConfig(file, 'fc-proxy'));
    if (proxy instanceof ConfigError) return { ...facts, proxy: proxy.message.split('\n') };
    const { addresses, passwordFile } = proxy.cmdb;
    if (addresses.length === 0) return facts;
    const sync = attempt(() => loadConfig(file, 'fc-sync'));
    const password = passwordFile === null ? null : attempt(() => readPassword(passwordFile));
    return {
      ...facts, hasCmdb: true,
      sync: sync instanceof ConfigError ? sync.message.split('\n') : [],
      password: password instanceof ConfigError ? password.message : null,
    };
  },
  judge: judgeConfig,
});

/** What `work` gives, or what is wrong with the configuration. @throws the file system's error where a permission is all that is missing */
function attempt<T>(work: () => T): T | ConfigError {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    if (cause.cause instanceof Error && 'code' in cause.cause && cause.cause.code === 'EACCES') throw cause.cause;
    return cause;
  }
}
