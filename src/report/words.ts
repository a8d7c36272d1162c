/**
 * What a process of fc-proxy and fc-admin say to each other through report.sock, a line of JSON each. The process says
 * hello, and then reports; the next report follows once the last one was heard. What is counted is said as it stands
 * since the process began, and events by numbers of their own, so that saying something twice does no harm: a
 * process that finds fc-admin again says all of it anew.
 */
import type { InFlight, RequestSketch } from '../admin/state.ts';
import { At } from '../model/at.ts';
import { COUNTS } from './counts.ts';
import { inFlight, number, sketch, startEvent, time, type StartEvent } from './happened.ts';

/** Raised when one side could misread the other of another version: then nothing is reported until both are the same. */
export const REPORT_FORMAT = 1;

/** A line longer than this is none of ours. */
export const LONGEST_REPORT = 4 * 2 ** 20;

/** Apps in one report, at most. */
export const APPS_AT_ONCE = 500;

export interface Hello {
  readonly say: 'hello';
  readonly format: number;
  /** No other process has had this name, nor will. */
  readonly process: string;
  readonly pid: number;
  /** Which of the host's processes: 1 is fc-proxy.service. */
  readonly instance: number;
}

/** How an app stands, or what belongs to none. */
export interface TallyReport {
  readonly inFlight: number;
  /** See counts.ts. */
  readonly counts: readonly number[];
  /** Its last request since the process began. */
  readonly last: RequestSketch | null;
}

/** A generation, `<app>-<gen>` as in units' names, that failed to start; `retryAt`: null, it is tried when somebody asks. */
export interface Trouble {
  readonly generation: string;
  readonly failures: number;
  readonly retryAt: number | null;
  readonly why: string;
}

export interface Report {
  readonly say: 'report';
  /** Rises by one each; heard() names it. */
  readonly n: number;
  readonly connections: number;
  readonly startsWaiting: number;
  readonly startsRunning: number;
  /** Those that have changed. */
  readonly apps: readonly (readonly [app: string, tally: TallyReport])[];
  /** Requests that were passed on to other hosts, which count them for their apps. */
  readonly passed: TallyReport | null;
  /** Those that are for no app. */
  readonly unrouted: TallyReport | null;
  /** All there are; null: as before. */
  readonly troubles: readonly Trouble[] | null;
  readonly events: readonly (readonly [seq: number, event: StartEvent])[];
  /** The process ends as soon as this is heard, and stored. */
  readonly last: boolean;
}

/** What is in flight of an app, in one process; of many, the first that came. */
export interface WhoAnswer extends Pick<InFlight, 'count' | 'requests'> {
  readonly say: 'in-flight';
  readonly ask: number;
}

export type ToAdmin = Hello | Report | WhoAnswer;

export type FromAdmin =
  | { readonly say: 'heard'; readonly n: number }
  /** Who is in flight of this app? */
  | { readonly say: 'who'; readonly ask: number; readonly app: string };

/** @throws Error on anything else */
export function parseToAdmin(line: string): ToAdmin {
  const at = atLine(line);
  switch (at.member('say').value) {
    case 'hello': return {
      say: 'hello', format: at.member('format').whole(0, 2 ** 31), process: at.member('process').text(/^[0-9a-f-]{1,64}$/),
      pid: at.member('pid').whole(1, 2 ** 31), instance: at.member('instance').whole(1, 99),
    };
    case 'report': return report(at);
    case 'in-flight': return { say: 'in-flight', ask: number(at.member('ask')), ...inFlight(at) };
    default: return at.member('say').fail('is not understood');
  }
}

/** @throws Error on anything else */
export function parseFromAdmin(line: string): FromAdmin {
  const at = atLine(line);
  switch (at.member('say').value) {
    case 'heard': return { say: 'heard', n: number(at.member('n')) };
    case 'who': return { say: 'who', ask: number(at.member('ask')), app: at.member('app').text() };
    default: return at.member('say').fail('is not understood');
  }
}

function atLine(line: string): At {
  const value: unknown = JSON.parse(line);
  return new At(value, '', (message) => new Error(message));
}

function report(at: At): Report {
  return {
    say: 'report',
    n: number(at.member('n')),
    connections: number(at.member('connections')),
    startsWaiting: number(at.member('startsWaiting')),
    startsRunning: number(at.member('startsRunning')),
    apps: at.member('apps').list((pair) => {
      const [app, value] = pair.list((part) => part);
      if (app === undefined || value === undefined) return pair.fail('is no app with its counts');
      return [app.text(/^[a-z0-9-]{1,40}$/), tally(value)] as const;
    }),
    passed: at.member('passed').orNull(tally),
    unrouted: at.member('unrouted').orNull(tally),
    troubles: at.member('troubles').orNull((troubles) => troubles.list((one) => ({
      generation: one.member('generation').text(INSTANCE), failures: number(one.member('failures')),
      retryAt: one.member('retryAt').orNull(time), why: one.member('why').text(),
    }))),
    events: at.member('events').list((pair) => {
      const [seq, value] = pair.list((part) => part);
      if (seq === undefined || value === undefined) return pair.fail('is no event with its number');
      return [number(seq), startEvent(value)] as const;
    }),
    last: at.member('last').flag(),
  };
}

const INSTANCE = /^[a-z0-9_]{1,64}-[0-9a-f]{8}$/;

function tally(at: At): TallyReport {
  const counts = at.member('counts').list((count) => count.amount());
  if (counts.length !== COUNTS) at.member('counts').fail(`has ${counts.length} numbers, not ${COUNTS}`);
  return { inFlight: number(at.member('inFlight')), counts, last: at.member('last').orNull(sketch) };
}
