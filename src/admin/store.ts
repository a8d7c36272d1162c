/** What fc-admin has counted, as text: it outlives restarts of fc-admin, of fc-proxy and of the host. Pure. */
import { At } from '../model/at.ts';
import { COUNTS, countsJson, type Counts } from '../report/counts.ts';
import { hostEvent, sketch } from '../report/happened.ts';
import type { Account } from './account.ts';
import type { EventLog } from './events.ts';
import type { Ledger, Said } from './ledger.ts';
import type { RequestSketch } from './state.ts';

const FORMAT = 1;
/** What is kept of an app that has gone: two months. */
const KEPT_MS = 62 * 86_400_000;
/** A run that ended without a farewell may have given numbers that it had not stored. */
const EVENTS_SKIPPED = 1000;

export interface Kept {
  readonly ledger: Ledger;
  readonly events: EventLog;
  /** When this host began to count, ms since the epoch. */
  since: number;
}

/** @param boot the boot that this is: no process outlives it */
export function storeText({ ledger, events, since }: Kept, boot: string, now = Date.now()): string {
  const apps = [...ledger.apps].filter(([, { knownAt }]) => now - knownAt < KEPT_MS);
  return JSON.stringify({
    format: FORMAT, boot, since, next: events.next,
    apps: Object.fromEntries(apps.map(([app, of]) => [app, accountJson(of)])),
    passed: accountJson(ledger.passed),
    unrouted: accountJson(ledger.unrouted),
    processes: Object.fromEntries([...ledger.said].map(([process, { apps: said, passed, unrouted, seq, at }]) => [process, {
      seq, at, passed: countsJson(passed), unrouted: countsJson(unrouted),
      apps: Object.fromEntries([...said].map(([app, counts]) => [app, countsJson(counts)])),
    }])),
    events: events.since(0),
  });
}

function accountJson({ counts, last, sleptAt, knownAt, startMs }: Account): object {
  return { counts: countsJson(counts), last, sleptAt, knownAt, startMs };
}

/** Takes over what storeText() gave, all of it or nothing. @throws Error that says what is wrong with it */
export function readStore(text: string, kept: Kept, boot: string): void {
  const value: unknown = JSON.parse(text);
  const at = new At(value, '', (message) => new Error(message));
  if (at.member('format').value !== FORMAT) at.member('format').fail(`is not ${FORMAT}`);
  const since = at.member('since').amount();
  const apps = at.member('apps').entries(account);
  const [passed, unrouted] = [account(at.member('passed')), account(at.member('unrouted'))];
  const processes = at.member('boot').value === boot ? at.member('processes').entries(said) : [];
  const happened = at.member('events').list(hostEvent);
  const next = at.member('next').whole(1, Number.MAX_SAFE_INTEGER);

  kept.since = since;
  for (const [app, stored] of apps) restore(kept.ledger.of(app), stored);
  restore(kept.ledger.passed, passed);
  restore(kept.ledger.unrouted, unrouted);
  for (const [process, one] of processes) kept.ledger.said.set(process, one);
  kept.events.restore(happened, next + EVENTS_SKIPPED);
}

interface StoredAccount {
  readonly counts: Counts;
  readonly last: RequestSketch | null;
  readonly sleptAt: number;
  readonly knownAt: number;
  readonly startMs: readonly number[];
}

function account(at: At): StoredAccount {
  return {
    counts: counts(at.member('counts')), last: at.member('last').orNull(sketch), sleptAt: at.member('sleptAt').amount(), knownAt: at.member('knownAt').amount(),
    startMs: at.member('startMs').list((one) => one.amount()),
  };
}

function restore(into: Account, { counts, last, sleptAt, knownAt, startMs }: StoredAccount): void {
  into.counts.set(counts);
  into.last = last;
  into.sleptAt = sleptAt;
  into.knownAt = knownAt;
  for (const ms of startMs) into.started(ms);
}

function said(at: At): Said {
  return {
    apps: new Map(at.member('apps').entries(counts)), passed: counts(at.member('passed')), unrouted: counts(at.member('unrouted')),
    seq: at.member('seq').whole(0, Number.MAX_SAFE_INTEGER), at: at.member('at').amount(),
  };
}

function counts(at: At): Counts {
  const numbers = at.list((one) => one.amount());
  if (numbers.length !== COUNTS) at.fail(`has ${numbers.length} numbers, not ${COUNTS}`);
  return Float64Array.from(numbers);
}
