/** Which host serves an app, seen by its clients: small requests at a steady rate, each answered by a run of the app. */
import type { TestHost } from './host.ts';
import { runOn, runThrough } from './fleet-apps.ts';
import { until } from './until.ts';

/** One request. */
export interface Trace {
  /** When it was sent and answered, ms since the epoch. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly run: string;
}

export class Tracer {
  readonly #front: TestHost;
  readonly #app: string;
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();
  readonly #hosts = new Map<string, string>();
  readonly traces: Trace[] = [];
  /** What failed: when it was sent, and how it ended. */
  readonly failures: { readonly beganAt: number; readonly why: string }[] = [];

  constructor(front: TestHost, app: string, everyMs = 25) {
    this.#front = front;
    this.#app = app;
    this.#timer = setInterval(() => { this.#ask(); }, everyMs);
  }

  #ask(): void {
    const beganAt = Date.now();
    const ended = runThrough(this.#front, this.#app).then(
      ({ run }) => { this.traces.push({ beganAt, endedAt: Date.now(), run }); },
      (error: unknown) => { this.failures.push({ beganAt, why: error instanceof Error ? error.message : String(error) }); },
    ).finally(() => { this.#pending.delete(ended); });
    this.#pending.add(ended);
  }

  /** Notes which run of the app is that of a host. */
  async meet(host: TestHost): Promise<void> {
    this.#hosts.set((await runOn(host, this.#app)).run, host.row);
  }

  /** The host of a run that was met; null: another one. */
  hostOf({ run }: Pick<Trace, 'run'>): string | null {
    return this.#hosts.get(run) ?? null;
  }

  /** Requests sent from `since` on, earliest first. */
  since(since: number): Trace[] {
    return this.traces.filter(({ beganAt }) => beganAt >= since).sort((a, b) => a.beganAt - b.beganAt);
  }

  /** The first request, of those sent from `since` on, that `host` served; waits for it. The host's run is met. */
  async reaches(host: TestHost, since: number, timeoutMs = 20_000): Promise<Trace> {
    await until(async () => {
      if (!this.since(since).some((trace) => this.hostOf(trace) === null || this.hostOf(trace) === host.row)) return 'only others answer';
      await this.meet(host);
      return this.since(since).some((trace) => this.hostOf(trace) === host.row) || 'another one answers';
    }, { timeoutMs, what: `a request for ${this.#app} reaches ${host.row}`, everyMs: 10 });
    const first = this.since(since).find((trace) => this.hostOf(trace) === host.row);
    if (first === undefined) throw new Error('it was there just now');
    return first;
  }

  /** Waits until 20 requests in a row, of those sent from `since` on, were served by others. @returns when the last was sent that was not, or `since` */
  async avoids(host: TestHost, since: number): Promise<number> {
    const there = (trace: Trace): boolean => this.hostOf(trace) === host.row || this.hostOf(trace) === null;
    await until(() => {
      const last = this.since(since).slice(-20);
      return (last.length === 20 && !last.some(there)) || `${host.row} still serves`;
    }, { timeoutMs: 20_000, what: `requests for ${this.#app} avoid ${host.row}` });
    return this.since(since).filter(there).at(-1)?.beganAt ?? since;
  }

  /** Requests by host, of those sent from `since` on. */
  share(since: number): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const trace of this.since(since)) {
      const host = this.hostOf(trace) ?? `another (${trace.run})`;
      counts[host] = (counts[host] ?? 0) + 1;
    }
    return counts;
  }

  /** Sends no more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }
}
