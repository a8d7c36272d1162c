/** What fc-admin keeps of the meter: a file, and back. Strict, for bills are made of it. */
import { isAppName, parseInstance } from '../../model/names.ts';
import type { Account, Ended, MeterState } from './meter.ts';
import type { Positions } from './records.ts';
import type { Run, Sample, Usage } from './run.ts';

export interface Kept {
  readonly meter: MeterState;
  /** How far the records are counted. */
  readonly read: Positions;
}

const FORMAT = 1;

export function keptText({ meter, read }: Kept): string {
  return `${JSON.stringify({
    format: FORMAT,
    read: Object.fromEntries(read),
    open: meter.open,
    ended: [...meter.ended].map(([key, { counted, exact, recorded, at }]) => [key, list(counted), exact, recorded, at]),
    // A line each: there may be thousands.
    accounts: [...meter.accounts].map(([app, { usage, runs, usual, at }]) => [app, list(usage), runs, usual, at]),
  })}\n`;
}

/** @throws Error that says what is wrong with the file */
export function parseKept(text: string): Kept {
  const file = object(JSON.parse(text), 'the file');
  if (file['format'] !== FORMAT) throw new Error(`its format is ${String(file['format'])}, not ${FORMAT}`);
  return {
    read: new Map(Object.entries(object(file['read'], 'read')).map(([name, at]) => [name, number(at, 'read')])),
    meter: {
      open: array(file['open'], 'open').map(run),
      ended: new Map(array(file['ended'], 'ended').map(ended)),
      accounts: new Map(array(file['accounts'], 'accounts').map(account)),
    },
  };
}

function list({ awakeUs, byteSeconds, cpuUs }: Usage): readonly number[] {
  return [awakeUs, byteSeconds, cpuUs];
}

function account(value: unknown): [string, Account] {
  const [app, used, runs, usual, at] = array(value, 'accounts');
  if (typeof app !== 'string' || !isAppName(app)) throw new Error(`accounts: ${JSON.stringify(app)} is no app`);
  return [app, { usage: usage(used, app), runs: number(runs, app), usual: number(usual, app), at: number(at, app) }];
}

function ended(value: unknown): [string, Ended] {
  const [key, counted, exact, recorded, at] = array(value, 'ended');
  if (typeof key !== 'string' || typeof exact !== 'boolean' || typeof recorded !== 'boolean') throw new Error('ended: is no run');
  return [key, { counted: usage(counted, key), exact, recorded, at: number(at, key) }];
}

function run(value: unknown): Run {
  const { instance, boot, began, since, until, byteSeconds, sample, cpuUs } = object(value, 'open');
  if (typeof instance !== 'string' || parseInstance(instance) === null || typeof boot !== 'string') throw new Error('open: is no run');
  return {
    instance, boot,
    began: number(began, instance),
    since: since === null ? null : number(since, instance),
    until: number(until, instance),
    byteSeconds: number(byteSeconds, instance),
    sample: sample === null ? null : sampleOf(sample, instance),
    cpuUs: number(cpuUs, instance),
  };
}

function sampleOf(value: unknown, where: string): Sample {
  const { at, bytes } = object(value, where);
  return { at: number(at, where), bytes: number(bytes, where) };
}

function usage(value: unknown, where: string): Usage {
  const [awakeUs, byteSeconds, cpuUs] = array(value, where);
  return { awakeUs: number(awakeUs, where), byteSeconds: number(byteSeconds, where), cpuUs: number(cpuUs, where) };
}

function number(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new Error(`${where}: ${JSON.stringify(value)} is no number from 0 on`);
  return value;
}

function array(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${where}: is no list`);
  return value as readonly unknown[];
}

function object(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where}: is no object`);
  return value as Readonly<Record<string, unknown>>;
}
