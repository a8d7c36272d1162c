/** A host that is made up, for the page: it serves the page's files, and says what a test wants it to say. */
import { allowedHosts } from '../../src/admin/host-names.ts';
import { pageRoutes } from '../../src/admin/page.ts';
import { AdminProblem } from '../../src/admin/problem.ts';
import { readSelection, selectStatus } from '../../src/admin/select.ts';
import { AdminServer, json, type Handler, type Routes } from '../../src/admin/server.ts';
import { STATE_FORMAT, type AppState, type FleetStatus, type HostEvent, type HostStatus, type RequestSketch } from '../../src/admin/state.ts';
import { MemoryLog } from '../unit/proxy/support.ts';
import { appState, hostStatus } from './host-status.ts';

export interface PageHost {
  readonly url: string;
  /** What it says; `down`: it answers nothing but the page. */
  status: HostStatus;
  fleet: FleetStatus | null;
  down: boolean;
  close(): Promise<void>;
}

export async function pageHost(status: HostStatus, fleet: FleetStatus | null = null): Promise<PageHost> {
  const now = (): HostStatus => {
    if (host.down) throw new AdminProblem(503, 'It is down.');
    return { ...host.status, at: Date.now() };
  };
  const alone = (told: HostStatus): FleetStatus => ({ format: STATE_FORMAT, at: told.at, hosts: [{ name: told.host, state: 'active', status: told }] });
  const routes: Routes = new Map<string, Handler>([
    ...pageRoutes(),
    ['/state.json', ({ query }) => json(selectStatus(now(), readSelection(query)))],
    ['/fleet.json', ({ query }) => json(host.fleet ?? alone(selectStatus(now(), readSelection(query))))],
  ]);
  const server = new AdminServer({ routes, allowsHost: allowedHosts(() => []), log: new MemoryLog() });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  const host: PageHost = { url: `http://127.0.0.1:${port}/`, status, fleet, down: false, close: () => server.close() };
  return host;
}

