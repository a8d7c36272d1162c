/**
 * What happened on a host, and who is in flight, of JSON: as processes of fc-proxy tell fc-admin, as that stores it, and as
 * it tells others. Each throws the error of `at` when it is none. Pure.
 */
import type { HostEvent, InFlight, RequestSketch, StartTimes } from '../admin/state.ts';
import type { At } from '../model/at.ts';

/** Distributes over the kinds. */
export type WithoutId<E> = E extends HostEvent ? Omit<E, 'id'> : never;

/** A start, as the process of fc-proxy tells of it that asked for it. */
export type StartEvent = WithoutId<Extract<HostEvent, { kind: 'woke' | 'start-failed' }>>;

/** Of things that are counted. */
export function number(at: At): number {
  return at.whole(0, Number.MAX_SAFE_INTEGER);
}

/** A moment, ms since the epoch. */
export function time(at: At): number {
  return at.amount(0, 8.64e15);
}

export function sketch(at: At): RequestSketch {
  return {
    at: time(at.member('at')), method: at.member('method').text(), host: at.member('host').text(), path: at.member('path').text(),
    client: at.member('client').text(), userAgent: at.member('userAgent').text(), bot: at.member('bot').flag(),
  };
}

export function inFlight(at: At): Pick<InFlight, 'count' | 'requests'> {
  return {
    count: number(at.member('count')),
    requests: at.member('requests').list((one) => ({
      app: one.member('app').text(), request: sketch(one.member('request')), doing: one.member('doing').oneOf(['waiting', 'request', 'upgrade']),
    })),
  };
}

export function startEvent(at: At): StartEvent {
  const common = {
    at: time(at.member('at')), app: at.member('app').text(), generation: at.member('generation').text(/^[0-9a-f]{8}$/),
    request: at.member('request').orNull(sketch),
  };
  switch (at.member('kind').value) {
    case 'woke': return { kind: 'woke', ...common, times: startTimes(at.member('times')) };
    case 'start-failed': return {
      kind: 'start-failed', ...common, why: at.member('why').text(), evidence: at.member('evidence').text(),
      failures: number(at.member('failures')), retryAt: at.member('retryAt').orNull(time),
    };
    default: return at.member('kind').fail('is no kind of event');
  }
}

export function hostEvent(at: At): HostEvent {
  const kind = at.member('kind').oneOf(['woke', 'start-failed', 'slept', 'handed-over']);
  const id = at.member('id').whole(1, Number.MAX_SAFE_INTEGER);
  if (kind !== 'slept' && kind !== 'handed-over') return { id, ...startEvent(at) };
  const common = { id, at: at.member('at').amount(), app: at.member('app').text(), generation: at.member('generation').text() };
  return kind === 'slept'
    ? { ...common, kind, awakeMs: at.member('awakeMs').amount() }
    : { ...common, kind, from: at.member('from').text() };
}

const PARTS = ['systemd', 'network', 'prepare', 'podman', 'ready'] as const;

function startTimes(at: At): StartTimes {
  const parts = PARTS.flatMap((part) => {
    const value = at.member(part);
    return value.value === undefined ? [] : [[part, value.amount()] as const];
  });
  return { queue: at.member('queue').amount(), start: at.member('start').amount(), ...Object.fromEntries(parts) };
}
