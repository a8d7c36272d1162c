/** The program of main.ts on a host, and calls of its operations from here, one at a time. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { TestHost } from '../../support/host.ts';
import type { Operations } from './operations.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export class InHost {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(host: TestHost) {
    // The checkout, and this very node, are at the same paths there.
    this.#child = spawn(path('../../../scripts/testhost'), ['exec', host.name, '--', process.execPath, '--import', import.meta.resolve('tsx'), path('main.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines: Interface = createInterface({ input: this.#child.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** @throws Error with what went wrong there */
  async call<Name extends keyof Operations>(operation: Name, argument: Parameters<Operations[Name]>[0]): Promise<Awaited<ReturnType<Operations[Name]>>> {
    this.#child.stdin.write(`${JSON.stringify({ operation, argument })}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`the host's part of the benchmark ended during ${operation}`);
    const answer = JSON.parse(line.value) as { result: Awaited<ReturnType<Operations[Name]>> } | { error: string };
    if ('error' in answer) throw new Error(`${operation}: ${answer.error}`);
    return answer.result;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, 'close');
  }
}
