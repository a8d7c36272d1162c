/** Another host's fc-proxy: connections to it, what is in flight there, and whether it can be had. */
import type { FleetTls } from '../config/tls.ts';
import type { Logger } from '../log.ts';
import type { Host } from '../model/app.ts';
import type { Alarm, Clock } from './clock.ts';
import { HOP } from './headers.ts';
import { connectHop, HopAgent, HopConnectError } from './hop-connect.ts';
import { Pulse } from './pulse.ts';
import { SILENCE_MS } from './upstream.ts';
import { Pool } from './wire/pool.ts';
import { statusOf } from './wire/status.ts';
import { WireClosed } from './wire/wire.ts';

/** What the internal listener answers 204 to, without any app. */
export const ALIVE_PATH = '/.fastcontainer/alive';

/** Shorter than what a proxy that is about to end leaves an idle connection (drain.ts): we close first, never it. */
const IDLE_MS = 500;

/** The same for its signs of life, which are asked for several times a second (pulse.ts). */
const ALIVE_IDLE_MS = 2000;

/** The first pause before a host that could not be had is asked again; it doubles. */
const BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** How long a sign of life may take that ends such a pause. */
const RETURN_MS = 5000;

/** After this long without a sign of life, what cannot be made again is given up as well. */
const DEAD_MS = 5000;

/** Something in flight to a host. */
export interface Rider {
  /**
   * The host has fallen silent. `final`: what is in flight there is lost; before that, it may still come back, and
   * only those need act that can go elsewhere at no cost.
   */
  peerSilent(final: boolean): void;
}

export interface PeerOptions {
  readonly token: string;
  readonly tls: FleetTls | null;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Peer {
  host: Host;
  readonly #options: PeerOptions;
  readonly pool: Pool;
  /** For requests that change their protocol. */
  readonly agent: HopAgent;
  readonly #byApp = new Map<string, number>();
  readonly #riders = new Set<Rider>();
  readonly #pulse: Pulse;
  #alive: Pool;
  /** Failures since it was last had; 0: it is well. */
  #failures = 0;
  #askedAt = -Infinity;
  #asking = false;
  #next: Alarm | null = null;
  #dead: Alarm | null = null;
  #closed = false;

  constructor(host: Host, options: PeerOptions) {
    this.host = host;
    this.#options = options;
    this.pool = this.#open(IDLE_MS);
    this.agent = new HopAgent(host, options.tls);
    this.#alive = this.#openAlive();
    this.#pulse = new Pulse({
      ask: () => this.#ask(),
      knock: (withinMs) => this.#knock(withinMs),
      silent: (why) => { this.#silent(why); },
    }, options.clock);
  }

