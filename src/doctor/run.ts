/** Runs a program that looks at something, for a while at most. */
import { spawn } from 'node:child_process';
import { NotLooked } from './check.ts';

export interface Ran {
  /** Exit status; null: a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** There is no such program. */
export class NoProgram extends NotLooked {
  override readonly name = 'NoProgram';
}

export interface RunOptions {
  readonly input?: string;
  /** Whose rights it has; root only. */
  readonly as?: { readonly uid: number; readonly gid: number };
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 8_000;

/** Nobody looks at more than this; a program that goes on talking is ended. */
const MOST_OUTPUT = 64 * 2 ** 20;

/** What programs say is read by this program: never translated. The folders of root's programs are not in every user's PATH. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/root' };

/**
 * The end of a program that may fail: its status is the caller's to judge.
 * @throws NoProgram; NotLooked when it has not ended in time; it is killed then, with all that it started, but
 *   one that waits for a dead file server stays until that answers.
 */
export function run(program: string, args: readonly string[], { input = '', as, timeoutMs = TIMEOUT_MS }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: ENVIRONMENT, cwd: '/', ...as });
    const texts = { stdout: '', stderr: '' };
    const end = (): void => {
      if (child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch { /* It has just ended. */ }
      }
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
    };
    const timer = setTimeout(() => {
      end();
      reject(new NotLooked(`${program} ${args[0] ?? ''} has not ended within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] += text;
        if (texts[name].length <= MOST_OUTPUT) return;
        end();
        reject(new NotLooked(`${program} says more than can be looked at`));
      });
    }
    // It may end without reading all of its input; its status says more.
    child.stdin.on('error', () => undefined).end(input);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject('code' in cause && cause.code === 'ENOENT' ? new NoProgram(`there is no program ${program}`) : cause);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ ...texts, code });
    });
  });
}

/** The output of a program that must succeed. @throws NotLooked with what it said when it has not */
export async function output(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new NotLooked(`${program} ${args[0] ?? ''}: ${lastLine(stderr) || `ended with ${code ?? 'a signal'}`}`);
  return stdout;
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
