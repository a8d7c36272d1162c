/** A configuration to begin with: what is required, and each other key as a comment that says its default. */
import { KEYS, type Key } from './keys.ts';

/** Of keys that have no default. */
const VALUES: ReadonlyMap<string, string> = new Map([['host name', 'web1'], ['cmdb url', 'mysql://fc@db1/fastcontainer'], ['cmdb password_file', '/etc/fastcontainer/cmdb.password']]);

export function exampleConfig(keys: readonly Key<unknown>[] = KEYS): string {
  const sections = [...new Set(keys.map(({ section }) => section))];
  return [
    '; /etc/fastcontainer/fastcontainer.ini, root:fc-proxy, 0640; see fastcontainer.ini(5). fc-provision writes a short one.',
    ...sections.map((section) => `\n[${section}]\n${keys.filter((key) => key.section === section).map(entry).join('\n')}`),
    '',
  ].join('\n');
}

function entry({ section, key, type, default: otherwise, requiredFor, doc }: Key<unknown>): string {
  const value = VALUES.get(`${section} ${key}`) ?? otherwise;
  return `; ${doc} (${type})\n${requiredFor.length > 0 ? '' : ';'}${key} = ${value}`.trimEnd();
}
