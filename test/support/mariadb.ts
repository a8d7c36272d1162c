/** A MariaDB server of the test's own: a folder, a Unix socket and a port on loopback, gone at the end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Connection } from '../../src/cmdb/connection.ts';
import { migrate } from '../../src/cmdb/migrate.ts';
import type { CmdbAddress } from '../../src/config/cmdb-address.ts';
import type { CmdbConfig } from '../../src/config/config.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

export interface Mariadb {
  readonly port: number;
  readonly socketPath: string;
  /** Address of a database, for root without password unless told otherwise. */
  address(database: string, options?: { readonly user?: string; readonly tcp?: boolean }): CmdbAddress;
  /** The same as a configuration for connect(). */
  config(database: string, options?: { readonly user?: string; readonly tcp?: boolean }): CmdbConfig;
  /** The same as a `[cmdb] url`. */
  url(database: string, options?: { readonly user?: string; readonly tcp?: boolean }): string;
  /** An open connection as root; of the server alone when no database is named. */
  open(database?: string): Promise<Connection>;
  /** Makes an empty database. */
  createDatabase(name: string): Promise<void>;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
  /** SIGKILL: nobody is told. */
  kill(): Promise<void>;
  /** Starts it again with what it had, at the same port and socket. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** stop(), all data gone, start(): a server that has been put back without its backup. */
  emptied(): Promise<void>;
  /** stop(), and removes its folder. */
  close(): Promise<void>;
}

export interface MariadbOptions {
  /** Further options; they win over those that all servers are started with. */
  readonly args?: readonly string[];
  /** The account it runs as. */
  readonly user?: string;
}

/** Starts a server. Takes a second or two; `close()` it in the test's after(). */
export async function startMariadb({ args = [], user = userInfo().username }: MariadbOptions = {}): Promise<Mariadb> {
  const folder = await mkdtemp(join(tmpdir(), 'fc-mariadb-'));
  const data = join(folder, 'data');
  // A server that starts removes temporary tables from this folder, those of others too.
  const temporary = `--tmpdir=${join(folder, 'tmp')}`;
  const socketPath = join(folder, 'mysqld.sock');
  const port = await freePort();
  let server: ChildProcess | null = null;

  const install = async (): Promise<void> => {
    await rm(data, { recursive: true, force: true });
    await run('mariadb-install-db', [
      '--no-defaults', `--user=${user}`, `--datadir=${data}`, temporary, '--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve',
    ]);
  };
  const start = async (): Promise<void> => {
    if (server !== null) throw new Error('MariaDB runs already');
    server = await startServer([
      '--no-defaults', `--user=${user}`, `--datadir=${data}`, temporary, `--socket=${socketPath}`, `--port=${port}`, '--bind-address=127.0.0.1',
      `--pid-file=${join(folder, 'mysqld.pid')}`, '--skip-name-resolve', '--innodb-buffer-pool-size=16M', '--innodb-log-file-size=8M',
      '--innodb-flush-log-at-trx-commit=0', '--skip-log-bin', '--max-connections=50', ...args,
    ]);
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const running = server;
    server = null;
    if (running !== null) await endServer(running, signal);
  };
  const stop = (): Promise<void> => end('SIGTERM');

  const mariadb: Mariadb = {
    port,
    socketPath,
    address: (database, { user: account = 'root', tcp = false } = {}) =>
      ({ host: '127.0.0.1', port, socketPath: tcp ? null : socketPath, user: account, database }),
    config: (database, options) => ({ addresses: [mariadb.address(database, options)], passwordFile: null }),
    url: (database, { user: account = 'root', tcp = false } = {}) =>
      `mysql://${account}@127.0.0.1:${port}/${database}${tcp ? '' : `?socketPath=${socketPath}`}`,
    open: (database = 'mysql') => Connection.open(mariadb.address(database), undefined, 5_000),
    createDatabase: async (name) => {
      const connection = await mariadb.open();
      await connection.query(`CREATE DATABASE ${name}`);
      connection.close();
    },
    stop,
    kill: () => end('SIGKILL'),
    start,
    restart: async () => {
      await stop();
      await start();
    },
    emptied: async () => {
      await stop();
      await install();
      await start();
    },
    close: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await mkdir(join(folder, 'tmp'));
    // Another account must find its way to its data and make its socket here.
    if (user !== userInfo().username) {
      await chmod(folder, 0o755);
      await run('chown', ['-R', user, folder]);
    }
    await install();
    await start();
    return mariadb;
  } catch (error) {
    await mariadb.close();
    throw error;
  }
}

/** A server with an empty CMDB named `fc`, and a connection to that. */
export async function startCmdb(): Promise<{ readonly server: Mariadb; readonly db: Connection }> {
  const server = await startMariadb();
  await server.createDatabase('fc');
  const db = await server.open('fc');
  await migrate(db);
  return { server, db };
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: START_TIMEOUT_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text; });
  const [code] = await once(child, 'close') as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`);
}

/** Runs mariadbd until it says that it is ready. */
async function startServer(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn('mariadbd', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => { child.kill('SIGKILL'); }, START_TIMEOUT_MS);
    const fail = (): void => {
      clearTimeout(timer);
      reject(new Error(`mariadbd did not start:\n${said.join('\n')}`));
    };
    child.once('error', fail).once('exit', fail);
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      if (!line.includes('ready for connections')) return;
      clearTimeout(timer);
      child.off('error', fail).off('exit', fail);
      resolve();
    });
  });
  return child;
}

async function endServer(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => { child.kill('SIGKILL'); }, STOP_TIMEOUT_MS);
  child.kill(signal);
  await once(child, 'exit');
  clearTimeout(timer);
}
