/** Reads the folder of fc-clean's records on from where it was read before. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere, namesIn } from '../../files.ts';
import { parseRecord, type RunRecord } from './record.ts';

/** File → bytes of it that were read. */
export type Positions = ReadonlyMap<string, number>;

export interface Read {
  readonly records: readonly RunRecord[];
  readonly positions: Positions;
  /** Lines that are none. */
  readonly bad: number;
}

const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const CHUNK = 1 << 20;

/** What is new in all files; at most a MiB of each at a time, so that a long absence is caught up with in steps. @throws the file system's error */
export async function readRecords(folder: string, before: Positions): Promise<Read> {
  const days = (await namesIn(folder)).filter((name) => DAY.test(name)).sort();
  const positions = new Map<string, number>();
  const records: RunRecord[] = [];
  let bad = 0;
  for (const day of days) {
    const from = before.get(day) ?? 0;
    const text = await ifThere(readFrom(join(folder, day), from));
    if (text === null) continue;
    // A line that is being written has no end yet.
    const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1);
    // No record is that long: a file full of something else must not be read again and again.
    positions.set(day, from + (whole.length === 0 && text.length === CHUNK ? CHUNK : whole.length));
    for (const line of whole.toString('latin1').split('\n').slice(0, -1)) {
      const record = parseRecord(line);
      if (record === null) bad++;
      else records.push(record);
    }
  }
  return { records, positions, bad };
}

async function readFrom(path: string, from: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size <= from) return Buffer.alloc(0);
    const buffer = Buffer.alloc(Math.min(CHUNK, size - from));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
