/** fc-status --watch: asks again and again, and shows each answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AdminError } from '../admin/client.ts';
import { print } from '../cli/output.ts';
import { Screen } from '../cli/screen.ts';

/** Somebody has had enough. */
export class Stop {
  readonly #controller = new AbortController();
  /** Kept once it was told. */
  readonly told: Promise<null>;

  constructor() {
    const { signal } = this.#controller;
    this.told = new Promise((resolve) => { signal.addEventListener('abort', () => { resolve(null); }, { once: true }); });
  }

  readonly tell = (): void => { this.#controller.abort(); };

  /** @returns whether nobody has had enough meanwhile */
  async pause(ms: number): Promise<boolean> {
    const { signal } = this.#controller;
    return await sleep(ms, true, { signal }).catch(() => false);
  }

  /** Null: somebody has had enough before. */
  async unless<T>(asked: Promise<T>): Promise<{ readonly value: T } | null> {
    return await Promise.race([asked.then((value) => ({ value })), this.told]);
  }
}

export interface Watched<T> {
  /** @throws AdminError */
  readonly ask: () => Promise<T>;
  /** The lines to show, for the window as it is; `trouble`: why there is nothing newer, null: it is fresh. */
  readonly lines: (told: T, trouble: string | null) => readonly string[];
  readonly everyMs: number;
  readonly stop: Stop;
  readonly terminal: boolean;
  /** What stands between one and the next where there is no terminal. */
  readonly between: string;
}

/**
 * Until it is told to stop.
 * @throws AdminError when the first answer cannot be had: later ones are waited for
 */
export async function watch<T>(watched: Watched<T>): Promise<void> {
  const told = await watched.stop.unless(watched.ask());
  if (told === null) return;
  if (watched.terminal) await onScreen(watched, told.value);
  else await oneAfterTheOther(watched, told.value);
}

async function onScreen<T>(watched: Watched<T>, first: T): Promise<void> {
  const { lines, stop } = watched;
  let [told, trouble]: [T, string | null] = [first, null];
  const screen = new Screen(() => { screen.draw(lines(told, trouble)); }, stop.tell);
  screen.enter();
  try {
    screen.draw(lines(told, trouble));
    for await (const next of answers(watched)) {
      if (next instanceof AdminError) trouble = next.message;
      else [told, trouble] = [next.value, null];
      screen.draw(lines(told, trouble));
    }
  } finally {
    screen.leave();
  }
}

async function oneAfterTheOther<T>(watched: Watched<T>, first: T): Promise<void> {
  await print(`${watched.lines(first, null).join('\n')}\n`);
  for await (const next of answers(watched)) {
    if (next instanceof AdminError) process.stderr.write(`fc-status: ${next.message}\n`);
    else await print(`${watched.between}${watched.lines(next.value, null).join('\n')}\n`);
  }
}

/** One each interval, from the second on, or why it could not be had. */
async function* answers<T>({ ask, everyMs, stop }: Watched<T>): AsyncGenerator<{ readonly value: T } | AdminError> {
  while (await stop.pause(everyMs)) {
    try {
      const told = await stop.unless(ask());
      if (told === null) return;
      yield told;
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      yield error;
    }
  }
}
