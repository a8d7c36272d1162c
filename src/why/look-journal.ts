/** The last that a unit said. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LogLine } from './facts.ts';

const run = promisify(execFile);

export interface Said {
  readonly lines: readonly LogLine[];
  /** When it failed to start, if it has not started since. */
  readonly failedAt: number | null;
}

const LINES = 60;

/** sd-messages(3): a unit begins to start. What is before it belongs to another time. */
const STARTING = '7d4958e842da4a758f6c1cdc7b36dcc5';
const STARTED = '39f53479d3a045ac8e11786248231fbf';
/** Its start has failed, or that of what it needs. */
const FAILED = 'be02cf6855d2428ba40df7e9d022f03d';
/** It has started; it is being stopped; it has stopped: its state says so, too. */
const SAID_ELSEWHERE = new Set([STARTED, 'de5b426a63be47a7b6ac3eaac82e2f6f', '9d1aaa27d60140bd96365438aad20286', '7ad2d189f7e94e70a38c781354912448', 'ae8f7b866b0347b9af31fe1c80b127c0']);

/** Of the last time that it was started, oldest first; empty when there is nothing, or nothing that may be read. */
export async function lastLines(unit: string): Promise<Said> {
  const { stdout } = await run('journalctl', ['--quiet', '--no-pager', '--output=json', '--output-fields=MESSAGE,MESSAGE_ID,_PID', `--lines=${LINES}`, `--unit=${unit}`], { timeout: 20_000, maxBuffer: 64 * 1024 * 1024 })
    .catch(() => ({ stdout: '' }));
  return parseLines(stdout);
}

/** journalctl's JSON, a record a line. */
export function parseLines(text: string): Said {
  const lines: LogLine[] = [];
  let failedAt: number | null = null;
  for (const record of text.split('\n')) {
    const fields = asRecord(record);
    if (fields === null) continue;
    const id = fields['MESSAGE_ID'];
    const at = Number(fields['__REALTIME_TIMESTAMP']) / 1000;
    if (id === STARTED || id === FAILED) failedAt = id === FAILED ? at : null;
    if (id === STARTING) lines.length = 0;
    else if (typeof id !== 'string' || !SAID_ELSEWHERE.has(id)) {
      lines.push({ at, by: fields['_PID'] === '1' ? 'systemd' : 'app', text: messageOf(fields['MESSAGE']) });
    }
  }
  return { lines, failedAt };
}

/** Text, or the bytes of what is none; null where it was too long. */
function messageOf(message: unknown): string {
  if (Array.isArray(message)) return Buffer.from(message.filter((byte) => typeof byte === 'number')).toString('utf8');
  return typeof message === 'string' ? message : '(a line that is too long to be shown)';
}

function asRecord(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : null;
  } catch {
    return null;
  }
}
