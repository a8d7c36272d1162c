/** Asks again and again: often while somebody looks, seldom while nobody does, less and less while it fails. */

const HIDDEN_MS = 30_000;
const LONGEST_MS = 30_000;
const ANSWER_MS = 10_000;

/** How long to wait after `failures` in a row. Pure.
 * @param {number} everyMs
 * @param {number} failures
 * @param {boolean} hidden
 */
export function pauseMs(everyMs, failures, hidden) {
  const pause = Math.min(LONGEST_MS, everyMs * 2 ** failures);
  return hidden ? Math.max(HIDDEN_MS, pause) : pause;
}

/**
 * What fc-admin says at `path`.
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<unknown>}
 * @throws {Error} whose message says what is wrong, for a person
 */
export async function get(path, signal) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
  } catch (cause) {
    throw new Error(isTimeout(cause) ? `fc-admin has not answered within ${ANSWER_MS / 1000} s` : 'fc-admin does not answer', { cause });
  }
  if (!response.ok) throw new Error(`fc-admin answers ${response.status} ${response.statusText}`);
  try {
    return await response.json();
  } catch (cause) {
    throw new Error(isTimeout(cause) ? 'fc-admin broke off in its answer' : 'fc-admin answers what cannot be read', { cause });
  }
}

/** @param {unknown} cause */
function isTimeout(cause) {
  return cause instanceof DOMException && cause.name === 'TimeoutError';
}

export class Poll {
  /** @type {(signal: AbortSignal) => Promise<void>} */
  #ask;
  /** @type {(error: Error) => void} */
  #failed;
  #everyMs;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #under = new AbortController();

  /**
   * @param {number} everyMs
   * @param {(signal: AbortSignal) => Promise<void>} ask
   * @param {(error: Error) => void} failed
   */
  constructor(everyMs, ask, failed) {
    this.#everyMs = everyMs;
    this.#ask = ask;
    this.#failed = failed;
    document.addEventListener('visibilitychange', () => { this.now(); });
    this.now();
  }

  /** Asks at once; an answer that is still to come counts no more. */
  now() {
    clearTimeout(this.#timer);
    this.#under.abort();
    this.#under = new AbortController();
    void this.#turn(this.#under.signal);
  }

  /** @param {AbortSignal} signal */
  async #turn(signal) {
    try {
      await this.#ask(signal);
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#failures++;
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    }
    if (signal.aborted) return;
    this.#timer = setTimeout(() => { this.now(); }, pauseMs(this.#everyMs, this.#failures, document.hidden));
  }
}
