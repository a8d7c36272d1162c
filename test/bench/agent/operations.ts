/**
 * What is measured on the host itself, where entering it costs nothing. Ends of commands that are started here are awaited;
 * those that stay are ended by `end`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { visit, type Answer, type Visit } from './visit.ts';

export interface Start {
  /** Started first; null: the first try is what starts it. */
  readonly command: readonly string[] | null;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the command ends by itself, and must end well; else it is the app, and stays. */
  readonly ends: boolean;
  readonly visit: Visit;
}

export interface StartMany {
  /** Starts `visits.length` of them, and writes the number of each, from 0, once it is started. */
  readonly command: readonly string[];
  readonly visits: readonly Visit[];
}

/** Between the end of one try and the next. */
const EVERY_MS = 2;
const DEADLINE_MS = 60_000;
/** Commands that stay. */
const staying: ChildProcess[] = [];

export const operations = {
  /** One visit, and what it is told. */
  visit: (one: Visit): Promise<Answer> => visit(one),

  /** Visits that all begin at once. Who is told 503 and when to come again does so, once. @returns what each was told, in their order */
  crowd: (visits: readonly Visit[]): Promise<Answer[][]> => Promise.all(visits.map(async (one) => {
    const answer = await visit(one);
    const seconds = Number(answer.headers['retry-after'] ?? NaN);
    if (answer.status !== 503 || !Number.isFinite(seconds)) return [answer];
    await sleep(seconds * 1000);
    return [answer, await visit(one)];
  })),

  /** Starts a command and asks, one try after the other, until an answer is 200. @returns milliseconds until its first byte */
  start: async ({ command, env, ends, visit: one }: Start): Promise<number> => {
    const began = performance.now();
    if (command === null) return firstByte(one, began);
    const child = begin(command, env);
    if (!ends) {
      staying.push(child);
      return firstByte(one, began);
    }
    const [ms] = await Promise.all([firstByte(one, began), endOf(child, command)]);
    return ms;
  },

  /** Starts a command that starts many, and asks each once the command says that it is started. @returns milliseconds from the beginning, of each */
  startMany: async ({ command, visits }: StartMany): Promise<number[]> => {
    const began = performance.now();
    const child = begin(command, {});
    const asked: Promise<[number, number]>[] = [];
    if (child.stdout === null) throw new Error('no standard output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const index = Number(line);
      const one = visits[index];
      if (one !== undefined) asked.push(firstByte(one, began).then((ms): [number, number] => [index, ms]));
    });
    // However it ends, nobody is left asking.
    await endOf(child, command).finally(() => Promise.allSettled(asked));
    if (asked.length !== visits.length) throw new Error(`${command.join(' ')} started ${asked.length} of ${visits.length}`);
    const given = new Map(await Promise.all(asked));
    return visits.map((_, index) => given.get(index) ?? NaN);
  },

  /** Ends the commands that stay. */
  end: async (_nothing: null): Promise<null> => {
    await Promise.all(staying.splice(0).map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    }));
    return null;
  },
};

export type Operations = typeof operations;

function begin([program = '', ...args]: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
}

async function endOf(child: ChildProcess, command: readonly string[]): Promise<void> {
  child.stdout?.resume();
  const [code] = await once(child, 'close') as [number | null];
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}`);
}

async function firstByte(one: Visit, began: number): Promise<number> {
  for (let last = ''; ;) {
    const tried = performance.now();
    try {
      const { status, firstMs } = await visit(one);
      if (status === 200) return tried - began + firstMs;
      last = `status ${status}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() - began > DEADLINE_MS) throw new Error(`port ${one.port} gave no 200 within ${DEADLINE_MS} ms; at last: ${last}`);
    await sleep(EVERY_MS);
  }
}
