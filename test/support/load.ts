/**
 * Load on a test host: requests at a steady rate, whatever becomes of those before (an open loop), each answer
 * checked byte for byte. It does what any HTTP/1.1 client must and nothing more: no request is sent twice.
 */
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { run } from './run.ts';
import type { TestHost } from './host.ts';

/** Where requests go: the app `domain`, through fc-proxy or through its own socket. */
export interface Target {
  readonly label: string;
  readonly domain: string;
  readonly connect: { readonly host: string; readonly port: number } | { readonly socketPath: string };
}

export type Method = 'GET' | 'POST' | 'PUT';

/** What is asked for, and the bytes that must come back. */
interface Plan {
  readonly method: Method;
  readonly path: string;
  /** null: a request without a body. */
  readonly body: Buffer | null;
  /** Sizes of the pieces in which the body is sent, with a pause between; one piece has a Content-Length. */
  readonly pieces: readonly number[];
  readonly expected: Buffer;
  readonly fresh: boolean;
}

/** One request that failed. */
export interface Failure {
  readonly target: string;
  readonly method: Method;
  readonly path: string;
  readonly kind: 'status' | 'method' | 'bytes' | 'broken' | 'late' | 'refused';
  /** What happened instead. */
  readonly what: string;
  /** When it began and failed, ms since the epoch. */
  readonly beganAt: number;
  readonly failedAt: number;
  /** Size of its body; null: none. */
  readonly size: number | null;
  readonly chunked: boolean;
  /** Whether its connection had served another request before. */
  readonly reused: boolean;
  /** How far it came, with the milliseconds that each step took. */
  readonly steps: string;
}

export interface Report {
  readonly requests: number;
  readonly byMethod: Readonly<Record<Method, number>>;
  readonly byTarget: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly seconds: number;
  /** Milliseconds from a request's beginning to the last byte of its answer. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The request that took longest. */
  readonly slowest: string;
}

export interface LoadOptions {
  /** Steady requests a second, over the targets in turn; 0: none but those made by `request`. */
  readonly perSecond: number;
  readonly targets: readonly Target[];
  /** Part of the requests that get a connection of their own; targets with a socket path always do. */
  readonly fresh?: number;
  /** PUT with a Content-Length only. /echo then answers with one, as /stream does, so that an answer can be held back until it is complete. */
  readonly known?: boolean;
  /** A request that is not answered after this has failed. */
  readonly timeoutMs?: number;
}

const LARGEST = 200_000;
/** As test/apps/app.mjs has it for /stream. */
const PATTERN = Buffer.from(Uint8Array.from({ length: LARGEST }, (_, n) => n % 251));
/** Bodies are cut from it at random places, so that another request's answer does not look right. */
const NOISE = randomBytes(2 * LARGEST);
/** Requests under way at once: more of them mean that nothing is answered any more. */
const MOST_AT_ONCE = 3000;
const TICK_MS = 4;

/** fc-proxy of a host, from outside it. */
export function throughProxy(host: TestHost, app: string): Target {
  return { label: `${app} through fc-proxy`, domain: `${app}.test`, connect: { host: host.address, port: 80 } };
}

/** The sockets of a host's apps, as a program on the host finds them. */
export async function socketsOf(host: TestHost): Promise<(app: string) => Target> {
  const { stdout } = await run(new URL('../../scripts/testhost', import.meta.url).pathname, ['list']);
  const pid = stdout.split('\n').map((line) => line.trim().split(/\s+/)).find(([name]) => name === host.name)?.[2];
  if (pid === undefined || !/^[0-9]+$/.test(pid)) throw new Error(`${host.name} is not running:\n${stdout}`);
  // Its file system as its own processes see it (proc(5), /proc/PID/root); a Unix socket knows no network namespace.
  return (app) => ({ label: `${app} through its socket`, domain: `${app}.test`, connect: { socketPath: `/proc/${pid}/root/run/fastcontainer/${app}.sock` } });
}

