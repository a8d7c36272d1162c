/**
 * A fleet of booted hosts on one bridge: a front, which has the CMDB and no placements, and hosts for the apps.
 * Rows are all that tests change.
 */
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { bootHost, quote, TEST_COMMAND, TEST_IMAGE, type TestHost } from './host.ts';
import type { Entrance } from './streams.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));

/** What the hosts prove themselves to each other with. */
export const TOKEN = 'a'.repeat(16) + 'b'.repeat(16);

export interface FleetHosts {
  readonly front: TestHost;
  /** `web1`, `web2` and so on, as their rows are named. */
  readonly webs: readonly TestHost[];
  /** An app of the test image, domain `<app>.test`, with a weight for each host; waits until it answers. */
  place(app: string, weights: Readonly<Record<string, number>>, columns?: Readonly<Record<string, number>>): Promise<void>;
  /** Statements for the CMDB. @returns when they were committed, ms since the epoch, as the database saw it */
  commit(statements: string): Promise<number>;
  kill(host: TestHost): Promise<void>;
  killAll(): Promise<void>;
}

/** Boots a front and `count` hosts, each following the CMDB. killAll() it in the test's after(). */
export async function bootFleet(count: number): Promise<FleetHosts> {
  const alive = new Set<TestHost>();
  const killAll = async (): Promise<void> => {
    const ends = await Promise.allSettled([...alive].map((host) => host.kill()));
    alive.clear();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  try {
    const front = await bootHost('front', { row: 'front', provision: false });
    alive.add(front);
    const names = Array.from({ length: count }, (_, n) => `web${n + 1}`);
    const [, ...webs] = await Promise.all([
      front.ok(`${REPO}scripts/provision --no-packages --host front --with-mariadb --mariadb-bind ${front.address}`, { timeoutMs: 120_000 }),
      ...names.map(async (row) => {
        const host = await bootHost(row, { row, provision: false });
        alive.add(host);
        return host;
      }),
    ]);
    await insertHost(front, front);
    await Promise.all(webs.map((host) => join(front, host)));
    await Promise.all([front, ...webs].map(admit));
    return {
      front, webs, killAll,
      place: (app, weights, columns = {}) => place(front, app, weights, columns),
      commit: async (statements) => {
        const [last] = (await front.sql(`${statements};\nSELECT UNIX_TIMESTAMP(SYSDATE(3)) * 1000`)).slice(-1);
        return Number(last?.[0]);
      },
      kill: async (host) => {
        alive.delete(host);
        await host.kill();
      },
    };
  } catch (error) {
    await killAll().catch(() => { /* The first error says more. */ });
    throw error;
  }
}

/** Makes a bare machine a host of the fleet whose CMDB is on `cmdb`. */
async function join(cmdb: TestHost, host: TestHost): Promise<void> {
  const password = await cmdb.ok('cat /etc/fastcontainer/cmdb.password');
  await host.ok(`
    umask 077 && printf '%s' ${quote(password)} > /root/password
    ${REPO}scripts/provision --no-packages --host ${host.row} --cmdb mysql://fc@${cmdb.address}/fastcontainer --cmdb-password /root/password
    ${importImage()}
  `, { timeoutMs: 120_000 });
  await insertHost(cmdb, host);
}

async function insertHost(cmdb: TestHost, { row, address }: TestHost): Promise<void> {
  await cmdb.sql(`INSERT INTO hosts (name, address) VALUES (${quote(row)}, ${quote(address)})`);
}

/** The script that makes the test image on a host. */
export function importImage(): string {
  return `podman import --quiet --change 'CMD ${JSON.stringify(TEST_COMMAND)}' ${REPO}.cache/images/test-app.tar ${TEST_IMAGE}`;
}

async function admit(host: TestHost): Promise<void> {
  await host.ok(`umask 077 && printf '%s\\n' ${TOKEN} > /etc/fastcontainer/fleet-tokens && systemctl restart fc-proxy`);
}

async function place(front: TestHost, app: string, weights: Readonly<Record<string, number>>, columns: Readonly<Record<string, number>>): Promise<void> {
  const settings = Object.entries(columns);
  await front.sql([
    'START TRANSACTION',
    `INSERT INTO apps (name, image, port${settings.map(([name]) => `, ${name}`).join('')}) VALUES (${quote(app)}, ${quote(TEST_IMAGE)}, 8080${settings.map(([, value]) => `, ${value}`).join('')})`,
    `INSERT INTO domains (fqdn, app) VALUES (${quote(`${app}.test`)}, ${quote(app)})`,
    ...Object.entries(weights).map(([host, weight]) => `INSERT INTO placements (app, host, weight) VALUES (${quote(app)}, ${quote(host)}, ${weight})`),
    'COMMIT',
  ].join(';\n'));
  await front.until(async () => {
    const { status, body } = await front.request(`${app}.test`, '/');
    return status === 200 || `${status} ${body}`;
  }, { timeoutMs: 20_000, what: `${app} answers` });
}

/** Where clients of the fleet find an app. */
export function entrance(front: TestHost, app: string): Entrance {
  return { address: front.address, domain: `${app}.test` };
}

/** Whether the app is awake on a host. */
export async function runsOn(host: TestHost, app: string): Promise<boolean> {
  return (await host.ok(`systemctl list-units --no-legend --plain --state=active 'fc-ctr-${app}-*' | cat`)).trim() !== '';
}

/** Waits until an app has fallen asleep on a host, and, unless it may `stay`, until nothing of it is left there. */
export async function leaves(host: TestHost, app: string, timeoutMs: number, stay = false): Promise<void> {
  await host.until(async () => {
    if (await runsOn(host, app)) return `${app} is awake`;
    const files = (await host.ok(`cd /etc/systemd/system && ls -1 | grep -E '^fc-(app|ctr)-${app}-' || true`)).trim();
    return stay || files === '' || `there are ${files.replaceAll('\n', ', ')}`;
  }, { timeoutMs, what: `${app} leaves ${host.row}` });
}

/** What the test app says of itself at /pid. */
export interface Run {
  /** Tells one run of the app from the next, and so, while it lasts, one host from another. */
  readonly run: string;
  /** That it has served so far, this one included. */
  readonly requests: number;
}

/** The run of an app on a host, asked of the host itself, as another fc-proxy of the fleet would. Wakes it. */
export function runOn(host: TestHost, app: string): Promise<Run> {
  return runAt({ host: host.address, port: 8079 }, { host: `${app}.test`, 'x-fastcontainer-app': app, 'x-fastcontainer-token': TOKEN });
}

/** The run of an app that answers a client of `front`. */
export function runThrough(front: TestHost, app: string): Promise<Run> {
  return runAt({ host: front.address, port: 80 }, { host: `${app}.test` });
}

function runAt(where: { readonly host: string; readonly port: number }, headers: Readonly<Record<string, string>>): Promise<Run> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...where, path: '/pid', agent: false, headers, signal: AbortSignal.timeout(30_000) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
      response.on('error', reject);
      response.on('end', () => {
        const answer: unknown = response.statusCode === 200 ? JSON.parse(text) : null;
        if (typeof answer === 'object' && answer !== null && 'run' in answer && typeof answer.run === 'string' && 'requests' in answer && typeof answer.requests === 'number') {
          resolve({ run: answer.run, requests: answer.requests });
        } else {
          reject(new Error(`${response.statusCode} ${text}`));
        }
      });
    });
    request.on('error', reject);
    request.end();
  });
}
