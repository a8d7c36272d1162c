/**
 * A request's way to an app that is awake: found, woken, and found again when
 * the app changes or dies meanwhile. Exchange and Tunnel share it.
 */
import type { Logger } from '../log.ts';
import { Gone, Left, type Activator, type Wait } from './activate.ts';
import { pause, type Clock } from './clock.ts';
import type { Generation, Waited } from './generation.ts';
import { Problem } from './problem.ts';
import { addWait } from './receipt.ts';
import type { Router } from './router.ts';
import type { Path } from './upstream.ts';

/** What all requests share. */
export interface ProxyContext {
  readonly activator: Activator;
  readonly router: Router;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this process is about to end, so that clients should connect anew. */
  readonly draining: () => boolean;
}

/** One sending of a request, and how it failed. */
export interface FailedAttempt {
  readonly generation: Generation;
  /** The generation's epoch when the attempt began. */
  readonly epoch: number;
  readonly path: Path;
  readonly error: Error;
}

/** Times that an app's generation may change under a request. */
const MAX_REROUTES = 3;

/** How long an app must refuse connections, at its address, before it is taken for one that listens on loopback only. */
const LOOPBACK_AFTER_MS = 200;

export class Visit {
  readonly #context: ProxyContext;
  readonly #host: string;
  readonly #arrivedAt: number;
  #deadline: number | null = null;
  #wait: Wait | null = null;
  #left = false;
  #reroutes = 0;
  #failures = 0;
  /** Since when the app has refused connections, and how often its container had ended then. */
  #refused: { since: number; ends: number } | null = null;
  /** What it waited for so far; null: for no start. */
  waited: Waited | null = null;

  constructor(context: ProxyContext, host: string, arrivedAt: number) {
    this.#context = context;
    this.#host = host;
    this.#arrivedAt = arrivedAt;
  }

  /**
   * The app's generation, awake.
   * @throws Problem, or Left after leave()
   */
  async activate(): Promise<Generation> {
    const { activator, router } = this.#context;
    for (;;) {
      const { generation: spec } = router.here(await router.resolve(this.#host));
      if (this.#left) throw new Left();
      const generation = activator.generation(spec);
      if (activator.ready(generation)) return generation;
      this.#deadline ??= this.#arrivedAt + spec.startTimeoutS * 1000;
      try {
        this.#wait = activator.wait(generation, this.#arrivedAt, this.#deadline);
        this.waited = addWait(this.waited, await this.#wait.done);
        return generation;
      } catch (error) {
        if (error instanceof Left || ++this.#reroutes > MAX_REROUTES) throw error;
        if (error instanceof Gone) await router.reload();
        // A newer generation may serve already, and knows nothing of this one's troubles.
        const now = router.find(this.#host);
        if (now?.kind !== 'here' || now.generation.instance === spec.instance) throw error;
      } finally {
        this.#wait = null;
      }
    }
  }

  /** The client has gone: nobody waits here any more. */
  leave(): void {
    this.#left = true;
    this.#wait?.leave();
  }

  /**
   * After a failed attempt that may be made again: waits for the right moment.
   * The first failure grants the time of one more start; the pauses grow.
   * @returns whether there is still time for another attempt
   */
  async again({ generation, epoch, path, error }: FailedAttempt): Promise<boolean> {
    const { activator, clock, log } = this.#context;
    const now = clock.now();
    activator.suspect(generation, epoch);
    if (this.#failures++ === 0) this.#deadline = Math.max(this.#deadline ?? 0, now + generation.spec.startTimeoutS * 1000);
    const pauseMs = this.#failures === 1 ? 0 : Math.min(500, 5 * 2 ** (this.#failures - 2));
    if (now + pauseMs >= (this.#deadline ?? now)) return false;
    try {
      await this.#mendPath(generation, path, error, now);
    } catch (cause) {
      log.warn('cannot start the socket of an app', { generation: generation.spec.instance, error: cause instanceof Error ? cause : String(cause) });
    }
    if (pauseMs > 0) await pause(clock, pauseMs);
    return true;
  }

  /** An app that listens on loopback only is reached through its gate. */
  async #mendPath(generation: Generation, path: Path, error: Error, now: number): Promise<void> {
    const refused = codeOf(error) === 'ECONNREFUSED';
    const { upstream, ends } = generation;
    if (path === 'socket') {
      if (refused || codeOf(error) === 'ENOENT') await this.#context.activator.openSocket(generation);
      return;
    }
    if (!refused || upstream.directWorks || this.#refused?.ends !== ends) {
      this.#refused = refused ? { since: now, ends } : null;
      return;
    }
    // The container is there, its lease was renewed in between, and still nobody is at its address.
    if (now - this.#refused.since >= LOOPBACK_AFTER_MS && upstream.path === 'direct') {
      this.#context.log.info('the app does not listen on its own address: going through its gate', { generation: generation.spec.instance });
      upstream.path = 'socket';
    }
  }
}

/** The `code` of node's and undici's errors, or nothing. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What the client is told once no further attempt is made. */
export function givenUp(sent: boolean, error: Error): Problem {
  return sent
    ? new Problem('app-broke', 'The app broke the connection before it answered.', { cause: error })
    : new Problem('unreachable', 'The app runs, but accepts no connection.', { cause: error, retryAfterS: 5 });
}