const MARKUP = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u001b[31m';

export function request(host: string, path: string, more: Partial<RequestSketch> = {}): RequestSketch {
  return {
    at: Date.now() - 4000, method: 'GET', host, path, client: '203.0.113.7', bot: false,
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', ...more,
  };
}

const GOOGLEBOT = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const NAMES = ['shop', 'blog', 'wiki', 'forum', 'mail', 'gallery', 'tracker', 'survey', 'docs', 'status', 'archive', 'calendar', 'notes', 'invoices', 'support', 'radio'];

/** A lively host of so many apps, the same each time but for the clock. */
export function lively(count: number, more: Partial<HostStatus> = {}): HostStatus {
  const now = Date.now();
  const name = (n: number): string => (n < NAMES.length ? NAMES[n] ?? '' : `${NAMES[n % NAMES.length]}-${n}`);
  const apps = Array.from({ length: count }, (_, n): AppState => {
    const awake = n % 3 === 0 && n < 40;
    const state = awake ? 'awake' : n === 4 ? 'starting' : n === 7 ? 'handing-over' : n === 11 ? 'stopping' : n % 5 === 1 && n > 20 ? 'deep' : 'asleep';
    const starts = { done: n * 3 % 17, failed: 0, p50Ms: 90 + n * 13 % 60, p95Ms: 180 + n * 31 % 400, lastMs: 100 + n % 50 };
    const running = awake || state === 'handing-over';
    return appState(name(n), {
      domains: [`${name(n)}.example.com`, ...(n % 4 === 0 ? [`www.${name(n)}.example.com`, `${name(n)}.example.org`] : [])],
      state, since: now - 9000 * (n % 23 + 1) * (n % 23 + 1), generation: (0x1a2b3c4d + n * 7919).toString(16).slice(0, 8), running: running ? ['1a2b3c4d'] : [],
      requests: n * 1237 % 100_000, requestsPerS: running ? (n * 37 % 90) / 3 + 0.4 : 0, inFlight: running ? n % 4 : 0,
      last: running ? request(`${name(n)}.example.com`, '/', { at: now - 700 * (n % 9) - 300 }) : null, starts,
      memoryBytes: running ? (18 + n * 11 % 90) * 2 ** 20 : null, awakeSeconds: n * 371, memoryByteSeconds: n * 371 * 40 * 2 ** 20, cpuSeconds: n * 3.1,
    });
  });
  const events = Array.from({ length: 70 }, (_, i): HostEvent => {
    const id = i + 1;
    const at = now - (70 - i) * 8700;
    const app = name(i * 7 % Math.max(1, Math.min(count, 40)));
    if (i % 5 === 3) return { id, at, kind: 'slept', app, generation: '1a2b3c4d', awakeMs: 301_000 + i * 4000 };
    if (i % 23 === 9) return { id, at, kind: 'handed-over', app, from: '1a2b3c4d', generation: '5e6f7a8b' };
    const slow = i % 19 === 7 ? 420 : 0;
    const times = { queue: i % 6 === 0 ? 3 + i : 0.4, systemd: 5 + i % 4, network: i % 3 === 0 ? 19 : 0, podman: 52 + i * 17 % 31, ready: 14 + i * 29 % 50 + slow };
    return {
      id, at, kind: 'woke', app, generation: '1a2b3c4d', times: { ...times, start: times.systemd + times.network + times.podman + times.ready + 2 },
      request: request(`${app}.example.com`, i % 4 === 0 ? '/robots.txt' : '/', i % 4 === 0 ? { userAgent: GOOGLEBOT, bot: true, client: '66.249.66.1' } : {}),
    };
  });
  return hostStatus(apps, {
    at: now,
    sync: { syncedAt: now - 12_000, triedAt: now - 12_000, error: null, revision: '8421', rejections: [], failed: [], handingOver: [], handOvers: { done: 31, failed: 0 }, deepAsleep: [] },
    proxy: { processes: 2, connections: 214, inFlight: 17, requestsPerS: 128.4, startsWaiting: 0, startsRunning: 1 }, events, ...more,
  });
}

/** The same with everything wrong that can be, and in it all that strangers may write. */
export function failing(count: number): HostStatus {
  const calm = lively(count);
  const now = calm.at;
  const evidence = 'Main process exited, code=exited, status=3/NOTIMPLEMENTED\nError: Cannot find module \'/app/server.js\'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1145:15)\n' + MARKUP;
  const apps: AppState[] = [
    ...calm.apps.slice(0, -3),
    appState('broken', { state: 'quarantined', why: 'The app ended with exit status 3 before it listened on port 8080.', retryAt: now + 42_000, since: now - 90_000 }),
    appState('missing', { state: 'quarantined', why: `Its image is not on this host: ${MARKUP}`, retryAt: now + 180_000, since: now - 400_000 }),
    appState('misspelt', { domains: ['xn--bcher-kva.example', `misspelt.example`], state: 'rejected', why: 'memory_max: "lots" is no amount of memory, such as 256M', generation: null }),
  ];
  return hostStatus(apps, {
    ...calm, apps, matching: apps.length,
    counts: hostStatus(apps).counts,
    sync: {
      syncedAt: now - 1_260_000, triedAt: now - 4000, error: `cannot reach the CMDB at db1:3306: connect ECONNREFUSED 10.0.0.5:3306`, revision: '8421',
      rejections: [
        { table: 'apps', key: 'misspelt', column: 'memory_max', why: '"lots" is no amount of memory, such as 256M', app: 'misspelt' },
        { table: 'domains', key: MARKUP, column: 'fqdn', why: `"${MARKUP}" is no host name`, app: 'shop' },
      ],
      failed: [{ subject: 'fc-ctr-wiki-5e6f7a8b.service', what: 'hand over', why: 'it was not ready within 60 s' }],
      handingOver: [{ app: 'gallery', to: '5e6f7a8b' }], handOvers: { done: 31, failed: 1 }, deepAsleep: [],
    },
    proxy: { ...calm.proxy, startsWaiting: 3, startsRunning: 4 },
    events: [...calm.events,
      { id: 71, at: now - 6000, kind: 'start-failed', app: 'broken', generation: '0123abcd', why: 'The app ended with exit status 3 before it listened on port 8080.', evidence, failures: 4, retryAt: now + 42_000,
        request: request('broken.example.com', `/${MARKUP}`, { userAgent: MARKUP, client: '198.51.100.23' }) }],
  });
}

/** Three hosts: one well, one that drains, one that is silent. */
export function fleetOf(status: HostStatus): FleetStatus {
  return {
    format: STATE_FORMAT, at: Date.now(),
    hosts: [
      { name: 'web1', state: 'active', status },
      { name: 'web2', state: 'draining', status: { ...lively(400), host: 'web2' } },
      { name: 'web3', state: 'active', status: null, why: `It does not answer: connect ETIMEDOUT 10.0.0.13:8079 ${MARKUP}` },
    ],
  };
}
