/**
 * What is said between the desk, which gives the starts of this host their turn, and the processes of fc-proxy that
 * ask it. Within a process as objects, through a socket as one line of JSON each. Times are durations: the clocks
 * of two processes do not start together.
 */
import { isStartFailureKind, type StartFailureKind } from './failure.ts';

/** How it stands with a generation that failed to start. */
export interface Trouble {
  /** Failures in a row. */
  readonly failures: number;
  /** Until the next try is due. */
  readonly waitMs: number;
  readonly kind: StartFailureKind;
  /** What clients are told. */
  readonly message: string;
  /** For the journal. */
  readonly evidence: string;
}

/** `start`: the instance `<app>-<gen>`. */
export type ToDesk =
  /** It is asleep, and somebody has waited for it for so long. */
  | { readonly say: 'ask'; readonly start: string; readonly forMs: number }
  /** It is being started by the one who says so, whom another desk gave the turn. */
  | { readonly say: 'hold'; readonly start: string }
  /** A start that had its turn is over. `dropped`: it says nothing about the app. */
  | { readonly say: 'ended'; readonly start: string; readonly how: 'awake' | 'failed' | 'dropped' }
  | { readonly say: 'trouble'; readonly start: string; readonly trouble: Trouble | null };

export type FromDesk =
  /** It is your turn to start it. */
  | { readonly say: 'go'; readonly start: string }
  /** Another process starts it: wait. */
  | { readonly say: 'begun'; readonly start: string }
  /** Another process has started it. */
  | { readonly say: 'awake'; readonly start: string }
  /** Another process has tried in vain, or it is not tried yet: the last trouble told says why. */
  | { readonly say: 'failed'; readonly start: string }
  | { readonly say: 'trouble'; readonly start: string; readonly trouble: Trouble | null };

/** The first of a connection to the desk, and its answer. `instance`: 1 is fc-proxy.service. */
export interface Hello { readonly say: 'hello'; readonly instance: number; readonly upMs: number }
export interface Welcome { readonly say: 'welcome'; readonly processes: number }
/** Whether anybody is there, and how many apps wait for their turn there. */
export interface Ping { readonly say: 'ping' }
export interface Pong { readonly say: 'pong'; readonly waiting: number }

/** A line longer than this is none of ours. */
export const LONGEST_WORD = 65_536;

/** What a process may say through the socket. @throws Error on anything else */
export function parseToDesk(line: string): ToDesk | Hello | Ping {
  const word = record(line);
  switch (word['say']) {
    case 'hello': return { say: 'hello', instance: count(word['instance']), upMs: amount(word['upMs']) };
    case 'ping': return { say: 'ping' };
    case 'ask': return { say: 'ask', start: instance(word['start']), forMs: amount(word['forMs']) };
    case 'hold': return { say: 'hold', start: instance(word['start']) };
    case 'ended': {
      const how = word['how'];
      if (how !== 'awake' && how !== 'failed' && how !== 'dropped') throw new Error(`a start cannot end so: ${String(how)}`);
      return { say: 'ended', start: instance(word['start']), how };
    }
    case 'trouble': return { say: 'trouble', start: instance(word['start']), trouble: trouble(word['trouble']) };
    default: throw new Error(`nobody says this at the desk: ${line.slice(0, 100)}`);
  }
}

/** What the desk may say through the socket. @throws Error on anything else */
export function parseFromDesk(line: string): FromDesk | Welcome | Pong {
  const word = record(line);
  switch (word['say']) {
    case 'welcome': return { say: 'welcome', processes: count(word['processes']) };
    case 'pong': return { say: 'pong', waiting: amount(word['waiting']) };
    case 'go': case 'begun': case 'awake': case 'failed': return { say: word['say'], start: instance(word['start']) };
    case 'trouble': return { say: 'trouble', start: instance(word['start']), trouble: trouble(word['trouble']) };
    default: throw new Error(`the desk does not say this: ${line.slice(0, 100)}`);
  }
}

function record(line: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
  return { ...value };
}

function instance(value: unknown): string {
  if (typeof value !== 'string' || !/^[a-z0-9_]{1,64}-[0-9a-f]{8}$/.test(value)) throw new Error(`no generation: ${String(value).slice(0, 100)}`);
  return value;
}

/** Of something that can be nothing. */
function amount(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0) || !Number.isFinite(value)) throw new Error(`no amount: ${String(value).slice(0, 100)}`);
  return value;
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) throw new Error(`no number from 1 on: ${String(value).slice(0, 100)}`);
  return value;
}

function trouble(value: unknown): Trouble | null {
  if (value === null) return null;
  if (typeof value !== 'object') throw new Error('no trouble');
  const { kind, message, evidence, failures, waitMs }: Readonly<Record<string, unknown>> = { ...value };
  if (!isStartFailureKind(kind) || typeof message !== 'string' || typeof evidence !== 'string') throw new Error('no trouble of an app');
  return { kind, message, evidence, failures: count(failures), waitMs: amount(waitMs) };
}
