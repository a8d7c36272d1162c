/**
 * A booted host of the test's own, provisioned as any host would be: systemd,
 * D-Bus, polkit, podman, MariaDB, fc-sync and fc-proxy. See scripts/testhost.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseJournal, unexpectedLines, type JournalLine } from './journal.ts';
import { run, runOk, type Result, type RunOptions } from './run.ts';
import { until, type Verdict } from './until.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));
const TESTHOST = `${REPO}scripts/testhost`;
const IMAGES = `${REPO}.cache/images`;
const HOSTS_DIR = process.env['FC_TESTHOST_DIR'] ?? '/var/tmp/fastcontainer-hosts';

/** test/apps/app.mjs as an image, whose own command runs it. */
export const TEST_IMAGE = 'localhost/fc-test-app';
/** The same as a directory tree; needs `TEST_COMMAND`. */
export const TEST_ROOTFS = '/srv/fastcontainer/test-app';
export const TEST_COMMAND: readonly string[] = ['/usr/bin/node', '/app.mjs'];

export interface HostOptions {
  /** Name of the host's row, inserted unless `provision` is false. */
  readonly row?: string;
  /** How fc-sync runs: when the test runs it (default), or as on a real host. */
  readonly sync?: 'manual' | 'watch' | 'timer';
  /** False: a bare machine. */
  readonly provision?: boolean;
  /** A folder of this machine that the host sees, and where: `/tmp/x:/srv/shared`. */
  readonly bind?: string;
  /** The root of the system that it boots instead of this machine's: see scripts/debian-root. */
  readonly lower?: string;
  /** It reaches Debian's mirrors. */
  readonly internet?: boolean;
}

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** Default: 30 s. */
  readonly timeoutMs?: number;
}

/** A row of `apps`, with its domains; placed on this host. Columns not named keep their defaults. */
export interface AppRow {
  readonly [column: string]: string | number | null | readonly string[] | Readonly<Record<string, string>>;
}

export interface TestHost {
  readonly name: string;
  /** Reachable from this machine. */
  readonly address: string;
  /** Name of its row in the CMDB. */
  readonly row: string;
  exec(...command: readonly string[]): Promise<Result>;
  /** A bash script, from standard input. */
  sh(script: string, options?: Omit<RunOptions, 'input'>): Promise<Result>;
  /** sh() that must succeed; its standard output. */
  ok(script: string, options?: Omit<RunOptions, 'input'>): Promise<string>;
  /** Statements as the CMDB's owner; the rows they return. NULL is null (and so is the text NULL). */
  sql(statements: string): Promise<(string | null)[][]>;
  /** Inserts an app (image TEST_IMAGE and port 8080 unless the row says otherwise), `domains`, and its placement here. */
  addApp(name: string, row?: AppRow, domains?: readonly string[]): Promise<void>;
  /** One run of fc-sync, as root. */
  sync(...args: readonly string[]): Promise<Result>;
  /** A request to fc-proxy, to `domain`. */
  request(domain: string, path: string, options?: RequestOptions): Promise<Response>;
  until(condition: () => Verdict | Promise<Verdict>, options: { readonly timeoutMs: number; readonly what: string }): Promise<void>;
  /** What systemd says of a unit: `active`, `inactive`, `failed` … */
  state(unit: string): Promise<string>;
  /** Everything said by or of units that match the pattern, oldest first. */
  journal(pattern: string): Promise<JournalLine[]>;
  /** Fails on a warning, an error or a crash in the journal of our units that matches none of `expected`. */
  assertQuiet(expected?: readonly RegExp[]): Promise<void>;
  /** Shuts down in order and boots again; returns when all units of the boot are up. */
  reboot(): Promise<void>;
  /** Ends it and removes all of it. */
  kill(): Promise<void>;
}

/** Hosts that this process has not killed yet. */
const alive = new Set<string>();

/**
 * Boots and provisions a host. `label` (up to 12 of a-z, 0-9, -) is for people;
 * kill() it in the test's after(). Should the process die first, the host goes with it.
 */
export async function bootHost(label: string, { row = 'web1', sync = 'manual', provision = true, bind, lower, internet = false }: HostOptions = {}): Promise<TestHost> {
  const name = `${label}-${process.pid}`;
  await prepare();
  alive.add(name);
  try {
    const options = [...(bind === undefined ? [] : ['--bind', bind]), ...(lower === undefined ? [] : ['--lower', lower]), ...(internet ? ['--internet'] : [])];
    await runOk(TESTHOST, ['boot', name, ...options], { timeoutMs: 120_000 });
    const address = (await runOk(TESTHOST, ['address', name])).trim();
    const host = hostOf(name, address, row);
    if (provision) await setUp(host, sync);
    return host;
  } catch (error) {
    await killHost(name).catch(() => { /* The first error says more. */ });
    throw error;
  }
}

let prepared: Promise<void> | null = null;

/** Once a process: the build, the images, and the hosts of runs that were killed. */
function prepare(): Promise<void> {
  prepared ??= (async () => {
    process.once('exit', killAllNow);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        killAllNow();
        process.exit(1);
      });
    }
    await runOk(`${REPO}scripts/build`, ['--no-check'], { timeoutMs: 600_000 });
    await runOk(`${REPO}scripts/images`, ['test'], { timeoutMs: 120_000 });
    for (const name of existsSync(HOSTS_DIR) ? readdirSync(HOSTS_DIR) : []) {
      const owner = /^[a-z0-9-]+-([0-9]+)$/.exec(name)?.[1];
      if (owner !== undefined && !existsSync(`/proc/${owner}`)) await killHost(name);
    }
  })();
  return prepared;
}

