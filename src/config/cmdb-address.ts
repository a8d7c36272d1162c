/** `[cmdb] url`: where the database is and who asks. */
import { isIPv6 } from 'node:net';
import { BadValue, absolutePath } from './values.ts';

/** One address of the CMDB. The password is kept elsewhere: fc-proxy, which must not have it, reads the same file. */
export interface CmdbAddress {
  readonly host: string;
  readonly port: number;
  /** A Unix socket, used instead of host and port; null: TCP. */
  readonly socketPath: string | null;
  readonly user: string;
  readonly database: string;
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadValue(`has a bad %-escape in its ${what}`);
  }
}

/**
 * `mysql://user@host[:port]/database[?socketPath=/run/mysqld/mysqld.sock]`.
 * @throws BadValue that never repeats the text: a password may be in it.
 */
export function cmdbAddress(text: string): CmdbAddress {
  const form = 'write mysql://user@host/database';
  if (!URL.canParse(text)) throw new BadValue(`is not a URL: ${form}`);
  const url = new URL(text);
  if (url.protocol !== 'mysql:') throw new BadValue(`begins with ${url.protocol}, not mysql: ${form}`);
  if (url.password !== '') {
    throw new BadValue('has a password in it, which fc-proxy could read: put it into a file of mode 0600 and name that as password_file');
  }
  if (url.username === '') throw new BadValue(`names no user: ${form}`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!isIPv6(host) && !/^[A-Za-z0-9_.-]+$/.test(host)) throw new BadValue(`names no host: ${form}`);
  const database = decoded(url.pathname.slice(1), 'database');
  if (!/^[^/\p{Cc}]{1,64}$/u.test(database)) throw new BadValue(`names no database: ${form}`);
  if (url.hash !== '') throw new BadValue('has a # in it');
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'socketPath');
  if (unknown.length > 0) throw new BadValue(`has the unknown option ${unknown.join(', ')}: only socketPath is known`);
  const sockets = url.searchParams.getAll('socketPath');
  if (sockets.length > 1) throw new BadValue('has more than one socketPath');
  return {
    host,
    port: url.port === '' ? 3306 : Number(url.port),
    socketPath: sockets[0] === undefined ? null : absolutePath(sockets[0]),
    user: decoded(url.username, 'user'),
    database,
  };
}

/** How an address is called in messages. */
export function addressText({ host, port, socketPath, user, database }: CmdbAddress): string {
  const where = socketPath ?? `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return `${user}@${where}/${database}`;
}
