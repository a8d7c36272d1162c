import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { ConfigError } from './error.ts';

/**
 * The password that `[cmdb] password_file` holds, without the newline that
 * editors leave at its end.
 * @throws ConfigError when it cannot be read, is empty, or anyone on the host could read it.
 */
export function readPassword(file: string): string {
  const refuse = (why: string, options?: ErrorOptions): ConfigError =>
    new ConfigError(file, [{ line: null, what: '[cmdb] password_file', why }], options);
  let password: string;
  let mode: number;
  try {
    const fd = openSync(file, 'r');
    try {
      mode = fstatSync(fd).mode;
      password = readFileSync(fd, 'utf8').replace(/\r?\n$/, '');
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw refuse(`cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if ((mode & 0o007) !== 0) throw refuse(`everyone on this host may read or write it: chmod 0600 ${file}`);
  if (password === '') throw refuse('is empty');
  if (/\p{Cc}/u.test(password)) throw refuse('has more than one line, or a control character in it');
  return password;
}
