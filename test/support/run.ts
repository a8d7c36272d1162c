/** Runs a program to its end, and its whole process group with it when the time is up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; 128 + the signal's number when a signal ended it, as in a shell. */
  readonly code: number;
}

export interface RunOptions {
  readonly input?: string;
  /** Default: one minute. */
  readonly timeoutMs?: number;
}

/** @throws Error when the program cannot be started or has not ended in time */
export async function run(command: string, args: readonly string[], { input, timeoutMs = 60_000 }: RunOptions = {}): Promise<Result> {
  // A group of its own: nsenter passes no signal on to what it runs.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { texts.stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { texts.stderr += text; });
  child.stdin.on('error', () => { /* It ended without reading all of its input; its status says more. */ });
  child.stdin.end(input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  try {
    const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
    if (late) throw new Error(`${[command, ...args].join(' ')} did not end within ${timeoutMs} ms\n${texts.stdout}${texts.stderr}`);
    return { ...texts, code: code ?? 128 + signalNumber(signal) };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * run(), for what must succeed.
 * @throws Error with everything the program said
 */
export async function runOk(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { stdout, stderr, code } = await run(command, args, options);
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