async function setUp(host: TestHost, sync: 'manual' | 'watch' | 'timer'): Promise<void> {
  const mode = { manual: ['--manual'], watch: [], timer: ['--timer'] }[sync];
  await host.ok(`
    ${REPO}scripts/provision --no-packages --with-mariadb --host ${host.row} ${mode.join(' ')}
    cp -a ${IMAGES}/test-app.rootfs ${TEST_ROOTFS}
  `, { timeoutMs: 120_000 });
  await importImage(host);
  await host.sql(`INSERT INTO hosts (name, address) VALUES (${quote(host.row)}, ${quote(host.address)})`);
}

/** Makes TEST_IMAGE known to a host's podman. */
export async function importImage(host: TestHost): Promise<void> {
  await host.ok(`podman import --quiet --change 'CMD ${JSON.stringify(TEST_COMMAND)}' ${IMAGES}/test-app.tar ${TEST_IMAGE}`);
}

function hostOf(name: string, address: string, row: string): TestHost {
  const exec = (command: readonly string[], options?: RunOptions): Promise<Result> => run(TESTHOST, ['exec', name, '--', ...command], options);
  const host: TestHost = {
    name,
    address,
    row,
    exec: (...command) => exec(command),
    sh: (script, options) => exec(['bash', '-s'], { ...options, input: script }),
    ok: async (script, options) => {
      const { stdout, stderr, code } = await exec(['bash', '-s', '-e'], { ...options, input: `set -o pipefail\n${script}` });
      if (code !== 0) throw new Error(`on ${name}, this ended with ${code}:\n${script}\n${stdout}${stderr}`);
      return stdout;
    },
    sql: async (statements) => {
      const { stdout, stderr, code } = await exec(['mariadb', '--default-character-set=utf8mb4', '--batch', '--skip-column-names', 'fastcontainer'], { input: statements });
      if (code !== 0) throw new Error(`${stderr.trim()}\nin: ${statements}`);
      return parseBatch(stdout);
    },
    addApp: async (app, values, domains) => { await host.sql(insertApp(app, [row], values, domains)); },
    sync: (...args) => exec(['fc-sync', ...args]),
    request: (domain, path, options) => send(address, domain, path, options),
    until: (condition, options) => until(condition, options),
    state: async (unit) => (await exec(['systemctl', 'is-active', unit])).stdout.trim(),
    journal: async (pattern) => {
      const { stdout, stderr, code } = await exec(['journalctl', '--no-pager', '--output=json', '--output-fields=UNIT,_SYSTEMD_UNIT,PRIORITY,MESSAGE', `--unit=${pattern}`]);
      // journalctl ends with 1 when no unit of that name has said anything.
      if (code !== 0 && stderr !== '' && !/No entries|No data available/.test(stderr)) throw new Error(`journalctl: ${stderr}`);
      return parseJournal(stdout);
    },
    assertQuiet: async (expected = []) => {
      const lines = unexpectedLines(await host.journal('fc-*'), expected);
      assert.deepEqual(lines, [], `the journal of ${name} has lines that nobody expected`);
    },
    reboot: async () => { await runOk(TESTHOST, ['reboot', name], { timeoutMs: 180_000 }); },
    kill: () => killHost(name),
  };
  return host;
}

async function killHost(name: string): Promise<void> {
  await runOk(TESTHOST, ['kill', name], { timeoutMs: 120_000 });
  alive.delete(name);
}

/** For the end of a process, which waits for nothing. */
function killAllNow(): void {
  for (const name of alive) spawnSync(TESTHOST, ['kill', name], { timeout: 60_000 });
  alive.clear();
}

/** Rows of `mariadb --batch`, which writes newline, tab, NUL and backslash as escapes. */
function parseBatch(text: string): (string | null)[][] {
  const unescape = (field: string): string =>
    field.replace(/\\([nt0\\])/g, (_match, letter: string) => ({ n: '\n', t: '\t', 0: '\0' })[letter] ?? '\\');
  return text.split('\n').slice(0, -1).map((line) => line.split('\t').map((field) => (field === 'NULL' ? null : unescape(field))));
}

/** The statements that addApp() runs, for these placements: names of hosts, or weights by their names. */
export function insertApp(
  app: string,
  on: readonly string[] | Readonly<Record<string, number>>,
  values: AppRow = {},
  domains: readonly string[] = [`${app}.test`],
): string {
  const columns = { name: app, port: 8080, ...('image' in values || 'rootfs' in values ? {} : { image: TEST_IMAGE }), ...values };
  const weights = Array.isArray(on) ? on.map((host: string): [string, number] => [host, 100]) : Object.entries(on);
  return [
    'START TRANSACTION',
    `INSERT INTO apps (${Object.keys(columns).join(', ')}) VALUES (${Object.values(columns).map(literal).join(', ')})`,
    ...domains.map((fqdn) => `INSERT INTO domains (fqdn, app) VALUES (${quote(fqdn)}, ${quote(app)})`),
    ...weights.map(([host, weight]) => `INSERT INTO placements (app, host, weight) VALUES (${quote(app)}, ${quote(host)}, ${weight})`),
    'COMMIT',
  ].join(';\n');
}

/** A string of SQL. */
export function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** Text and numbers as they are; arrays and objects as the JSON columns want them. */
function literal(value: AppRow[string]): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number') return String(value);
  return quote(typeof value === 'string' ? value : JSON.stringify(value));
}

function send(address: string, domain: string, path: string, { method = 'GET', headers = {}, body, timeoutMs = 30_000 }: RequestOptions = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: address, port: 80, method, path, headers: { host: domain, ...headers }, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => { text += chunk; });
        response.on('error', reject);
        response.on('end', () => { resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }); });
      },
    );
    request.on('error', (cause) => { reject(new Error(`${method} http://${domain}${path} at ${address}: ${cause.message}`, { cause })); });
    request.end(body);
  });
}