export class Load {
  readonly #options: LoadOptions;
  readonly #timeoutMs: number;
  readonly #agents = new Map<string, Agent>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #failures: Failure[] = [];
  readonly #times: number[] = [];
  #slowest = { ms: 0, what: '' };
  readonly #byMethod: Record<Method, number> = { GET: 0, POST: 0, PUT: 0 };
  readonly #byTarget: Record<string, number> = {};
  readonly #beganAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #steady = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    if (options.perSecond > 0) this.#timer = setInterval(() => { this.#tick(); }, TICK_MS);
  }

  get failures(): readonly Failure[] {
    return this.#failures;
  }

  /** Requests that have ended, well or not. */
  get done(): number {
    return this.#times.length + this.#failures.length;
  }

  #tick(): void {
    const { perSecond, targets } = this.#options;
    const due = Math.floor((performance.now() - this.#beganAt) / 1000 * perSecond);
    for (; this.#steady < due; this.#steady++) {
      const target = targets[this.#steady % targets.length];
      if (target !== undefined) void this.request(target);
    }
  }

  /** One request more, of a random kind. Never rejects. */
  request(target: Target): Promise<void> {
    return this.#begin(target, makePlan(this.#isFresh(target), this.#options.known ?? false));
  }

  /** One that the app answers after `ms`. */
  slow(target: Target, method: Method, ms: number): Promise<void> {
    return this.#begin(target, {
      method, path: `/slow?ms=${ms}`, body: method === 'GET' ? null : NOISE.subarray(0, 10), pieces: [10], expected: Buffer.from(`slept ${ms}\n`), fresh: this.#isFresh(target),
    });
  }

  #isFresh({ connect }: Target): boolean {
    return 'socketPath' in connect || Math.random() < (this.#options.fresh ?? 0.2);
  }

  #begin(target: Target, plan: Plan): Promise<void> {
    this.#byMethod[plan.method]++;
    this.#byTarget[target.label] = (this.#byTarget[target.label] ?? 0) + 1;
    const ended = this.#send(target, plan);
    this.#pending.add(ended);
    return ended.finally(() => { this.#pending.delete(ended); });
  }

  async #send(target: Target, plan: Plan): Promise<void> {
    const began = performance.now();
    const beganAt = Date.now();
    const { wrong, reused, steps } = this.#pending.size >= MOST_AT_ONCE
      ? { wrong: { kind: 'refused', what: `${MOST_AT_ONCE} requests wait already` }, reused: false, steps: '' } as const
      : await exchange(target, plan, plan.fresh ? null : this.#agent(target), this.#timeoutMs);
    if (wrong === null) {
      const ms = performance.now() - began;
      this.#times.push(ms);
      if (ms > this.#slowest.ms) this.#slowest = { ms, what: `${plan.method} to ${target.label} at ${new Date(beganAt).toISOString().slice(11)}, ${reused ? 'reused' : 'fresh'} connection: ${steps}` };
      return;
    }
    this.#failures.push({
      target: target.label, method: plan.method, path: plan.path, ...wrong, reused, steps, beganAt, failedAt: Date.now(), size: plan.body?.length ?? null, chunked: plan.pieces.length > 1,
    });
  }

  #agent({ label }: Target): Agent {
    let agent = this.#agents.get(label);
    if (agent === undefined) this.#agents.set(label, agent = new Agent({ keepAlive: true }));
    return agent;
  }

  /** Ends the steady requests, waits for those under way, and says how it went. */
  async stop(): Promise<Report> {
    clearInterval(this.#timer);
    const seconds = (performance.now() - this.#beganAt) / 1000;
    // Each has a deadline of its own.
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    for (const agent of this.#agents.values()) agent.destroy();
    const times = [...this.#times].sort((a, b) => a - b);
    const at = (share: number): number => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
    return {
      requests: this.done, byMethod: this.#byMethod, byTarget: this.#byTarget, failures: this.#failures, seconds: Math.round(seconds * 10) / 10,
      p50: at(0.5), p99: at(0.99), max: at(1), slowest: this.#slowest.what,
    };
  }
}

/** Does `work` under load, of which no request may fail. @returns the load's summary */
export async function underLoad(options: LoadOptions, work: () => Promise<void>): Promise<string> {
  const load = new Load(options);
  let report: Report;
  try {
    await work();
  } finally {
    report = await load.stop();
  }
  assert.deepEqual(report.failures, [], summary(report));
  return summary(report);
}

/** For the test's output, and for its message when it fails. */
export function summary({ requests, byMethod, seconds, p50, p99, max, slowest, failures }: Report): string {
  const shown = failures.slice(0, 12).map((failure) =>
    `\n  ${new Date(failure.beganAt).toISOString().slice(14)} +${failure.failedAt - failure.beganAt} ms ${failure.target}: ${failure.method} ${failure.path}`
    + ` (${failure.size === null ? 'no body' : `${failure.size} bytes${failure.chunked ? ', chunked' : ''}`}, ${failure.reused ? 'reused' : 'fresh'} connection: ${failure.steps}): ${failure.kind}: ${failure.what}`);
  const methods = Object.entries(byMethod).filter(([, count]) => count > 0).map(([method, count]) => `${count} ${method}`).join(', ');
  return `${failures.length} of ${requests} requests failed (${methods}) in ${seconds} s, ${Math.round(requests / seconds)}/s; p50 ${p50}, p99 ${p99}, max ${max} ms (${slowest})${shown.join('')}`;
}

function makePlan(fresh: boolean, known: boolean): Plan {
  const method = Math.random() < 0.45 ? 'GET' : Math.random() < 0.8 ? 'POST' : 'PUT';
  const size = randomSize();
  if (method === 'GET') {
    return { method, path: `/stream?bytes=${size}`, body: null, pieces: [], expected: PATTERN.subarray(0, size), fresh };
  }
  const from = randomInt(LARGEST);
  const body = NOISE.subarray(from, from + size);
  return { method, path: '/echo', body, pieces: (known && method === 'PUT') || Math.random() < 0.5 ? [size] : cut(size), expected: body, fresh };
}

/** Nothing at times, the largest at times, and in between as many small ones as large ones, by their logarithm. */
function randomSize(): number {
  const kind = Math.random();
  if (kind < 0.1) return 0;
  if (kind > 0.97) return LARGEST;
  return Math.floor(Math.exp(Math.random() * Math.log(LARGEST)));
}

/** Two to five pieces. */
function cut(size: number): number[] {
  const cuts = Array.from({ length: randomInt(1, 5) }, () => randomInt(size + 1)).sort((a, b) => a - b);
  return [...cuts, size].map((end, index) => end - (cuts[index - 1] ?? 0));
}

/** `wrong` is null when the answer was the right one. */
type Outcome = Pick<Failure, 'reused' | 'steps'> & { readonly wrong: Pick<Failure, 'kind' | 'what'> | null };

function exchange(target: Target, plan: Plan, agent: Agent | null, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = httpRequest({
      ...target.connect,
      method: plan.method,
      path: plan.path,
      agent: agent ?? false,
      headers: {
        host: target.domain,
        ...(plan.body === null ? {} : plan.pieces.length === 1 ? { 'content-length': plan.body.length } : { 'transfer-encoding': 'chunked' }),
      },
    });
    const steps: string[] = [];
    let last = performance.now();
    const step = (name: string): void => {
      const now = performance.now();
      steps.push(`${name} ${Math.round(now - last)}`);
      last = now;
    };
    request.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => { step('connected'); });
      else step('connected');
    });
    request.once('finish', () => { step('sent'); });
    request.once('response', () => { step('head'); });
    let over = false;
    const end = (kind: Failure['kind'] | null, what = ''): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      step('end');
      resolve({ wrong: kind === null ? null : { kind, what }, reused: request.reusedSocket, steps: steps.join(', ') });
      if (kind !== null) request.destroy();
    };
    const timer = setTimeout(() => { end('late', `no complete answer after ${timeoutMs} ms`); }, timeoutMs);
    request.on('error', (error) => { end('broken', describe(error)); });
    request.on('response', (response) => { check(response, plan, end); });
    sendBody(request, plan);
  });
}