  /** Fields that a request to it carries. */
  fields(app: string): string[] {
    return [HOP.app, app, HOP.token, this.#options.token];
  }

  /** Whether it is worth a request. */
  get usable(): boolean {
    return this.#failures === 0 && !this.#closed;
  }

  /** Everything in flight to it. */
  get inFlight(): number {
    return this.#riders.size;
  }

  /** Of one app. */
  inFlightOf(app: string): number {
    return this.#byApp.get(app) ?? 0;
  }

  begin(app: string, rider: Rider): void {
    this.#riders.add(rider);
    this.#byApp.set(app, this.inFlightOf(app) + 1);
    if (this.#dead === null) this.#pulse.start();
  }

  end(app: string, rider: Rider): void {
    if (!this.#riders.delete(rider)) return;
    const left = this.inFlightOf(app) - 1;
    if (left > 0) this.#byApp.set(app, left);
    else this.#byApp.delete(app);
    if (this.#riders.size > 0) return;
    this.#pulse.stop();
    this.#dead?.cancel();
    this.#dead = null;
    if (this.#closed) this.#closeAll();
  }

  /** A connection to it did not come about: it is left out until it gives a sign of life. */
  failed(error: Error): void {
    if (this.#closed || this.#failures > 0) return;
    this.#options.log.warn('a host is left out', { host: this.host.name, error });
    this.#failures = 1;
    this.#later();
  }

  /** Somebody has nowhere else to go: asks it now, unless it was asked just now. */
  hasten(): void {
    const { clock } = this.#options;
    if (this.#failures === 0 || this.#asking || clock.now() - this.#askedAt < BACKOFF_MS) return;
    this.#next?.cancel();
    void this.#look();
  }

  /** It has left the fleet, or has another address: nothing new goes there, what is in flight may finish. */
  close(): void {
    this.#closed = true;
    this.#next?.cancel();
    this.pool.close();
    if (this.#riders.size === 0) this.#closeAll();
  }

  #closeAll(): void {
    this.#pulse.stop();
    this.#dead?.cancel();
    this.#alive.destroy(new WireClosed('the host has left the fleet'));
    this.agent.destroy();
  }

  #silent(why: string): void {
    const { log, clock } = this.#options;
    log.warn('a host has fallen silent', { host: this.host.name, why, in_flight: this.#riders.size });
    this.failed(new Error(why));
    this.#dead = clock.after(DEAD_MS, () => {
      this.#dead = null;
      log.warn('what was in flight to a silent host is given up', { host: this.host.name, in_flight: this.#riders.size });
      for (const rider of [...this.#riders]) rider.peerSilent(true);
      // Whatever did not let go of it at once.
      if (this.#riders.size > 0) this.#pulse.start();
    });
    for (const rider of [...this.#riders]) rider.peerSilent(false);
  }

  #later(): void {
    if (this.#closed) return;
    const ms = Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** (this.#failures - 1));
    this.#next = this.#options.clock.after(ms, () => { void this.#look(); });
  }

  /** Whether it is back. */
  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    this.#asking = true;
    this.#askedAt = clock.now();
    try {
      await this.#ask();
      this.#failures = 0;
      this.#dead?.cancel();
      this.#dead = null;
      if (this.#riders.size > 0) this.#pulse.start();
      log.info('a host is back', { host: this.host.name });
    } catch {
      this.#failures++;
      this.#later();
    } finally {
      this.#asking = false;
    }
  }

  /** @throws when there was no sign of life in time */
  async #ask(): Promise<void> {
    const alive = this.#alive;
    const alarm = this.#options.clock.after(RETURN_MS, () => { alive.destroy(new Error(`no answer within ${RETURN_MS} ms`)); });
    try {
      const headers = ['Host', this.host.name, ...this.fields('')];
      const status = await statusOf(alive, { method: 'GET', path: ALIVE_PATH, headers, length: 0, body: null });
      if (status !== 204) throw new Error(`the answer is ${status}`);
    } catch (error) {
      // The next one on a connection of its own: this one may be dead, and say nothing for long.
      if (this.#alive === alive && !this.#closed) this.#alive = this.#openAlive();
      alive.destroy(new WireClosed('it was of no use'));
      throw error;
    } finally {
      alarm.cancel();
    }
  }

  #knock(withinMs: number): Promise<'there' | 'refused' | 'silent'> {
    return new Promise((resolve) => {
      const alarm = this.#options.clock.after(withinMs, () => { setImmediate(() => { setImmediate(resolve, 'silent'); }); });
      connectHop(this.host, null, null, (error, socket) => {
        alarm.cancel();
        socket?.on('error', () => undefined).destroy();
        resolve(error === null ? 'there' : error.refused ? 'refused' : 'silent');
      });
    });
  }

  #openAlive(): Pool {
    return this.#open(ALIVE_IDLE_MS);
  }

  #open(idleMs: number): Pool {
    return new Pool({
      connect: (onread, connected) => { connectHop(this.host, this.#options.tls, onread, connected); },
      clock: this.#options.clock,
      idleMs,
      marginMs: 0,
      silenceMs: SILENCE_MS,
    });
  }
}

/** Whether an attempt failed before anything was sent, and through the host. */
export function isUnreached(error: Error): boolean {
  return error instanceof HopConnectError;
}
