/** The first line of an answer: how things stand. Pure. */
import { type Facts, valueOf } from './facts.ts';
import { hostName, isBlind, isElsewhere, routeOf, servingOf } from './standing.ts';
import { lasting } from './words.ts';

export function headline(facts: Facts): string {
  const { app, question, rule } = facts;
  if (app === null) {
    if (isBlind(facts)) return `Of ${question.name}, nothing could be seen on ${hostName(facts)}.`;
    return question.kind === 'host'
      ? `No app has the host name ${question.name}: who asks ${hostName(facts)} for it gets a 404.`
      : notKnown(facts, question.name);
  }
  const found = question.kind === 'host' ? `${question.name} leads to the app ${app}${rule === null || rule === question.name ? '' : ` (by ${rule})`}. ` : '';
  return `${found}${standing(facts, app)}`;
}

function notKnown(facts: Facts, app: string): string {
  switch (valueOf(facts.cmdb)?.app) {
    case 'disabled': return `${app} is switched off, so it is on no host.`;
    case 'rejected': return `${app} is not on ${hostName(facts)}: its row was rejected.`;
    default: return `There is no app ${app} on ${hostName(facts)}.`;
  }
}

function standing(facts: Facts, app: string): string {
  const { at, state } = facts;
  const where = hostName(facts);
  if (isElsewhere(facts) === true) return `${app} does not run on ${where}; it is placed on other hosts.`;
  const route = routeOf(facts);
  if (route !== null && route.here === null) return `${app} is placed on no host.`;
  const container = servingOf(facts)?.container;
  const is = (doing: string, since: number | null | undefined): string =>
    (since === null || since === undefined ? `${app} is ${doing} on ${where}.` : `${app} has been ${doing} on ${where} ${lasting(since, at)}.`);
  switch (container?.activeState) {
    case 'active': case 'reloading': return is('awake', container.activeSince);
    case 'activating': return is('starting', container.since);
    case 'deactivating': return is('stopping', container.since);
    default:
  }
  if (container === undefined && state === null) {
    return route === null ? `${app} is not on ${where}.` : `${app} belongs on ${where}; whether it is awake could not be seen.`;
  }
  switch (state?.state) {
    case 'awake': case 'handing-over': return is('awake', state.since);
    case 'starting': return is('starting', state.since);
    case 'quarantined': return `${app} does not start on ${where}, and is not tried for now.`;
    case 'rejected':
      if (state.generation === null) return `${app} is not on ${where}: its row was rejected.`;
      if (state.running.includes(state.generation)) return is('awake', null);
      break;
    case 'deep': return is('in deep sleep', state.since);
    default:
  }
  if (container?.activeState === 'failed' || (servingOf(facts)?.failedAt ?? null) !== null) return `${app} did not start on ${where} when it was last asked for.`;
  return facts.imageFailure === null ? is('asleep', state?.since ?? container?.since) : `${app} is asleep on ${where}, and could not wake: its image is not there.`;
}
