/**
 * The other processes: fc-proxy.service starts the instances of fc-proxy@.service, as many as its configuration
 * says. When it has been restarted itself, for a new program or new settings, it restarts them one after the other,
 * each when the one before serves: at no time does nobody accept connections.
 */
import type { Logger } from '../log.ts';
import type { Manager } from '../systemd/manager.ts';
import { pause, type Clock } from './clock.ts';
import type { Hello } from './desk-words.ts';

export interface SiblingsOptions {
  readonly manager: Pick<Manager, 'run'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly processes: number;
}

const JOB_TIMEOUT_MS = 30_000;
/** One that does not come to the desk is not waited for any longer. */
const READY_MS = 10_000;

export class Siblings {
  readonly #options: SiblingsOptions;
  readonly #ready = new Map<number, { readonly since: number; readonly come: () => void }>();
  #stopped = false;

  constructor(options: SiblingsOptions) {
    this.#options = options;
  }

  /** Somebody has come to the desk, which processes do once they serve. */
  joined({ instance, upMs }: Hello): void {
    const waits = this.#ready.get(instance);
    // The one before it may come back as well.
    if (waits !== undefined && this.#options.clock.now() - upMs >= waits.since) waits.come();
  }

  /** This process is about to end, and its successor will do it. */
  stop(): void {
    this.#stopped = true;
  }

  /** Starts them, or has those that run replaced. Never rejects. */
  async start(verb: 'start' | 'restart'): Promise<void> {
    const { manager, clock, log, processes } = this.#options;
    for (let instance = 2; instance <= processes && !this.#stopped; instance++) {
      const unit = `fc-proxy@${instance}.service`;
      try {
        const since = clock.now();
        const ready = new Promise<void>((come) => { this.#ready.set(instance, { since, come }); });
        const result = await manager.run(verb, unit, JOB_TIMEOUT_MS);
        if (result !== 'done') log.warn('another process of fc-proxy does not start', { unit, job: result });
        else if (verb === 'restart') await Promise.race([ready, pause(clock, READY_MS)]);
      } catch (error) {
        log.warn('another process of fc-proxy cannot be started', { unit, error: error instanceof Error ? error : String(error) });
      } finally {
        this.#ready.delete(instance);
      }
    }
  }
}