function sendBody(request: ClientRequest, { body, pieces }: Plan): void {
  if (body === null || pieces.length <= 1) {
    request.end(body ?? undefined);
    return;
  }
  let sent = 0;
  let next = 0;
  const more = (): void => {
    if (request.destroyed) return;
    const size = pieces[next++] ?? 0;
    if (size > 0) request.write(body.subarray(sent, sent + size));
    sent += size;
    if (next === pieces.length) request.end();
    else setTimeout(more, randomInt(0, 8));
  };
  more();
}

function check(response: IncomingMessage, { method, path, expected }: Plan, end: (kind: Failure['kind'] | null, what?: string) => void): void {
  const { statusCode = 0, headers } = response;
  let received = 0;
  let wrongAt: number | null = null;
  let text = '';
  response.on('data', (chunk: Buffer) => {
    if (statusCode !== 200) {
      if (text.length < 400) text += chunk.toString('latin1');
    } else if (wrongAt === null && expected.compare(chunk, 0, chunk.length, received, Math.min(received + chunk.length, expected.length)) !== 0) {
      wrongAt = received;
    }
    received += chunk.length;
  });
  response.on('error', (error) => { end('broken', `${describe(error)} after ${received} of ${expected.length} bytes of the answer`); });
  response.on('close', () => {
    if (!response.complete) end('broken', `the answer ended after ${received} of ${expected.length} bytes`);
  });
  response.on('end', () => {
    if (statusCode !== 200) end('status', `${statusCode} ${text.trim()}`);
    else if (path === '/echo' && headers['x-method'] !== method) end('method', `the app saw ${String(headers['x-method'])}`);
    else if (wrongAt !== null || received !== expected.length) end('bytes', `${received} bytes instead of ${expected.length}, ${wrongAt === null ? 'the right ones' : `wrong from byte ${wrongAt} on`}`);
    else end(null);
  });
}

function describe(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? `${error.code}: ${error.message}` : error.message;
}
