/** fastcontainer.ini → Config. Both programs read the same file, and both check all of it. */
import { readFileSync } from 'node:fs';
import type { CmdbAddress } from './cmdb-address.ts';
import { ConfigError, type ConfigProblem } from './error.ts';
import {
  adminNamesKey, allowHostKey, cgroupsKey, cmdbUrlKey, deepSleepKey, drainTimeoutKey, hostNameKey, KEYS, maxStartsKey, maxWaitingKey,
  networkRangeKey, passwordFileKey, processesKey, tlsCaKey, tlsCertificateKey, tlsKeyKey, trustedProxiesKey, volumeRootsKey, type Key, type Program,
} from './keys.ts';
import { scan, type Heading, type Setting } from './scan.ts';
import { BadValue, type Subnet } from './values.ts';

export interface CmdbConfig {
  /** In the order in which they are tried. */
  readonly addresses: readonly CmdbAddress[];
  readonly passwordFile: string | null;
}

/** Files in PEM for the connections between hosts. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Null: the authorities that Node.js knows. */
  readonly ca: string | null;
}

export interface Config {
  readonly host: {
    readonly name: string;
    /** How long nobody visits an app before it falls into deep sleep; null: none ever does. */
    readonly deepSleepS: number | null;
  };
  readonly cmdb: CmdbConfig;
  readonly proxy: {
    /** Of fc-proxy; auto: as the machine allows. */
    readonly processes: number | 'auto';
    readonly maxStarts: number;
    readonly maxWaiting: number;
    readonly trustedProxies: readonly Subnet[];
    readonly drainTimeoutS: number;
  };
  /** `tls`: null where hosts talk to each other in the clear. */
  readonly fleet: { readonly tls: TlsFiles | null };
  /** `names`: under which fc-admin may be asked, besides those of this host. */
  readonly admin: { readonly names: readonly string[] };
  readonly volumes: { readonly roots: readonly string[] };
  readonly network: { readonly range: Subnet; readonly allowHost: boolean };
  readonly podman: { readonly cgroups: 'disabled' | 'split' };
}

export const DEFAULT_CONFIG_FILE = '/etc/fastcontainer/fastcontainer.ini';

/**
 * Reads and checks the configuration.
 * @throws ConfigError that lists everything that is wrong with it.
 */
export function loadConfig(path: string, program: Program): Config {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ConfigError(path, [{ line: null, what: null, why }], { cause });
  }
  return parseConfig(text, path, program);
}

/** loadConfig() for text already read; `file` is what messages call it. */
export function parseConfig(text: string, file: string, program: Program): Config {
  const { headings, settings, problems: lost } = scan(text.replace(/^\uFEFF/, ''));
  const problems: ConfigProblem[] = [
    ...lost,
    ...headings.flatMap(unknownSection),
    ...settings.flatMap(badSetting),
  ];
  const textOf = (key: Key<unknown>): string =>
    settings.find((setting) => setting.section === key.section && setting.key === key.key)?.text ?? key.default;
  for (const key of KEYS) {
    const what = label(key);
    if (key.requiredFor.includes(program) && textOf(key) === '' && !lost.some((problem) => problem.what === what)) {
      problems.push({ line: null, what, why: `is required: ${key.doc}` });
    }
  }
  if ([tlsCertificateKey, tlsKeyKey, tlsCaKey].some((key) => textOf(key) !== '')) {
    for (const key of [tlsCertificateKey, tlsKeyKey]) {
      if (textOf(key) === '') problems.push({ line: null, what: label(key), why: 'is missing: TLS between hosts needs tls_certificate and tls_key' });
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(file, problems.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity)));
  }

  const read = <T>(key: Key<T>): T => key.parse(textOf(key));
  const [certificate, key] = [read(tlsCertificateKey), read(tlsKeyKey)];
  return {
    host: { name: read(hostNameKey), deepSleepS: read(deepSleepKey) },
    cmdb: { addresses: read(cmdbUrlKey), passwordFile: read(passwordFileKey) },
    proxy: {
      processes: read(processesKey),
      maxStarts: read(maxStartsKey),
      maxWaiting: read(maxWaitingKey),
      trustedProxies: read(trustedProxiesKey),
      drainTimeoutS: read(drainTimeoutKey),
    },
    fleet: { tls: certificate === null || key === null ? null : { certificate, key, ca: read(tlsCaKey) } },
    admin: { names: read(adminNamesKey) },
    volumes: { roots: read(volumeRootsKey) },
    network: { range: read(networkRangeKey), allowHost: read(allowHostKey) },
    podman: { cgroups: read(cgroupsKey) },
  };
}

function label({ section, key }: { readonly section: string; readonly key: string }): string {
  return `[${section}] ${key}`;
}

function unknownSection({ line, section }: Heading): ConfigProblem[] {
  const sections = new Set(KEYS.map((key) => key.section));
  if (sections.has(section)) return [];
  return [{ line, what: `[${section}]`, why: `is not a section: those are ${[...sections].join(', ')}` }];
}

function badSetting(setting: Setting): ConfigProblem[] {
  const { line, section, text } = setting;
  const siblings = KEYS.filter((key) => key.section === section);
  if (siblings.length === 0) return []; // the section has been blamed
  const problem = (why: string): ConfigProblem[] => [{ line, what: label(setting), why }];
  const key = siblings.find((sibling) => sibling.key === setting.key);
  if (key === undefined) return problem(`is not a key: those of this section are ${siblings.map((sibling) => sibling.key).join(', ')}`);
  if (text === '' && key.requiredFor.length > 0) return []; // blamed for what it is, or as good as absent
  try {
    key.parse(text);
    return [];
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    return problem(error.message);
  }
}
