/** Runs on the host: an operation a line comes in, what it gave goes out. See in-host.ts. */
import { createInterface } from 'node:readline';
import { operations } from './operations.ts';

const calls = operations as Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, argument } = JSON.parse(line) as { operation: string; argument: unknown };
  let answer: object;
  try {
    answer = { result: await calls[operation]?.(argument) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
